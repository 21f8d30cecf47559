//! The address guard: no request leaves for an address that is not public, unless
//! the operator allowed its subnet.
//!
//! **Invariant:** every address a delivery connects to has passed
//! [`AddressPolicy::check`] right before: resolved ones in [`dns`], literal ones in
//! [`check_literal`], since clients do not pass those through a resolver.

pub mod dns;
mod policy;

pub use dns::{GuardedResolver, Lookup, LookupError};
pub use policy::{AddressPolicy, RefusedAddress, check_literal};
