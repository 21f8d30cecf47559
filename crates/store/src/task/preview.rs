//! How much sending again would send, counted at a bounded cost.

use postrider_domain::{AppId, DeliveryState, EndpointId, MessageId, Timestamp};
use uuid::Uuid;

use super::pick::Picked;
use super::{Replayed, Window};
use crate::engine::Store;
use crate::engine::error::StoreResult;

/// Messages that are looked through at most.
const LOOKED_THROUGH: usize = 50_000;
const PAGE: usize = 5_000;

/// What sending again would send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// All of them.
    pub messages: u64,
    /// Of these, whose schedule has ended without success.
    pub failed: u64,
    /// Of these, what was stopped.
    pub canceled: u64,
    /// Of these, what was published while the endpoint was disabled.
    pub skipped: u64,
    /// They would not be sent, since their payload is gone.
    pub lost: u64,
    /// Up to when it was counted, if not to the window's end.
    pub counted_until: Option<Timestamp>,
}

impl Store {
    /// Counts what would be sent again of the window, looking through its first 50,000
    /// deliveries, or messages for [`Replayed::Missing`].
    pub async fn preview_replay(
        &self,
        app: AppId,
        endpoint: EndpointId,
        window: Window,
        which: &Replayed,
    ) -> StoreResult<Preview> {
        let of = (app, endpoint);
        let sought = self.sought(of, which).await?;
        let mut preview = Preview::default();
        let mut after = window.first();
        for _ in 0..LOOKED_THROUGH / PAGE {
            let rows = self.look(&sought, (after, window.end()), PAGE).await?;
            let last = rows.len() < PAGE;
            after = rows
                .last()
                .map_or(after, |(id, _)| MessageId::from_uuid(*id));
            let wanted: Vec<_> = rows
                .into_iter()
                .filter_map(|(id, wanted)| wanted.map(|state| (id, state)))
                .collect();
            let picked = Picked {
                messages: wanted.iter().map(|(id, _)| *id).collect(),
                upto: after,
                last,
            };
            let sorted = self.sort(of, which, &picked).await?;
            preview.lost += sorted.lost as u64;
            preview.add(&wanted, &sorted.sendable);
            if last {
                return Ok(preview);
            }
        }
        preview.counted_until = Some(after.minted_at());
        Ok(preview)
    }
}

impl Preview {
    fn add(&mut self, wanted: &[(Uuid, Option<DeliveryState>)], sendable: &[Uuid]) {
        for (id, state) in wanted {
            // Both are sorted by id.
            if sendable.binary_search(id).is_err() {
                continue;
            }
            self.messages += 1;
            match state {
                Some(DeliveryState::Skipped) => self.skipped += 1,
                Some(DeliveryState::Cancelled) => self.canceled += 1,
                Some(DeliveryState::Exhausted) => self.failed += 1,
                _ => {}
            }
        }
    }
}
