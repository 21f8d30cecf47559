//! What holds for statements of every wing.

mod plans;
mod prepared;
mod variants;
