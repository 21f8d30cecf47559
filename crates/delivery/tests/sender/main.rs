//! The sender against real receivers on loopback, good and bad.

#[macro_use]
mod support;
mod addresses;
mod answers;
mod connections;
