//! Requests for tests of receivers: signed as a sender would, or wrong in one
//! named way.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use postrider_verify::Verifier;
//! use postrider_verify::testing::{Forgery, TestSender};
//!
//! let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
//! let verifier = Verifier::new(secret)?;
//! let sender = TestSender::standard(secret)?;
//!
//! let now = 1_700_000_000;
//! let request = sender.request("msg_1", now, br#"{"type":"user.created"}"#);
//! assert!(verifier.verify(&request.headers, &request.body, now).is_ok());
//!
//! for forgery in Forgery::ALL {
//!     if let Some(request) = sender.forge(*forgery, "msg_1", now, br#"{"type":"user.created"}"#) {
//!         assert!(verifier.verify(&request.headers, &request.body, now).is_err(), "{forgery}");
//!     }
//! }
//! # Ok(()) }
//! ```

mod forgery;
mod sender;

pub use forgery::Forgery;
pub use sender::{TestRequest, TestSender};
