//! What happens when something breaks: processes, databases, nodes, orders to stop.

mod crash;
mod database;
mod disk;
mod full_disk;
mod nodes;
mod one_server;
mod operational;
mod records;
mod sessions;
mod stop;
mod sync;
mod tasks;
mod versions;
