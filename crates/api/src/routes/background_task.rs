//! Background tasks: how far long work is, and stopping it.

use http::Method;
use postrider_domain::{Capability, TaskId, TaskKind, TaskStatus};
use postrider_store::{Task, TaskFilter};

use crate::access::Member;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut, ORDER};
use crate::request::param::Param;
use crate::wire::background_task::{BackgroundTaskOut, KINDS, STATUSES};

const STATUS: Param<Option<&'static str>> = Param::word(
    "status",
    STATUSES,
    "Only tasks that stand so; canceled ones are among the failed",
);
const TASK: Param<Option<&'static str>> = Param::word("task", KINDS, "Only tasks that do this");

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/background-task", "v1.background-task.list", list)
            .says("List background tasks", "The organisation's background tasks of the last 90 days, newest first. A key of one application sees those of its application.")
            .query(&[&STATUS, &TASK, &LIMIT, &ITERATOR, &ORDER])
            .lists::<BackgroundTaskOut>("A page of tasks"),
        Operation::new(Method::GET, "/api/v1/background-task/{task_id}", "v1.background-task.get", get)
            .says("Get a background task", "One task: where it stands, and how far it is. A key of one application sees those of its application.")
            .answers::<BackgroundTaskOut>(200, "The task"),
        Operation::new(Method::POST, "/api/v1/background-task/{task_id}/cancel", "v1.background-task.cancel", cancel)
            .says("Stop a background task", "Stops the task: nothing more is done, and what it has queued and nobody has begun to send is taken back. The task then reads failed, and canceled. One that is over stays as it is.")
            .asks(Capability::CreateAttempts)
            .answers::<BackgroundTaskOut>(200, "The task, stopped"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Background Task"))
    .collect()
}

async fn list(call: Call<Member>) -> ApiResult<Answer> {
    let order = call.query.get(&ORDER)?;
    let request = page::request::<TaskId>(&call.query, order)?;
    let status = call.query.get(&STATUS)?;
    let status = TaskStatus::ALL
        .iter()
        .copied()
        .find(|known| status == Some(known.word()));
    let task = call.query.get(&TASK)?;
    let kind = TaskKind::ALL
        .iter()
        .copied()
        .find(|known| task == Some(known.word()));
    let filter = TaskFilter {
        app: call.access.app,
        status,
        kind,
    };
    if task.is_some() && kind.is_none() {
        // A kind of task that is never made here.
        let none = postrider_store::Page::<Task> {
            rows: Vec::new(),
            done: true,
        };
        return Answer::ok(&ListOut::new(none, key, BackgroundTaskOut::from));
    }
    let page = call
        .shared
        .store
        .tasks(call.access.org, filter, request)
        .await?;
    Answer::ok(&ListOut::new(page, key, BackgroundTaskOut::from))
}

fn key(task: &Task) -> String {
    task.id.to_string()
}

/// The task that the path names, if the caller may see it.
async fn named(call: &Call<Member>) -> ApiResult<Task> {
    let unknown = || ApiError::not_found("Background task not found");
    let id: TaskId = call.segment("task_id")?.parse().map_err(|_| unknown())?;
    let task = call.shared.store.task(call.access.org, id).await?;
    if call.access.app.is_some() && call.access.app != task.app_id {
        return Err(unknown());
    }
    Ok(task)
}

async fn get(call: Call<Member>) -> ApiResult<Answer> {
    Answer::ok(&BackgroundTaskOut::from(named(&call).await?))
}

async fn cancel(call: Call<Member>) -> ApiResult<Answer> {
    let task = named(&call).await?;
    let replays = matches!(
        task.kind,
        TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay
    );
    if call.access.app.is_some() && !replays {
        return Err(ApiError::forbidden(
            "The organisation began this task: use a key of the organisation to stop it",
        ));
    }
    let task = call
        .shared
        .store
        .cancel_task(call.access.org, task.id)
        .await?;
    Answer::ok(&BackgroundTaskOut::from(task))
}
