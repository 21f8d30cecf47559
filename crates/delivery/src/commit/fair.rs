//! What waits to be stored, taken in turns: one message of each application, then the
//! next of each, so that a flood of one does not push the others back.

use std::collections::{HashMap, VecDeque};

use postrider_domain::AppId;

use super::Waiting;
use super::messages::FAN_OUT;

#[derive(Debug, Default)]
pub(super) struct Fair {
    apps: HashMap<AppId, VecDeque<Waiting>>,
    turn: VecDeque<AppId>,
    len: usize,
}

impl Fair {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        let app = waiting.publish.app.id;
        let queue = self.apps.entry(app).or_default();
        if queue.is_empty() {
            self.turn.push_back(app);
        }
        queue.push_back(waiting);
        self.len += 1;
    }

    /// Takes a batch of at most so many messages, and of so many bytes and deliveries,
    /// which the last one taken may exceed.
    pub(super) fn take(
        &mut self,
        messages: usize,
        bytes: usize,
        deliveries: usize,
    ) -> Vec<Waiting> {
        let (mut batch, mut size, mut fan_out) = (Vec::new(), 0, 0);
        while batch.len() < messages && size < bytes && fan_out < deliveries {
            let Some(app) = self.turn.pop_front() else {
                break;
            };
            let Some(queue) = self.apps.get_mut(&app) else {
                continue;
            };
            if let Some(waiting) = queue.pop_front() {
                size += waiting.publish.event.payload.len();
                // At most: filters are asked later.
                fan_out += waiting.publish.app.endpoints.len().min(FAN_OUT);
                batch.push(waiting);
            }
            if queue.is_empty() {
                self.apps.remove(&app);
            } else {
                self.turn.push_back(app);
            }
        }
        self.len -= batch.len();
        batch
    }
}
