//! The HTTP API of the real binary, on both engines.

mod access;
mod applications;
mod attempts;
mod background_tasks;
mod batch;
mod catalogue;
mod common;
mod contract;
mod endpoints;
mod errors;
mod event_types;
mod idempotency;
mod imports;
mod jwt;
mod keys;
mod messages;
mod operational;
mod pages;
mod portal;
mod reference;
mod roles;
mod schemes;
mod settings;
mod tags;
mod unbuilt;
mod usage;
