//! Backups are made beside a server, and what was pending in one is delivered after it was
//! restored. Whatever is wrong with one is said before anything is touched.

use std::path::{Path, PathBuf};
use std::process::Output;

use postrider_testkit::{Answer, App, Engine, Receiver, Server, on_both_engines, run};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("postrider-test-backup-")
        .tempdir()
        .expect("a temporary folder can be made")
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[track_caller]
fn said(output: &Output, code: i32, words: &str) {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "expected {words:?}: {text}");
}

/// Publishes until it is told to stop.
async fn publish_on(app: App, stop: tokio::sync::watch::Receiver<bool>) -> usize {
    let mut published = 0;
    while !*stop.borrow() {
        app.publish("a.b", r#"{"later":true}"#).accepted().await;
        published += 1;
    }
    published
}

on_both_engines! {
    async fn a_backup_under_load_goes_on_where_it_was_made(engine: Engine) {
        let receiver = Receiver::always(Answer::status(503)).await;
        let mut server = Server::start(engine).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).retries(&[1; 60]).create().await;
        let mut before = Vec::new();
        for number in 0..30 {
            let payload = format!(r#"{{"number":{number}}}"#);
            before.push(app.publish("a.b", &payload).accepted().await);
        }
        let folder = folder();
        let file = folder.path().join("copy");
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let load = tokio::spawn(publish_on(app.clone(), stopped));
        let made = server.command(&["backup", shown(&file)]).await;
        stop.send_replace(true);
        assert!(load.await.expect("no publish failed") > 0);
        said(&made, 0, "fingerprint");
        let after = app.publish("a.b", "{}").accepted().await;
        server.terminate().await;
        let refused = server.command(&["restore", shown(&file)]).await;
        said(&refused, 1, "--force");
        let restored = server.command(&["restore", shown(&file), "--force"]).await;
        said(&restored, 0, "under the same webhook-id");
        receiver.now_answer(Answer::status(204));
        server.restart().await;
        for message in &before {
            app.ends(message, "success").await;
        }
        let gone = app.client().get(&app.path(&format!("/msg/{after}"))).await;
        assert_eq!(gone.status, 404, "{gone:?}");
        app.publish("a.b", "{}").accepted().await;
    }
}

async fn refusals_on_sqlite() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mut server = Server::start(Engine::Sqlite).await;
    let database = server.database().file().expect("on SQLite");
    let app = server.client().app().await;
    let file = at("copy");
    said(
        &server.command(&["backup", shown(&file)]).await,
        0,
        "1 application",
    );
    said(
        &server.command(&["backup", shown(&file)]).await,
        1,
        "exists",
    );
    said(
        &server.command(&["backup", shown(&file), "--force"]).await,
        0,
        "copy holds",
    );
    let itself = server
        .command(&["backup", shown(&database), "--force"])
        .await;
    said(&itself, 1, "a file of the database itself");
    let nowhere = at("no/such/folder/copy");
    said(
        &server.command(&["backup", shown(&nowhere)]).await,
        1,
        "no/such/folder",
    );
    said(
        &server.command(&["restore", shown(&file)]).await,
        1,
        "another postrider serves",
    );
    let after = app.publish("a.b", "{}").accepted().await;
    server.terminate().await;
    let before = std::fs::read(&database).expect("it is there");
    for (name, words) in unfit(&file, folder.path()).await {
        let refused = server
            .command(&["restore", shown(&at(name)), "--force"])
            .await;
        said(&refused, 1, words);
    }
    said(
        &server.command(&["restore", shown(&file)]).await,
        1,
        "is newer",
    );
    let other = server.second().set(
        "MAIN_SECRET",
        "another main secret, of 32 characters at least",
    );
    let refused = other.command(&["restore", shown(&file)]).await;
    said(&refused, 1, "is not the one that the backup was made under");
    let other = at("other");
    let nothing = [
        "backup",
        shown(&other),
        "--database-url",
        "sqlite://no/such.db",
    ];
    said(&server.command(&nothing).await, 1, "there is no database");
    assert_eq!(
        std::fs::read(&database).expect("it is there"),
        before,
        "untouched"
    );
    server.restart().await;
    app.client()
        .get(&app.path(&format!("/msg/{after}")))
        .await
        .ok();
    server.terminate().await;
    said(
        &server.command(&["restore", shown(&file), "--force"]).await,
        0,
        "is kept as",
    );
    one_was_kept(database.parent().expect("in a folder"));
    server.restart().await;
    app.client().get(&app.path("")).await.ok();
}

