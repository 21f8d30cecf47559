//! Backups of PostgreSQL databases, by PostgreSQL's own programs.

use std::path::Path;
use std::process::Stdio;

use postrider_store::backup::Contents;
use postrider_store::backup::postgres::{DumpReader, Snapshot};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use url::Url;

use super::draft::Draft;
use super::failed;
use crate::error::CommandError;

/// Writes down the database as of one moment, and reads back what was written.
pub(super) async fn backup(url: &str, file: &Path) -> Result<Contents, CommandError> {
    let there = Snapshot::take(url).await.map_err(|error| failed(&error))?;
    if there.contents.is_empty() {
        let empty = "there is nothing in the database".to_owned();
        return Err(CommandError::Failed(empty));
    }
    check_version("pg_dump", there.version).await?;
    let draft = Draft::new(file)?;
    let mut dump = Command::new("pg_dump");
    dump.args(["--format=custom", "--no-password"])
        .arg(format!("--snapshot={}", there.id))
        .arg("--file")
        .arg(draft.path());
    connect(&mut dump, url)?;
    run("pg_dump", dump).await?;
    let written = read(draft.path()).await?;
    written
        .same_as(&there.contents)
        .map_err(|error| failed(&error))?;
    let mut contents = there.contents.clone();
    contents.fingerprint = written.fingerprint;
    there.end().await.map_err(|error| failed(&error))?;
    draft.finish()?;
    Ok(contents)
}

/// What is in a dump, all of which is read.
pub(super) async fn read(file: &Path) -> Result<Contents, CommandError> {
    let mut command = Command::new("pg_restore");
    command
        .args(["--data-only", "--file=-"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| missing("pg_restore", &error))?;
    let mut reader = DumpReader::default();
    let said = child.stderr.take();
    let read = async {
        if let Some(out) = child.stdout.take() {
            let (mut out, mut line) = (BufReader::new(out), Vec::new());
            while out.read_until(b'\n', &mut line).await? > 0 {
                reader.line(String::from_utf8_lossy(&line).trim_end_matches('\n'));
                line.clear();
            }
        }
        child.wait().await
    };
    let (status, said) = tokio::join!(read, all(said));
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(complaint("pg_restore", &said)),
        Err(error) => return Err(missing("pg_restore", &error)),
    }
    reader
        .end(&file.display().to_string())
        .map_err(|error| failed(&error))
}

/// What is in the database.
pub(super) async fn contents(url: &str) -> Result<Contents, CommandError> {
    let there = Snapshot::take(url).await.map_err(|error| failed(&error))?;
    let contents = there.contents.clone();
    there.end().await.map_err(|error| failed(&error))?;
    Ok(contents)
}

/// That the backup may take the database's place. Says whether something is in it.
pub(super) async fn make_way(
    url: &str,
    file: &Path,
    backup: &Contents,
    force: bool,
) -> Result<bool, CommandError> {
    let there = Snapshot::take(url).await.map_err(|error| failed(&error))?;
    check_version("pg_restore", there.version).await?;
    let (contents, nodes) = (there.contents.clone(), there.nodes);
    there.end().await.map_err(|error| failed(&error))?;
    if contents.is_empty() {
        return Ok(false);
    }
    let problem = if nodes > 0 {
        format!("{nodes} of its nodes are running, or were a moment ago: stop them first")
    } else if contents.step() > backup.step() {
        "it is of a newer schema than the backup: drop it and create it empty".to_owned()
    } else if !force {
        let newer = contents.newest > backup.newest;
        let newer = if newer {
            ", and newer than the backup"
        } else {
            ""
        };
        format!("it is not empty{newer}: use an empty one, or have it replaced with --force")
    } else {
        return Ok(true);
    };
    Err(CommandError::Failed(format!(
        "cannot restore {} into the database: {problem}",
        file.display()
    )))
}

/// Puts a dump into the database, in place of what is in it or into an empty one, whole or
/// not at all.
pub(super) async fn restore(url: &str, file: &Path, clean: bool) -> Result<(), CommandError> {
    let mut command = Command::new("pg_restore");
    command.args(["--exit-on-error", "--no-owner", "--no-privileges"]);
    if clean {
        return replace(url, file, command).await;
    }
    command.args(["--single-transaction", "--no-password"]);
    connect(&mut command, url)?;
    command.arg(file);
    run("pg_restore", command).await
}

