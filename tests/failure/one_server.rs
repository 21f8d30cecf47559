//! One server per SQLite file, whatever way the file is reached.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use postrider_testkit::{Engine, Server, run};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("postrider-test-names-")
        .tempdir()
        .expect("a temporary folder can be made")
}

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// A relative path from the root of the file system, with `..` in it.
fn around(path: &Path) -> PathBuf {
    let folder = path.parent().expect("in a folder");
    let name = folder.file_name().expect("a folder with a name");
    folder
        .join("..")
        .join(name)
        .join(".")
        .join(path.file_name().expect("a file"))
}

/// Ways to a file, by name. Those that SQLite takes for another file are marked.
fn ways(file: &Path, elsewhere: &Path) -> Vec<(&'static str, PathBuf, bool)> {
    let (name, folder) = (
        file.file_name().expect("a file"),
        file.parent().expect("in a folder"),
    );
    let link = elsewhere.join("link.db");
    symlink(file, &link).expect("a link can be made");
    let chain = elsewhere.join("chain.db");
    symlink("link.db", &chain).expect("a link can be made");
    let linked_folder = elsewhere.join("folder");
    symlink(folder, &linked_folder).expect("a link can be made");
    let hard = elsewhere.join("hard.db");
    std::fs::hard_link(file, &hard).expect("a link can be made");
    vec![
        ("its name", file.to_owned(), false),
        ("a symbolic link", link, false),
        ("a link to a link", chain, false),
        ("a linked folder", linked_folder.join(name), false),
        ("a path with ..", around(file), false),
        ("a hard link", hard, true),
    ]
}

async fn one_server_per_file() {
    let server = Server::start(Engine::Sqlite).await;
    let file = server.database().file().expect("on SQLite");
    let elsewhere = folder();
    for (way, path, other) in ways(&file, elsewhere.path()) {
        let second = server.second().set("DATABASE_URL", &url(&path));
        let refused = second.refused().await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{way}: {said}");
        assert!(said.contains("another postrider serves"), "{way}: {said}");
        let shown = if other { &path } else { &file };
        assert!(said.contains(&*shown.to_string_lossy()), "{way}: {said}");
        // Other commands work beside the server, but not past its log.
        for command in [&["key", "list"][..], &["migrate"]] {
            let there = url(&path);
            let arguments = [command, &["--database-url", &there]].concat();
            let done = server.command(&arguments).await;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.success(), !other, "{way}: {command:?}: {said}");
            assert!(
                !other || said.contains("hard.db is in use"),
                "{way}: {said}"
            );
        }
    }
    let app = server.client().app().await;
    app.publish("a.b", "{}").accepted().await;
}

#[test]
fn a_file_has_one_server_whatever_way_it_is_reached() {
    run(one_server_per_file());
}

/// Servers of the version before lock `NAME.lock` and nothing else.
async fn the_version_before_is_honoured() {
    let server = Server::start(Engine::Sqlite).await;
    let file = server.database().file().expect("on SQLite");
    let elsewhere = folder();
    let link = elsewhere.path().join("link.db");
    symlink(&file, &link).expect("a link can be made");
    let mut server = server;
    server.terminate().await;
    for name in [&file, &link] {
        let lock = PathBuf::from(format!("{}.lock", name.display()));
        let held = std::fs::File::create(lock).expect("a file can be made");
        held.lock().expect("it can be locked");
        let refused = server.second().set("DATABASE_URL", &url(name)).refused();
        let refused = refused.await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            said.contains("another postrider serves"),
            "{}: {said}",
            name.display()
        );
    }
    server.restart().await;
}

#[test]
fn a_server_of_the_version_before_keeps_others_out() {
    run(the_version_before_is_honoured());
}

async fn the_key_lies_beside_the_file() {
    let (data, elsewhere) = (folder(), folder());
    let file = data.path().join("postrider.db");
    let link = elsewhere.path().join("link.db");
    // To a file that is still to be made.
    symlink(&file, &link).expect("a link can be made");
    let mut server = Server::on(Engine::Sqlite)
        .unset("MAIN_SECRET")
        .set("DATABASE_URL", &url(&link))
        .start()
        .await;
    server.terminate().await;
    let key = data.path().join("postrider.db.key");
    assert!(key.exists(), "beside the file");
    assert!(!elsewhere.path().join("link.db.key").exists());
    let by_name = ["key", "list", "--database-url", &url(&file)];
    let done = server.command(&by_name).await;
    assert!(done.status.success(), "{done:?}");
    // Where the version before put it.
    std::fs::rename(&key, elsewhere.path().join("link.db.key")).expect("it can be moved");
    let by_link = ["key", "list", "--database-url", &url(&link)];
    let done = server.command(&by_link).await;
    assert!(done.status.success(), "{done:?}");
    let done = server.command(&by_name).await;
    assert_eq!(done.status.code(), Some(2), "{done:?}");
}

#[test]
fn the_key_file_lies_beside_the_file_that_a_link_leads_to() {
    run(the_key_lies_beside_the_file());
}

async fn an_emptied_file_is_told() {
    let data = folder();
    let file = data.path().join("postrider.db");
    let server = || {
        Server::on(Engine::Sqlite)
            .unset("MAIN_SECRET")
            .set("DATABASE_URL", &url(&file))
            .argument("--dev")
    };
    let words = "was here before";
    let mut first = server().start().await;
    assert!(!first.logs().contains(words), "{}", first.logs());
    first.terminate().await;
    for name in ["postrider.db", "postrider.db-wal", "postrider.db-shm"] {
        // Only the first is sure to be there.
        let _ = std::fs::remove_file(data.path().join(name));
    }
    let second = server().start().await;
    let logs = second.logs();
    assert_eq!(
        logs.matches(words).count(),
        2,
        "in the log and in the first start's text: {logs}"
    );
    assert!(logs.contains("postrider.db.key"), "{logs}");
}

#[test]
fn a_database_that_is_empty_beside_an_older_key_is_told() {
    run(an_emptied_file_is_told());
}
