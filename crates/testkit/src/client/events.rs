//! A stream of server-sent events, read one by one.

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Event {
    /// Where a stream goes on after it.
    pub id: String,
    /// What happened.
    pub name: String,
    /// What is known of it.
    pub data: Value,
}

/// A stream that is open.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    rest: String,
    /// The last id that the stream told.
    pub last: String,
}

impl Events {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            rest: String::new(),
            last: String::new(),
        }
    }

    /// The next event; `None` when the server has ended the stream. Waits for a minute at
    /// most, which is the client's own bound.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((frame, rest)) = self.rest.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.rest = rest;
                if let Some(event) = self.read(&frame) {
                    return Some(event);
                }
            }
            let chunk = self.response.chunk().await.expect("the stream goes on")?;
            self.rest
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The next event of this name.
    pub async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            let event = event.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event.name == name {
                return event;
            }
        }
    }

    /// Where a stream would go on that is taken up now.
    pub fn place(&self) -> &str {
        &self.last
    }

    /// Waits until the server has told where the stream begins.
    pub async fn opened(&mut self) {
        while self.last.is_empty() {
            let chunk = self.response.chunk().await.expect("the stream goes on");
            let chunk = chunk.expect("the stream goes on");
            self.rest
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
            if let Some((frame, rest)) = self.rest.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.rest = rest;
                assert!(self.read(&frame).is_none(), "the first frame is no event");
            }
        }
    }

    fn read(&mut self, frame: &str) -> Option<Event> {
        let field = |name: &str| {
            let mut lines = frame.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let Some(id) = field("id") {
            id.clone_into(&mut self.last);
        }
        let data = field("data")?;
        Some(Event {
            id: self.last.clone(),
            name: field("event").unwrap_or("message").to_owned(),
            data: serde_json::from_str(data).expect("JSON"),
        })
    }
}
