//! The lanes as an apalis backend: the worker pulls, and the lanes say whose turn it is.
//!
//! Next on a message's way: `crates/delivery/src/worker/executor.rs`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::layer::util::Identity;

use super::in_hand::InHand;
use crate::lanes::Lanes;

/// What to do when the worker closes: flush outcomes and release what has not started.
pub(crate) type Closing = BoxFuture<'static, ()>;

/// Feeds the worker from the lanes.
pub(crate) struct LaneBackend {
    lanes: Arc<Lanes>,
    ids: AtomicU64,
    closing: Option<Closing>,
}

impl LaneBackend {
    /// A backend that awaits `closing` when the worker has nothing in flight any more.
    pub(crate) fn new(lanes: Arc<Lanes>, closing: Closing) -> Self {
        Self {
            lanes,
            ids: AtomicU64::new(1),
            closing: Some(closing),
        }
    }
}

impl Backend for LaneBackend {
    type Task = Task<InHand>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.lanes.poll_next(cx).map(|job| {
            let Some(job) = job else {
                // The lanes are closed. Without this the worker would wait for ever after
                // its last task: the end of its source is no reason for it to stop.
                if let Err(error) = worker.stop() {
                    tracing::warn!(%error, "the worker was not running when the lanes closed");
                }
                return None;
            };
            // apalis' tracing layer panics on a task without an id.
            let id = TaskId::from_int(self.ids.fetch_add(1, Ordering::Relaxed));
            let in_hand = InHand::new(job, Arc::clone(&self.lanes));
            Some(Ok(TaskBuilder::new(in_hand).task_id(id).build()))
        })
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        match &mut self.closing {
            None => Poll::Ready(Ok(())),
            Some(closing) => closing.poll_unpin(cx).map(|()| {
                self.closing = None;
                Ok(())
            }),
        }
    }
}

impl BackendConfig for LaneBackend {
    type Args = InHand;
    type Id = u64;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
