//! The official clients and verifiers, unmodified, against the real binary.

mod bytes;
mod cases;
mod javascript;
mod ours;
mod python;
mod toolbox;
mod verification;
