//! The `postrider` binary: everything is in the library beside it.

use std::process::ExitCode;

/// Long-running servers fragment the system allocator's heap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    postrider::run()
}
