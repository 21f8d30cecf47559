//! Which deliveries a commit wrote in its node's hand: they stand in no index, so its row
//! of the commit log is what finds them should that node lose them.

use std::collections::HashMap;

use postrider_domain::{EndpointId, MessageId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LoggedMessage;
use crate::commit::messages::{Deliveries, NewMessage, Start};

/// The first byte. What another version wrote is left to a node that can read it.
const VERSION: u8 = 1;

pub(crate) type DeliveryKey = (EndpointId, MessageId);

/// Beside the body, whose messages it goes along with: endpoints once each, and for each
/// message how many of its deliveries are owned, and whose.
#[derive(Default, Serialize, Deserialize)]
struct Packed {
    endpoints: Vec<Uuid>,
    counts: Vec<u32>,
    of: Vec<u32>,
}

/// The owned deliveries of these messages, in the order of the body's; `None` if there are
/// none.
pub(crate) fn pack<'a>(messages: impl IntoIterator<Item = &'a NewMessage>) -> Option<Vec<u8>> {
    let mut packed = Packed::default();
    let mut numbers: HashMap<EndpointId, u32> = HashMap::new();
    for message in messages {
        let before = packed.of.len();
        if let Deliveries::Now(deliveries) = &message.deliveries {
            for delivery in deliveries.iter().filter(|one| one.start == Start::Owned) {
                let next = numbers.len() as u32;
                let number = *numbers.entry(delivery.endpoint_id).or_insert(next);
                if number == next {
                    packed.endpoints.push(delivery.endpoint_id.uuid());
                }
                packed.of.push(number);
            }
        }
        packed.counts.push((packed.of.len() - before) as u32);
    }
    if packed.of.is_empty() {
        return None;
    }
    let room = 16 + packed.endpoints.len() * 16 + packed.counts.len() + packed.of.len() * 2;
    let mut bytes = Vec::with_capacity(room);
    bytes.push(VERSION);
    // Writing to memory fails for no value of ours.
    postcard::to_extend(&packed, bytes).ok()
}

/// What [`pack`] has packed; `None` if it cannot be read.
pub(crate) fn unpack(bytes: &[u8], messages: &[LoggedMessage]) -> Option<Vec<DeliveryKey>> {
    let Some((&VERSION, rest)) = bytes.split_first() else {
        return None;
    };
    let packed: Packed = postcard::from_bytes(rest).ok()?;
    if packed.counts.len() != messages.len() {
        return None;
    }
    let mut of = packed.of.into_iter();
    let mut keys = Vec::with_capacity(of.len());
    for (message, count) in messages.iter().zip(packed.counts) {
        for _ in 0..count {
            let endpoint = packed.endpoints.get(of.next()? as usize)?;
            keys.push((EndpointId::from_uuid(*endpoint), message.id));
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use postrider_domain::{AppId, Timestamp};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn messages(count: usize) -> Vec<LoggedMessage> {
        let one = |_| LoggedMessage {
            app_id: AppId::mint(NOW),
            id: MessageId::mint(NOW),
            event_type: "a".to_owned(),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        let fits = postcard::to_extend(
            &Packed {
                endpoints: vec![EndpointId::mint(NOW).uuid()],
                counts: vec![1],
                of: vec![0],
            },
            vec![VERSION],
        )
        .unwrap();
        assert_eq!(unpack(&fits, &messages(1)).map(|keys| keys.len()), Some(1));
        assert_eq!(unpack(&fits, &messages(2)), None, "another body's");
        let mut newer = fits.clone();
        newer[0] = VERSION + 1;
        for bytes in [&[][..], &[VERSION], &fits[..fits.len() - 1], &newer] {
            assert_eq!(unpack(bytes, &messages(1)), None, "{bytes:?}");
        }
        let stray = postcard::to_extend(
            &Packed {
                endpoints: Vec::new(),
                counts: vec![1],
                of: vec![7],
            },
            vec![VERSION],
        );
        assert_eq!(unpack(&stray.unwrap(), &messages(1)), None);
    }
}