/// `pg_restore --clean` cannot drop what partitions inherit: what is there goes as a whole, in
/// the transaction that brings what the dump holds.
async fn replace(url: &str, file: &Path, mut script: Command) -> Result<(), CommandError> {
    let draft = Draft::new(&file.with_extension("sql"))?;
    script.arg("--file").arg(draft.path()).arg(file);
    run("pg_restore", script).await?;
    let mut psql = Command::new("psql");
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--single-transaction",
    ])
    .args(["--set", "ON_ERROR_STOP=1"])
    .args(["--command", "drop schema public cascade"])
    .args(["--command", "create schema public"])
    .arg("--file")
    .arg(draft.path());
    connect(&mut psql, url)?;
    run("psql", psql).await
}

/// Parameters of a URL that libpq knows by the same name.
const KNOWN: [&str; 8] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "sslrootcert",
    "sslcert",
    "sslkey",
];

/// Tells one of PostgreSQL's programs where to connect to. Others see its arguments, so the
/// password goes another way.
fn connect(command: &mut Command, url: &str) -> Result<(), CommandError> {
    let unread = |_| CommandError::Failed("the database's URL cannot be read".to_owned());
    let mut plain = Url::parse(url).map_err(unread)?;
    let mut password = plain.password().map(decoded);
    let mut kept = Vec::new();
    for (name, value) in Url::parse(url).map_err(unread)?.query_pairs() {
        match &*name {
            "password" => password = Some(value.into_owned()),
            "sslmode" | "ssl-mode" => kept.push(("sslmode".to_owned(), value.into_owned())),
            name if KNOWN.contains(&name) => kept.push((name.to_owned(), value.into_owned())),
            // What is the driver's own, such as the size of its caches.
            _ => {}
        }
    }
    plain.set_query(None);
    if !kept.is_empty() {
        plain.query_pairs_mut().extend_pairs(kept);
    }
    // A URL with a host, as ours are, has a place for it.
    let _ = plain.set_password(None);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.arg(format!("--dbname={plain}"));
    Ok(())
}

/// `%41` and the like as the bytes that they stand for.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// That the program is there and not older than the server, of which it would know too little.
async fn check_version(program: &'static str, server: i32) -> Result<(), CommandError> {
    let said = Command::new(program)
        .arg("--version")
        .output()
        .await
        .map_err(|error| missing(program, &error))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let server = server / 10_000;
    match major(&said) {
        Some(own) if own >= server => Ok(()),
        _ => Err(CommandError::Failed(format!(
            "{program} is too old for the server: it says {:?}, and the server is PostgreSQL {server}; \
             install the client programs of PostgreSQL {server} or newer",
            said.trim()
        ))),
    }
}

/// 15 of `pg_dump (PostgreSQL) 15.20 (Debian 15.20-0)`.
fn major(said: &str) -> Option<i32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

async fn run(program: &'static str, mut command: Command) -> Result<(), CommandError> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let done = command
        .output()
        .await
        .map_err(|error| missing(program, &error))?;
    if done.status.success() {
        return Ok(());
    }
    Err(complaint(program, &String::from_utf8_lossy(&done.stderr)))
}

async fn all(out: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut text = Vec::new();
    if let Some(mut out) = out {
        // What is said helps, and is not needed.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut out, &mut text).await;
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn complaint(program: &str, said: &str) -> CommandError {
    CommandError::Failed(format!("{program} failed: {}", said.trim()))
}

fn missing(program: &str, error: &std::io::Error) -> CommandError {
    CommandError::Failed(format!(
        "cannot run {program} ({error}): install PostgreSQL's client programs, and have them in the PATH"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_argument() {
        for url in [
            "postgres://u:hunter%402@h/db",
            "postgres://u@h/db?password=hunter%402&sslmode=require",
        ] {
            let mut command = Command::new("pg_dump");
            connect(&mut command, url).unwrap();
            let command = command.as_std();
            let shown: Vec<_> = command.get_args().collect();
            assert!(!format!("{shown:?}").contains("hunter"), "{shown:?}");
            let password = command.get_envs().find(|(name, _)| *name == "PGPASSWORD");
            assert_eq!(password.unwrap().1.unwrap(), "hunter@2");
        }
    }

    #[test]
    fn a_version_is_read_from_what_a_program_says() {
        assert_eq!(
            major("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0)\n"),
            Some(15)
        );
        assert_eq!(major("pg_dump (PostgreSQL) 18devel"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
