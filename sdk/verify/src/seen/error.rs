//! What can go wrong in a store.

use std::error::Error;
use std::fmt;

/// Why a store could not answer. The message must then not be handled; answer
/// 5xx, and the sender comes again.
#[derive(Debug)]
#[non_exhaustive]
pub enum SeenError {
    /// The id is empty or longer than [`MAX_ID_BYTES`](super::MAX_ID_BYTES).
    IdLength {
        /// Bytes found.
        found: usize,
    },
    /// The memory store holds as many messages in hand as it may hold in all.
    Full,
    /// The database behind the store failed.
    Database(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for SeenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdLength { found } => {
                let most = super::MAX_ID_BYTES;
                write!(f, "message id has {found} bytes: 1 to {most} are kept")
            }
            Self::Full => f.write_str(
                "store is full of messages in hand: give it more room, or handle them faster",
            ),
            Self::Database(_) => f.write_str("the store's database failed"),
        }
    }
}

impl Error for SeenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Database(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
impl SeenError {
    pub(super) fn database(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Database(Box::new(source))
    }
}
