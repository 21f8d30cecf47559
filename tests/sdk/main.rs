//! The recipient's crate on real servers, and the recipes against the real binary.

mod recipes;
mod redis;
mod stores;
mod toolbox;
