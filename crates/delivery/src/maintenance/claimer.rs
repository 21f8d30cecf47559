//! Claims due deliveries, lane by lane, for the lanes that have room.

use std::time::Duration;

use postrider_domain::{EndpointId, Timestamp};
use postrider_store::{Claim, DueLane, StoreError, StoreResult};
use tokio::sync::Notify;

use super::{Aside, Next, Service};
use crate::node::Node;

/// How often the claimer looks, whatever it has heard.
const ROUND: Duration = Duration::from_secs(1);
/// Lanes that one round looks at.
const LANES: i64 = 128;
/// Deliveries that one claim takes, at most.
const CLAIM: usize = 256;
/// Lanes that fail one after the other before it is taken for the database's fault.
const IN_A_ROW: usize = 3;

/// Brings due work from the database to the lanes. It is not to be dropped in the middle of a
/// claim, which would leave deliveries that nobody holds.
#[derive(Default)]
pub(crate) struct Claimer {
    aside: Aside<EndpointId>,
}

impl Service for Claimer {
    const NAME: &'static str = "claimer";
    const REST: Duration = Duration::from_millis(250);

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        Ok(match self.round(node).await? {
            Some(wake) => Next::At(wake, ROUND),
            None => Next::Within(ROUND),
        })
    }

    fn hint(node: &Node) -> Option<&Notify> {
        Some(node.store.lane_hint())
    }
}

impl Claimer {
    /// Claims until no lane with room has anything due. Returns when the next lane is
    /// due that is not due already. A lane whose claim fails is put aside, so that the others
    /// go on; it is an error if none went well.
    async fn round(&mut self, node: &Node) -> StoreResult<Option<Timestamp>> {
        loop {
            let now = node.store.clock().now();
            let mut passed_over = node.lanes.full();
            passed_over.extend(self.aside.resting(now));
            let due = node.store.due_lanes(now, &passed_over, LANES).await?;
            let (mut claimed, mut well) = (0, 0);
            let (mut failed, mut in_a_row) = (None, 0);
            for lane in &due {
                match claim(node, lane, now).await {
                    Ok(jobs) => {
                        self.aside.well(lane.endpoint_id);
                        (claimed, well, in_a_row) = (claimed + jobs, well + 1, 0);
                    }
                    Err(error) => {
                        self.aside.put(lane.endpoint_id, now, error.is_transient());
                        in_a_row += 1;
                        if let Some(error) = failed.replace(error) {
                            report(&error);
                        }
                    }
                }
                if in_a_row == IN_A_ROW {
                    break;
                }
            }
            match failed {
                Some(error) if well == 0 => return Err(error),
                Some(error) => report(&error),
                None => {}
            }
            if claimed == 0 {
                let view = node.store.lanes_view().await?;
                node.board
                    .claimer_round(view.next_wake.filter(|wake| *wake <= now));
                metrics::gauge!("postrider_lanes_waiting").set(view.lanes as f64);
                return Ok(view.next_wake.filter(|wake| *wake > now));
            }
        }
    }
}

async fn claim(node: &Node, lane: &DueLane, now: Timestamp) -> StoreResult<usize> {
    let room = node.lanes.room(lane.endpoint_id).min(CLAIM);
    if room == 0 || !node.lease.covers(Duration::ZERO) {
        return Ok(0);
    }
    let number = node.lease.node();
    let claim = node
        .store
        .claim(number, lane.app_id, lane.endpoint_id, now, room as i64)
        .await?;
    let claimed = claim.jobs.len();
    push(node, lane, claim, claimed == room).await;
    metrics::counter!("postrider_claimed_total").increment(claimed as u64);
    Ok(claimed)
}

/// Hands claimed jobs to the lanes, which have to know the endpoint's rate before the
/// first of them starts.
async fn push(node: &Node, lane: &DueLane, claim: Claim, more: bool) {
    let jobs = claim.jobs;
    let app = node
        .cache
        .app_at_least(lane.app_id, claim.app_version)
        .await;
    match app
        .as_ref()
        .map(|app| (app, app.endpoint(lane.endpoint_id)))
    {
        Ok((app, Some(endpoint))) => node.lanes.push_claimed(app, endpoint, jobs, more),
        // The executor finds out the same and acts on it.
        Ok((_, None)) | Err(_) => node.lanes.push_unthrottled(jobs),
    }
}

fn report(error: &StoreError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "cannot claim deliveries"
    );
}
