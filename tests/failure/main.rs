//! What happens when something breaks: processes, databases, nodes, orders to stop.

mod aside;
mod backup;
mod clocks;
mod crash;
mod database;
mod disk;
mod frozen;
mod full_disk;
mod hanging;
mod nodes;
mod one_server;
mod operational;
mod outages;
mod records;
mod replicas;
mod sessions;
mod stop;
mod sync;
mod tasks;
mod versions;
mod wal;
mod went_back;
