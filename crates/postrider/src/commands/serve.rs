//! `postrider serve`.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Builder;

use super::Flags;
use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::settings::registry;
use crate::{logging, serve};

/// How long threads may take over what they are in the middle of, when all else has ended.
const LINGER: Duration = Duration::from_secs(1);

pub(super) fn run(args: ServeArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let dev = args.dev;
    let settings = super::settings(flags(args), config)?.settings;
    logging::start(&settings);
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = settings.worker_threads {
        builder.worker_threads(threads);
    }
    let runtime = super::runtime(builder)?;
    let served = runtime.block_on(serve::run(settings, dev));
    // Whatever still waits for a disk must not hold the end up.
    runtime.shutdown_timeout(LINGER);
    Ok(served?)
}

fn flags(args: ServeArgs) -> Flags {
    let mut flags = args.database.flags();
    if let Some(listen) = args.listen {
        flags.insert(registry::LISTEN.name, listen.to_string());
    }
    if let Some(role) = args.role {
        flags.insert(registry::ROLE.name, role);
    }
    flags
}
