//! How much a recovery would send, counted at a bounded cost.

use postrider_domain::{AppId, DeliveryState, EndpointId, Timestamp};
use uuid::Uuid;

use super::pick::{Picked, Standing, deliveries};
use super::{Replayed, Window};
use crate::{Store, StoreResult};

/// Deliveries that are looked through at most.
const LOOKED_THROUGH: usize = 50_000;
const PAGE: usize = 5_000;

/// What a recovery would send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Their schedule has ended.
    pub failed: u64,
    /// They were stopped.
    pub canceled: u64,
    /// They were published while the endpoint was disabled.
    pub skipped: u64,
    /// They would not be sent, since their payload is gone.
    pub lost: u64,
    /// Up to when it was counted, if not to the window's end.
    pub counted_until: Option<Timestamp>,
}

impl Store {
    /// Counts what [`Replayed::Failed`] would send of the window, looking through its
    /// first 50,000 deliveries.
    pub async fn preview_recovery(
        &self,
        app: AppId,
        endpoint: EndpointId,
        window: Window,
    ) -> StoreResult<Preview> {
        let which = Replayed::Failed;
        let mut preview = Preview::default();
        let mut after = window.first();
        for _ in 0..LOOKED_THROUGH / PAGE {
            let rows: Vec<Standing> = deliveries(endpoint, after, window.end(), PAGE)
                .fetch(self, "counting what can be recovered")
                .await?;
            let last = rows.len() < PAGE;
            let mut ids: Vec<Uuid> = Vec::new();
            for row in &rows {
                after = postrider_domain::MessageId::from_uuid(row.message_id);
                if which.selects(row)? {
                    ids.push(row.message_id);
                }
            }
            let picked = Picked {
                messages: ids,
                upto: after,
                last,
            };
            let sorted = self.sort((app, endpoint), &which, &picked).await?;
            preview.lost += sorted.lost as u64;
            preview.add(&rows, &sorted.sendable);
            if last {
                return Ok(preview);
            }
        }
        preview.counted_until = Some(after.minted_at());
        Ok(preview)
    }
}

impl Preview {
    fn add(&mut self, rows: &[Standing], sendable: &[Uuid]) {
        for row in rows {
            // Both are sorted by id.
            if sendable.binary_search(&row.message_id).is_err() {
                continue;
            }
            match DeliveryState::try_from(row.state) {
                Ok(DeliveryState::Skipped) => self.skipped += 1,
                Ok(DeliveryState::Cancelled) => self.canceled += 1,
                _ => self.failed += 1,
            }
        }
    }
}