/// The database that was replaced is still there, and nothing half done.
fn one_was_kept(folder: &Path) {
    let names = std::fs::read_dir(folder).expect("a folder");
    let names: Vec<String> = names
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let kept = names
        .iter()
        .filter(|name| name.contains(".replaced-"))
        .count();
    assert_eq!(kept, 1, "{names:?}");
    assert!(
        !names.iter().any(|name| name.contains("partial")),
        "{names:?}"
    );
}

/// Files that are no backups that could be restored, with what is said of each.
async fn unfit(file: &Path, folder: &Path) -> Vec<(&'static str, &'static str)> {
    let whole = std::fs::read(file).expect("it was made");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).expect("a file can be written");
    };
    write("garbage", &vec![7; 20_000]);
    write("cut", &whole[..whole.len() / 2]);
    let mut scratched = whole.clone();
    let middle = scratched.len() / 4096 / 2 * 4096;
    scratched[middle..middle + 4096].fill(0xAA);
    write("scratched", &scratched);
    write("newer", &whole);
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (9999, 'of later', 1, x'00', 0)";
    on_file(&folder.join("newer"), newer).await;
    on_file(&folder.join("foreign"), "create table note (text)").await;
    vec![
        ("missing", "is not there"),
        ("garbage", "garbage"),
        ("cut", "cut"),
        ("scratched", ""),
        ("newer", "of a newer version"),
        ("foreign", "no database of Postrider's"),
    ]
}

async fn on_file(path: &PathBuf, sql: &'static str) {
    use sqlx::ConnectOptions as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new();
    let options = options.filename(path).create_if_missing(true);
    let mut connection = options.connect().await.expect("a file");
    sqlx::query(sql)
        .execute(&mut connection)
        .await
        .expect("done");
    sqlx::Connection::close(connection).await.expect("closed");
}

#[test]
fn a_backup_that_is_unfit_is_refused_before_anything_is_touched() {
    run(refusals_on_sqlite());
}

async fn refusals_on_postgres() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mut server = Server::start(Engine::Postgres).await;
    let file = at("copy");
    let app = server.client().app().await;
    let bare = server.second().environment("PATH", "/no/such/folder");
    said(
        &bare.command(&["backup", shown(&file)]).await,
        1,
        "cannot run pg_dump",
    );
    let old = program(
        folder.path(),
        "pg_dump",
        "echo 'pg_dump (PostgreSQL) 9.6.1'",
    );
    let old = server.second().environment("PATH", &old);
    said(
        &old.command(&["backup", shown(&file)]).await,
        1,
        "too old for the server",
    );
    said(
        &server.command(&["backup", shown(&file)]).await,
        0,
        "1 application",
    );
    said(
        &server.command(&["backup", shown(&file)]).await,
        1,
        "exists",
    );
    let running = server.command(&["restore", shown(&file), "--force"]).await;
    said(&running, 1, "stop them first");
    server.terminate().await;
    said(
        &server.command(&["restore", shown(&file)]).await,
        1,
        "it is not empty",
    );
    let other = server.second().set(
        "MAIN_SECRET",
        "another main secret, of 32 characters at least",
    );
    let refused = other.command(&["restore", shown(&file), "--force"]).await;
    said(&refused, 0, "no server will start");
    std::fs::write(at("garbage"), vec![7; 20_000]).expect("a file can be written");
    let garbage = server.command(&["restore", shown(&at("garbage"))]).await;
    said(&garbage, 1, "pg_restore failed");
    server.restart().await;
    app.client().get(&app.path("")).await.ok();
}

/// A program of that name that does this, and the PATH that leads to it.
fn program(folder: &Path, name: &str, does: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("a file can be written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("its mode can be set");
    format!("{}:/usr/bin:/bin", folder.display())
}

#[test]
fn a_backup_of_postgresql_says_what_is_missing_or_in_the_way() {
    run(refusals_on_postgres());
}

async fn into_an_empty_database() {
    let folder = folder();
    let file = folder.path().join("copy");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let server = Server::start(engine).await;
        let app = server.client().app().await;
        let _ = std::fs::remove_file(&file);
        said(&server.command(&["backup", shown(&file)]).await, 0, "holds");
        let empty = postrider_testkit::TestDatabase::empty(engine).await;
        let restore = ["restore", shown(&file), "--database-url", empty.url()];
        said(&server.command(&restore).await, 0, "1 application");
        let other = server
            .second()
            .database(std::sync::Arc::new(empty))
            .start()
            .await;
        app.through(&other.client()).client().get("/app").await;
        let apps = "select count(*) from app where deleted_at is null";
        assert_eq!(other.database().number(apps).await, 1);
    }
}

#[test]
fn a_backup_goes_into_an_empty_database() {
    run(into_an_empty_database());
}
