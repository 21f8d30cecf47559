//! The operations, by resource. [`table`] is the one list of them.

mod application;
mod attempt;
mod endpoint;
mod endpoint_headers;
mod endpoint_secret;
mod event_type;
mod health;
mod key;
mod message;
mod publish;
mod reference;

use crate::operation::Operation;

/// Everything that the API can do.
pub(crate) fn table() -> Vec<Operation> {
    [
        application::operations(),
        endpoint::operations(),
        endpoint_secret::operations(),
        endpoint_headers::operations(),
        event_type::operations(),
        publish::operations(),
        message::operations(),
        attempt::operations(),
        key::operations(),
        health::operations(),
        reference::operations(),
    ]
    .concat()
}
