//! `postrider backup` and `postrider restore`.

mod draft;
mod postgres;
mod restore;
mod sqlite;

use std::path::Path;

use postrider_domain::Timestamp;
use postrider_store::Cipher;
use postrider_store::backup::{BackupError, Contents};

use crate::cli::{BackupArgs, RestoreArgs};
use crate::error::CommandError;
use crate::main_secret;
use crate::output;
use crate::output::chain;
use crate::settings::Settings;

pub(super) fn run(args: BackupArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let settings = super::settings(args.database.flags(), config)?.settings;
    if args.file.exists() && !args.force {
        return Err(CommandError::Failed(format!(
            "{} exists: choose another name, or have it replaced with --force",
            args.file.display()
        )));
    }
    let contents = super::block_on(async {
        match settings.database_url.sqlite_path() {
            Some(name) => sqlite::backup(name, &args.file).await,
            None => postgres::backup(settings.database_url.expose(), &args.file).await,
        }
    })?;
    Ok(output::print(&format!(
        "{} holds {}{}; every table was counted and compared\n{}",
        args.file.display(),
        counts(&contents),
        as_of(contents.newest),
        key_line(&contents)
    ))?)
}

pub(super) fn run_restore(args: RestoreArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let settings = super::settings(args.database.flags(), config)?.settings;
    if !args.file.exists() {
        let missing = format!("{} is not there", args.file.display());
        return Err(CommandError::Failed(missing));
    }
    let restored = super::block_on(async {
        match settings.database_url.sqlite_path() {
            Some(name) => restore::sqlite(&settings, name, &args.file, args.force).await,
            None => restore::postgres(&settings, &args.file, args.force).await,
        }
    })?;
    let replaced = restored
        .replaced
        .map_or(String::new(), |text| format!("{text}\n"));
    Ok(output::print(&format!(
        "{} holds {}{}\n{replaced}\
         Deliveries that were pending then will be sent when a server starts, also those that have\n\
         been sent since, under the same webhook-id; what was published since is not there.\n",
        settings.database_url,
        counts(&restored.contents),
        as_of(restored.contents.newest),
    ))?)
}

/// What came of a restore.
struct Restored {
    contents: Contents,
    /// What became of the database that was there, in words.
    replaced: Option<String>,
}

fn counts(contents: &Contents) -> String {
    let count = |table: &str, one: &str, many: &str| {
        let rows = contents.rows_of(table);
        format!("{rows} {}", if rows == 1 { one } else { many })
    };
    [
        count("app", "application", "applications"),
        count("endpoint", "endpoint", "endpoints"),
        count("message", "message", "messages"),
        count("delivery", "delivery", "deliveries"),
        count("attempt", "attempt", "attempts"),
    ]
    .join(", ")
}

fn as_of(newest: Option<Timestamp>) -> String {
    newest.map_or(String::new(), |at| format!(", the newest of {at}"))
}

fn key_line(contents: &Contents) -> String {
    let known = contents.fingerprint.as_deref();
    let known = known.map_or(String::new(), |print| format!(" (fingerprint {print})"));
    format!("It is of no use without the main secret{known}, which is not in it: keep that apart\n")
}

/// That the main secret in force is the one that the backup was made under.
fn check_key(settings: &Settings, contents: &Contents, force: bool) -> Result<(), CommandError> {
    let found =
        main_secret::existing(settings).map_err(|error| CommandError::Failed(chain(&error)))?;
    let cipher = found.map(|secret| Cipher::new(secret.expose()));
    if cipher
        .as_ref()
        .is_some_and(|cipher| contents.opens_with(cipher))
    {
        return Ok(());
    }
    let wanted = contents.fingerprint.as_deref().unwrap_or("unknown");
    let problem = match cipher {
        Some(cipher) => format!(
            "the main secret in force (fingerprint {}) is not the one that the backup was made under \
             (fingerprint {wanted})",
            cipher.fingerprint()
        ),
        None => format!(
            "there is no main secret; the backup was made under that of fingerprint {wanted}"
        ),
    };
    let remedy = "bring the right key file back beside the database, or set POSTRIDER_MAIN_SECRET";
    if force {
        output::warn(&format!(
            "{problem}: no server will start until you {remedy}"
        ));
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "{problem}: {remedy}, or restore all the same with --force"
    )))
}

fn failed(error: &BackupError) -> CommandError {
    CommandError::Failed(chain(error))
}
