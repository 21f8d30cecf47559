//! What the server wrote, kept for waiting and for the report of a failed test.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::PATIENCE;

/// Lines of both outputs, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    lines: Arc<Mutex<Vec<String>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Logs {
    pub(super) fn new() -> Self {
        Self {
            lines: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(super) fn follow(&self, output: impl AsyncRead + Unpin + Send + 'static) {
        let Self { lines, count } = self.clone();
        tokio::spawn(async move {
            let mut output = BufReader::new(output).lines();
            while let Ok(Some(line)) = output.next_line().await {
                lines.lock().push(line);
                count.send_modify(|count| *count += 1);
            }
        });
    }

    pub(super) fn text(&self) -> String {
        self.lines.lock().join("\n")
    }

    pub(super) fn find(&self, part: &str) -> Option<String> {
        self.lines
            .lock()
            .iter()
            .find(|line| line.contains(part))
            .cloned()
    }

    pub(super) async fn line_with(&self, part: &str) -> String {
        let mut count = self.count.subscribe();
        let wait = async {
            loop {
                count.borrow_and_update();
                if let Some(line) = self.find(part) {
                    return line;
                }
                // The sender lives as long as these logs.
                let _ = count.changed().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| {
                panic!(
                    "waited {PATIENCE:?} for a line with {part:?}; the server wrote:\n{}",
                    self.text()
                )
            })
    }
}
