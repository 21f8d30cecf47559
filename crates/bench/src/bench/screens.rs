//! The dashboard's screens in a real Chromium, on the real server.

use std::io;
use std::path::Path;
use std::process::Command;

use super::server::Server;
use super::succeed;

/// Installs what drives the browser.
pub(super) fn prepare(root: &Path) -> io::Result<()> {
    succeed(&mut Command::new(root.join(".ci/chromium")))?;
    let mut install = npm(root);
    install
        .args(["ci", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    succeed(&mut install)
}

/// Serves a seeded database and prints how long each screen takes to be usable.
pub(super) async fn measure(
    root: &Path,
    binary: &Path,
    folder: &Path,
    (database, org): (&str, &str),
) -> io::Result<()> {
    let settings = [("POSTRIDER_INBOX", "true")];
    let server = Server::start(binary, folder, database, (org, &settings)).await?;
    let mut browser = npm(root);
    browser
        .args(["run", "--silent", "measure"])
        .env("MEASURE_URL", format!("http://{}", server.address))
        .env("MEASURE_KEY", &server.key);
    let measured = tokio::task::spawn_blocking(move || succeed(&mut browser)).await;
    server.stop().await?;
    measured?
}

fn npm(root: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(root.join("tests/browser"));
    npm
}
