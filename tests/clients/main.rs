//! The official clients and verifiers, unmodified, against the real binary.

mod bytes;
mod cases;
mod examples;
mod interop;
mod javascript;
mod ours;
mod python;
mod rust;
mod schemathesis;
mod schemes;
mod toolbox;
mod verification;
