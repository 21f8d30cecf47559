//! `postrider key`: works on the database itself, beside running servers or without any.

use std::path::Path;

use postrider_domain::{AppId, KeyId, Timestamp};
use postrider_store::{ApiKey, NewKey, Store, StoreError};

use super::aligned;
use crate::cli::{DatabaseArgs, KeyCommand, KeyCreateArgs, KeyListArgs, KeyRevokeArgs};
use crate::database::{self, DatabaseError};
use crate::error::CommandError;
use crate::output;

/// Longest name of an organisation or a key, in bytes.
const LONGEST_NAME: usize = 256;

pub(super) fn run(command: KeyCommand, config: Option<&Path>) -> Result<(), CommandError> {
    match command {
        KeyCommand::Create(args) => create(args, config),
        KeyCommand::List(args) => list(args, config),
        KeyCommand::Revoke(args) => revoke(args, config),
    }
}

fn create(args: KeyCreateArgs, config: Option<&Path>) -> Result<(), CommandError> {
    check_name("--org", &args.org)?;
    let name = args.name.unwrap_or_else(|| "command line".to_owned());
    check_name("--name", &name)?;
    let (org, app) = (args.org, args.app);
    let secret = with_store(args.database, config, async |store| {
        // An application is of an organisation that exists: a slip makes no new one.
        let org = match app {
            Some(_) => store.org_by_name(&org).await,
            None => store.ensure_org(&org).await,
        }
        .map_err(|error| failed(&format!("--org {org}"), error))?;
        let mut app_id: Option<AppId> = None;
        if let Some(app) = app {
            let found = store.app(org.id, &app).await;
            let found = found.map_err(|error| failed(&format!("--app {app}"), error))?;
            app_id = Some(found.id);
        }
        let new = NewKey {
            name,
            app_id,
            read_only: args.read_only,
            expires_at: None,
        };
        let (_, secret) = store.create_key(org.id, new).await.map_err(database)?;
        Ok(secret)
    })?;
    Ok(output::print(&format!("{}\n", secret.expose()))?)
}

fn list(args: KeyListArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let keys = with_store(args.database, config, async |store| {
        let Some(name) = args.org else {
            return store.all_keys().await.map_err(database);
        };
        let org = store.org_by_name(&name).await;
        let org = org.map_err(|error| failed(&format!("--org {name}"), error))?;
        store.keys(org.id).await.map_err(database)
    })?;
    Ok(output::print(&table(&keys))?)
}

fn revoke(args: KeyRevokeArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let id: KeyId = args.key_id.parse().map_err(|error| {
        CommandError::Usage(format!(
            "KEY_ID {:?}: {error}; `postrider key list` shows the ids",
            args.key_id
        ))
    })?;
    with_store(args.database, config, async |store| {
        let revoked = store.revoke_key(None, id).await;
        revoked.map_err(|error| failed(&id.to_string(), error))
    })?;
    Ok(output::print(&format!("{id} is revoked\n"))?)
}

/// Opens the database, does `work` with it and closes it again.
fn with_store<T>(
    args: DatabaseArgs,
    config: Option<&Path>,
    work: impl AsyncFnOnce(&Store) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let settings = super::settings(args.flags(), config)?.settings;
    super::block_on(async {
        let store = database::open(&settings).await?;
        let done = work(&store).await;
        store.close().await;
        done
    })
}

fn database(error: StoreError) -> CommandError {
    DatabaseError::Use(error).into()
}

/// `error` of the thing called `what`: said with its name when it is the caller's to correct.
fn failed(what: &str, error: StoreError) -> CommandError {
    match error {
        StoreError::NotFound(_) => CommandError::Failed(format!("{what}: {error}")),
        _ => database(error),
    }
}

fn check_name(flag: &str, name: &str) -> Result<(), CommandError> {
    let printable = !name.chars().any(char::is_control);
    if !name.trim().is_empty() && name.len() <= LONGEST_NAME && printable {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{flag} {name:?}: must be 1 to {LONGEST_NAME} bytes of text without control characters"
    )))
}

fn table(keys: &[ApiKey]) -> String {
    let header = [
        "id",
        "begins",
        "organisation",
        "application",
        "may",
        "created",
        "last used",
        "state",
        "name",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(keys.iter().map(row));
    aligned(&rows)
}

fn row(key: &ApiKey) -> [String; 9] {
    let or_dash =
        |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "active".to_owned(),
    };
    [
        key.id.to_string(),
        key.hint.clone(),
        key.org_id.to_string(),
        key.app_id
            .map_or_else(|| "all".to_owned(), |app| app.to_string()),
        if key.read_only { "read" } else { "read, write" }.to_owned(),
        key.created_at.to_string(),
        or_dash(key.last_used_at),
        state,
        key.name.escape_debug().to_string(),
    ]
}
