//! One attempt: read the endpoint afresh, sign, send, and say what follows.
//!
//! Next on a message's way: `crates/delivery/src/sender/mod.rs`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{
    AttemptId, AttemptStatus, DeliveryState, DisabledReason, EndpointId, FailureKind, Next,
    NextInput, NextReason, RetryPolicy, Timestamp, Trigger,
};
use postrider_store::{
    AppCache, Clock, DeliveryEvent, EndpointConfig, Job, NewAttempt, Outcome, Purpose, Step, Store,
    StoreError,
};
use postrider_verify::Outgoing;
use tokio::sync::mpsc;

use super::counts::Counts;
use super::in_hand::InHand;
use super::prepared::{Prepared, Preparer};
use crate::jitter::jitter;
use crate::lanes::{Answered, Lanes};
use crate::lease::Lease;
use crate::sender::{DeliveryHeaders, Report, Request, Sender, classify};

/// How long a delivery waits when something of ours is in the way.
const REST: Duration = Duration::from_secs(1);
/// The organisation hears of a delivery that has failed so many times.
const FAILING_AFTER: i32 = 4;

/// Makes attempts.
pub(crate) struct Executor {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) cache: AppCache,
    pub(crate) preparer: Preparer,
    pub(crate) sender: Sender,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) outcomes: mpsc::Sender<Outcome>,
    pub(crate) request_timeout: Duration,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) counts: Counts,
}

/// What follows an attempt.
#[derive(Clone, Copy)]
struct Verdict {
    status: AttemptStatus,
    failure: Option<FailureKind>,
    state: DeliveryState,
    next_at: Option<Timestamp>,
    reason: NextReason,
}

