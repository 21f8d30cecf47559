//! How attempts end, what state deliveries are in, and why: closed lists, each
//! with the number that the database keeps and the word that the wire shows.

use serde::{Deserialize, Serialize};

/// A number in the database that stands for nothing we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is no {kind}")]
pub struct UnknownCode {
    kind: &'static str,
    value: i16,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal => $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number that the database keeps.
            pub const fn code(self) -> i16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The word that the wire shows.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl TryFrom<i16> for $name {
            type Error = UnknownCode;

            fn try_from(value: i16) -> Result<Self, UnknownCode> {
                match value {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(UnknownCode { kind: stringify!($name), value }),
                }
            }
        }
    )*};
}

codes! {
    /// How one attempt ended; the numbers are those of the API's `status`.
    AttemptStatus {
        /// A 2xx answer within the deadline.
        Success = 0 => "success",
        /// Waiting for its first attempt or for a retry.
        Pending = 1 => "pending",
        /// No 2xx answer within the deadline.
        Fail = 2 => "fail",
        /// Under way, or failed and due again.
        Sending = 3 => "sending",
        /// Ended without success by a person or by a change of the endpoint.
        Canceled = 4 => "canceled",
    }

    /// Where a delivery stands. Only `Pending` is not an end.
    DeliveryState {
        /// Still to be delivered: in hand of a node, or waiting for its due time.
        Pending = 0 => "pending",
        /// A receiver answered 2xx.
        Succeeded = 1 => "succeeded",
        /// The schedule ended without success.
        Exhausted = 2 => "exhausted",
        /// Stopped by a person, or by the endpoint's end; recoverable.
        Cancelled = 3 => "cancelled",
        /// Never tried: the endpoint was disabled when the message was published.
        Skipped = 4 => "skipped",
    }

    /// What made an attempt happen.
    Trigger {
        /// The delivery's own schedule.
        Scheduled = 0 => "scheduled",
        /// A person or a client asked for it.
        Manual = 1 => "manual",
    }

    /// Why an attempt failed.
    FailureKind {
        /// The name has no address.
        Dns = 0 => "dns",
        /// No connection.
        Connect = 1 => "connect",
        /// The TLS handshake failed.
        Tls = 2 => "tls",
        /// The deadline passed before the last byte was read.
        Timeout = 3 => "timeout",
        /// The address is one that deliveries may not reach.
        RefusedAddress = 4 => "refused_address",
        /// The connection broke before the answer was complete.
        Reset = 5 => "reset",
        /// The answer's head is larger than we read.
        Oversized = 6 => "oversized",
        /// An answer that is not 2xx, or that is not HTTP.
        Http = 7 => "http",
    }

    /// Why the next attempt is due when it is, or why there is none.
    NextReason {
        /// The retry policy's next delay.
        Policy = 0 => "policy",
        /// The receiver asked for it with `Retry-After`.
        RetryAfter = 1 => "retry_after",
        /// The last attempt before the horizon.
        Horizon = 2 => "horizon",
        /// None: it succeeded.
        Succeeded = 3 => "succeeded",
        /// None: the schedule has ended.
        Exhausted = 4 => "exhausted",
        /// None: the endpoint was disabled or deleted.
        EndpointGone = 5 => "endpoint_gone",
        /// None: a manual attempt stands outside the schedule.
        Manual = 6 => "manual",
        /// None: the delivery had been taken over or ended meanwhile.
        Superseded = 7 => "superseded",
    }

    /// What a background task does; the words are those of the API's `task`.
    TaskKind {
        /// Sends again what failed at an endpoint, or was skipped.
        Recover = 0 => "endpoint.recover",
        /// Sends what an endpoint was never tried with.
        ReplayMissing = 1 => "endpoint.replay",
        /// Sends again whatever an endpoint was sent.
        BulkReplay = 2 => "endpoint.bulk-replay",
        /// Removes the payloads of an application.
        PurgeContent = 3 => "application.purge_content",
        /// Counts what applications were sent.
        AppStats = 4 => "application.stats",
        /// Lists the event types that were used.
        EventTypeAggregate = 5 => "event-type.aggregate",
    }

    /// Where a background task stands. Only `Running` is not an end.
    TaskStatus {
        /// Waiting for a node, or being worked on.
        Running = 0 => "running",
        /// All of it is done.
        Finished = 1 => "finished",
        /// It cannot go on.
        Failed = 2 => "failed",
        /// Stopped by a person; the wire shows it as failed, and says so.
        Canceled = 3 => "canceled",
    }

    /// Why an endpoint is disabled.
    DisabledReason {
        /// A person did it.
        Manual = 0 => "manual",
        /// It had failed without a break for too long.
        Failing = 1 => "failing",
        /// It answered `410 Gone`.
        Gone = 2 => "gone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_value_and_others_are_refused() {
        for &state in DeliveryState::ALL {
            assert_eq!(DeliveryState::try_from(state.code()), Ok(state));
        }
        for &kind in FailureKind::ALL {
            assert_eq!(FailureKind::try_from(kind.code()), Ok(kind));
        }
        assert!(Trigger::try_from(9).is_err());
    }
}
