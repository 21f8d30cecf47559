//! What a receiver does with a request.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

/// One answer, honest or hostile.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) kind: Kind,
    pub(super) gate: Option<Gate>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        body: Bytes,
    },
    /// Keeps the connection and says nothing.
    Hang,
    /// Says that it worked, but never ends its answer: a byte now and then.
    Trickle,
    /// Resets the connection before a first byte.
    Reset,
    /// Resets the connection in the middle of a body.
    ResetInBody,
    /// Something that is not HTTP.
    Garbage,
    /// A body without an end, as fast as it is read.
    EndlessBody,
    /// Headers without an end.
    EndlessHeaders,
}

impl Answer {
    fn of(kind: Kind) -> Self {
        Self { kind, gate: None }
    }

    /// An empty answer with this status.
    pub fn status(status: u16) -> Self {
        Self::of(Kind::Reply {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        })
    }

    /// Sends the client elsewhere with a 302.
    pub fn redirect(to: &str) -> Self {
        Self::status(302).header("location", to)
    }

    /// Takes the request and never answers; the connection stays open.
    pub fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    /// A 200 whose body comes a byte at a time and never ends.
    pub fn trickle() -> Self {
        Self::of(Kind::Trickle)
    }

    /// Takes the request and resets the connection.
    pub fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// Sends a 200 and half of its body, then resets the connection.
    pub fn reset_in_body() -> Self {
        Self::of(Kind::ResetInBody)
    }

    /// Answers with bytes that are not HTTP.
    pub fn garbage() -> Self {
        Self::of(Kind::Garbage)
    }

    /// A 200 whose body goes on for as long as the client reads.
    pub fn endless_body() -> Self {
        Self::of(Kind::EndlessBody)
    }

    /// A 200 whose headers go on for as long as the client reads.
    pub fn endless_headers() -> Self {
        Self::of(Kind::EndlessHeaders)
    }

    /// Adds a header; a second one of the same name is sent beside the first.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Reply { headers, .. } = &mut self.kind {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, content: impl Into<Bytes>) -> Self {
        if let Kind::Reply { body, .. } = &mut self.kind {
            *body = content.into();
        }
        self
    }

    /// Holds the answer back until the gate is open.
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

/// Holds answers back until the test opens it. Clones are one gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everything through, what waits and what is to come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Holds back what comes from now on.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    pub(super) async fn pass(&self) {
        // The sender lives as long as this gate, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