impl Executor {
    /// Delivers one job, or puts it back unsent.
    pub(crate) async fn deliver(&self, in_hand: InHand) {
        let Some(job) = in_hand.job().cloned() else {
            return;
        };
        if job.owner != self.lease.node() {
            // This node was given up meanwhile: the delivery is others' now.
            self.lanes.held.remove(job.endpoint_id, job.message_id);
            return in_hand.done(None);
        }
        if let Purpose::Scheduled {
            restart: Some(restart),
            ..
        } = job.purpose
            && self.store.is_stopped(restart.task)
        {
            return Box::pin(self.end(in_hand, &job, restart.before)).await;
        }
        let (endpoint, is_watched) = match self.endpoint(&job).await {
            Ok(Some(found)) => found,
            Ok(None) => return Box::pin(self.give_up(in_hand, &job)).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot read an endpoint; its delivery waits"
                );
                return in_hand.put_back(REST);
            }
        };
        let Some(payload) = job.payload.clone() else {
            return Box::pin(self.give_up(in_hand, &job)).await;
        };
        let prepared = match self.preparer.prepare(&endpoint) {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::error!(endpoint = %job.endpoint_id, error = &error as &dyn std::error::Error, "cannot send");
                return in_hand.put_back(REST * 60);
            }
        };
        let deadline = prepared.deadline(self.request_timeout);
        if !self.lease.covers(deadline) {
            self.lease.lengthen_for(deadline);
            return in_hand.put_back(REST);
        }
        let (mut outcome, answered, gone) = self.attempt(&job, &prepared, payload, deadline).await;
        if is_watched {
            outcome.event = event(&job, &outcome);
        }
        // The lane's next delivery starts before this one's outcome is queued.
        in_hand.done(Some(&answered));
        self.report(outcome).await;
        if gone {
            Box::pin(self.disable(job.endpoint_id)).await;
        }
    }

    async fn disable(&self, endpoint: EndpointId) {
        if let Err(error) = self
            .store
            .disable_endpoint(endpoint, DisabledReason::Gone)
            .await
        {
            tracing::error!(
                %endpoint,
                error = &error as &dyn std::error::Error,
                "cannot disable an endpoint that is gone"
            );
        }
    }

    /// The endpoint as it is now, and whether anybody wants to hear of it; `None` if it
    /// was deleted or disabled.
    async fn endpoint(&self, job: &Job) -> Result<Option<(Arc<EndpointConfig>, bool)>, StoreError> {
        let app = match self.cache.app_at_least(job.app_id, job.app_version).await {
            Ok(app) => app,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let endpoint = app
            .endpoint(job.endpoint_id)
            .filter(|endpoint| !endpoint.settings.disabled)
            .cloned();
        if let Some(endpoint) = &endpoint {
            self.lanes.set_rates(&app, endpoint);
        }
        Ok(endpoint.map(|endpoint| (endpoint, app.is_watched)))
    }

    async fn attempt(
        &self,
        job: &Job,
        prepared: &Prepared,
        payload: bytes::Bytes,
        deadline: Duration,
    ) -> (Outcome, Answered, bool) {
        let started_at = self.clock.now();
        let earlier = u32::try_from(job.sends).unwrap_or(0);
        let outgoing = Outgoing {
            id: &job.message_id.to_string(),
            event_type: Some(&job.event_type),
            timestamp: started_at.seconds(),
            retry: earlier,
            body: &payload,
        };
        let signed = prepared.sign(started_at, &outgoing);
        let headers = DeliveryHeaders {
            family: prepared.config.settings.header_family,
            message: job.message_id,
            timestamp: started_at,
            signature: signed.standard(),
            schemes: &signed.headers,
            attempt: earlier.saturating_add(1),
            event_type: &job.event_type,
            content_type: job.content_type.as_deref(),
            custom: &prepared.headers,
        };
        let report = match headers.build() {
            Ok(headers) => {
                let request = Request {
                    endpoint: job.endpoint_id,
                    version: prepared.config.revision,
                    url: &prepared.url,
                    headers,
                    body: payload,
                    deadline,
                };
                self.sender.send(request, started_at).await
            }
            Err(_) => Report {
                result: Err((
                    FailureKind::Http,
                    "a header of the delivery cannot be written".to_owned(),
                )),
                duration: Duration::ZERO,
                retry_after: None,
            },
        };
        postrider_store::fail_point!("delivery::attempt::sent");
        let finished_at = self.clock.now();
        let policy = self.policy(job, &prepared.config, &report).await;
        let verdict = judge(job, &policy, &report, finished_at);
        self.counts.count(
            verdict.failure,
            report.duration,
            first_delay(job, started_at),
        );
        let answered = Answered {
            failure: verdict.failure,
            status: report.status(),
            duration: report.duration,
        };
        let gone = report.status() == Some(410);
        (
            outcome(
                job,
                prepared,
                report,
                signed.record,
                started_at,
                finished_at,
                verdict,
            ),
            answered,
            gone,
        )
    }

    /// The policy that a failed attempt follows: the endpoint's, the event type's, the
    /// organisation's or the installation's.
    async fn policy<'a>(
        &'a self,
        job: &Job,
        endpoint: &'a EndpointConfig,
        report: &Report,
    ) -> Cow<'a, RetryPolicy> {
        if let Some(policy) = &endpoint.settings.retry_policy {
            return Cow::Borrowed(policy);
        }
        if classify(report).0 == AttemptStatus::Success {
            return Cow::Borrowed(&self.retry_policy);
        }
        // Boxed: failures are rare, and what is hot must not carry its future.
        match Box::pin(self.wider_policy(job)).await {
            Ok(Some(policy)) => Cow::Owned(policy),
            Ok(None) => Cow::Borrowed(&self.retry_policy),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot read a retry policy; the installation's counts"
                );
                Cow::Borrowed(&self.retry_policy)
            }
        }
    }

    async fn wider_policy(&self, job: &Job) -> Result<Option<RetryPolicy>, StoreError> {
        let app = match self.cache.app_at_least(job.app_id, job.app_version).await {
            Ok(app) => app,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Operational endpoints belong to no organisation that decides anything.
        let org = match self.cache.org(app.org_id).await {
            Ok(org) => org,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let event_type = self.cache.event_type(&org, &job.event_type).await?;
        let of_type = event_type.and_then(|found| found.retry_policy.clone());
        Ok(of_type.or_else(|| org.settings.retry_policy.clone()))
    }

    /// Ends a delivery that has nowhere to go.
    async fn give_up(&self, in_hand: InHand, job: &Job) {
        self.sender.forget(job.endpoint_id);
        self.end(in_hand, job, DeliveryState::Cancelled).await;
    }

    /// Ends a delivery without an attempt.
    async fn end(&self, in_hand: InHand, job: &Job, state: DeliveryState) {
        in_hand.done(None);
        let step = match job.purpose {
            Purpose::Scheduled { token, .. } => Step::Scheduled {
                owner: job.owner,
                token,
                state,
                due_at: None,
            },
            Purpose::Manual { resend } => Step::Manual { resend },
        };
        self.report(Outcome {
            app_id: job.app_id,
            endpoint_id: job.endpoint_id,
            message_id: job.message_id,
            event_type: Arc::clone(&job.event_type),
            step,
            tried: None,
            attempt: None,
            finished_at: self.clock.now(),
            event: None,
        })
        .await;
    }

    async fn report(&self, outcome: Outcome) {
        postrider_store::fail_point!("delivery::outcome::judged");
        // The committer ends only after the worker.
        if self.outcomes.send(outcome).await.is_err() {
            tracing::error!(
                "an outcome came after the committer's end; the delivery will be repeated"
            );
        }
    }
}

fn judge(job: &Job, policy: &RetryPolicy, report: &Report, finished_at: Timestamp) -> Verdict {
    let (status, failure) = classify(report);
    let end = |state, reason| Verdict {
        status,
        failure,
        state,
        next_at: None,
        reason,
    };
    if status == AttemptStatus::Success {
        return end(DeliveryState::Succeeded, NextReason::Succeeded);
    }
    let Purpose::Scheduled {
        attempts,
        first_at,
        due_at,
        ..
    } = job.purpose
    else {
        return end(DeliveryState::Pending, NextReason::Manual);
    };
    if report.status() == Some(410) {
        return end(DeliveryState::Cancelled, NextReason::EndpointGone);
    }
    let next = policy.next(&NextInput {
        first_at,
        finished_at,
        scheduled_at: due_at,
        attempts: u32::try_from(attempts + 1).unwrap_or(u32::MAX),
        retry_after: report.retry_after,
        jitter: jitter(),
    });
    match next {
        Next::At(at, reason) => Verdict {
            status,
            failure,
            state: DeliveryState::Pending,
            next_at: Some(at),
            reason,
        },
        Next::Exhausted => end(DeliveryState::Exhausted, NextReason::Exhausted),
    }
}

fn outcome(
    job: &Job,
    prepared: &Prepared,
    report: Report,
    signature: String,
    started_at: Timestamp,
    finished_at: Timestamp,
    verdict: Verdict,
) -> Outcome {
    let (step, trigger) = match job.purpose {
        Purpose::Scheduled { token, restart, .. } => (
            Step::Scheduled {
                owner: job.owner,
                token,
                state: verdict.state,
                due_at: verdict.next_at,
            },
            if restart.is_some() {
                Trigger::Manual
            } else {
                Trigger::Scheduled
            },
        ),
        Purpose::Manual { resend } => (Step::Manual { resend }, Trigger::Manual),
    };
    let http_status = report.status().unwrap_or(0);
    let (response_headers, response_body, text) = match report.result {
        Ok(answer) => (
            serde_json::to_string(&answer.headers).ok(),
            answer.body,
            None,
        ),
        Err((_, text)) => (None, bytes::Bytes::new(), Some(text)),
    };
    let text = text.unwrap_or_else(|| format!("the receiver answered {http_status}"));
    Outcome {
        app_id: job.app_id,
        endpoint_id: job.endpoint_id,
        message_id: job.message_id,
        event_type: Arc::clone(&job.event_type),
        step,
        tried: Some(verdict.status),
        attempt: Some(NewAttempt {
            id: AttemptId::mint(started_at),
            endpoint_revision: prepared.config.revision,
            status: verdict.status,
            http_status,
            failure: verdict.failure.map(|kind| (kind, text)),
            trigger,
            number: job.sends + 1,
            started_at,
            duration: report.duration,
            signature,
            response_headers,
            response_body,
            next_at: verdict.next_at,
            next_reason: verdict.reason,
        }),
        finished_at,
        event: None,
    }
}

/// What there is to tell of an outcome. That a recovered delivery was told of before is
/// for the database to know.
fn event(job: &Job, outcome: &Outcome) -> Option<DeliveryEvent> {
    let attempt = outcome.attempt.as_ref()?;
    if attempt.status == AttemptStatus::Success {
        return (job.sends > 0).then_some(DeliveryEvent::Recovered);
    }
    match (outcome.step, job.purpose) {
        (
            Step::Scheduled {
                state: DeliveryState::Exhausted,
                ..
            },
            _,
        ) => Some(DeliveryEvent::Exhausted),
        (
            Step::Scheduled {
                state: DeliveryState::Pending,
                ..
            },
            Purpose::Scheduled { attempts, .. },
        ) if attempts + 1 == FAILING_AFTER => Some(DeliveryEvent::Failing),
        _ => None,
    }
}

/// How long a message waited for its first attempt, which a task's is not.
fn first_delay(job: &Job, started_at: Timestamp) -> Option<Duration> {
    let own = matches!(job.purpose, Purpose::Scheduled { restart: None, .. });
    (own && job.sends == 0).then(|| started_at.since(job.message_id.minted_at()))
}
