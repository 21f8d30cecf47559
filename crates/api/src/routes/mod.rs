//! The operations, by resource. [`table`] is the one list of them.

mod application;
mod attempt;
mod authentication;
mod background_task;
mod batch;
mod console;
mod endpoint;
mod endpoint_headers;
mod endpoint_secret;
mod environment;
mod event_type;
mod event_type_import;
mod events;
mod example;
mod health;
mod inbox;
mod key;
mod message;
mod operational;
mod publish;
mod purge;
mod recovery;
mod reference;
mod search;
mod settings;
mod stats;
mod usage;

use crate::operation::Operation;

/// How often an update is made anew because somebody else was faster.
const RACES: u32 = 5;

/// What a node that only delivers answers.
pub(crate) fn of_workers() -> Vec<Operation> {
    health::operations()
}

/// Everything that the API can do.
pub(crate) fn table() -> Vec<Operation> {
    [
        application::operations(),
        endpoint::operations(),
        endpoint_secret::operations(),
        endpoint_headers::operations(),
        event_type::operations(),
        event_type_import::operations(),
        environment::operations(),
        example::operations(),
        operational::operations(),
        usage::operations(),
        stats::operations(),
        events::operations(),
        publish::operations(),
        batch::operations(),
        message::operations(),
        search::operations(),
        attempt::operations(),
        recovery::operations(),
        purge::operations(),
        background_task::operations(),
        authentication::operations(),
        console::operations(),
        inbox::operations(),
        key::operations(),
        settings::operations(),
        health::operations(),
        reference::operations(),
    ]
    .concat()
}
