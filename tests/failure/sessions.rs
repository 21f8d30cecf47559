//! What stands between us and PostgreSQL, and what is wrong with the server behind it: said
//! at the start, in words that name the remedy.

use std::net::TcpListener;
use std::process::Output;
use std::sync::Arc;

use postrider_testkit::{Engine, PostgresServer, Receiver, Server, TestDatabase, eventually, run};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// PgBouncer before a database, with its default configuration but for what says where it
/// listens, whom it lets in, and what it leads to.
struct Pooler {
    url: String,
    _folder: TempDir,
    _process: Child,
}

impl Pooler {
    async fn start(database: &TestDatabase, more: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let server: reqwest::Url = database.url().parse().unwrap();
        let name = server.path().trim_start_matches('/');
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let readable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), readable).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\n{name} = host={} port={} user={} dbname={name}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n{more}\n",
            server.host_str().unwrap(),
            server.port().unwrap_or(5432),
            server.username(),
        );
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new("pgbouncer");
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").is_ok_and(|own| {
            use std::os::unix::fs::MetadataExt;
            own.uid() == 0
        }) {
            command.args(["-u", "nobody"]);
        }
        let process = command
            .arg(&file)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("this test needs PgBouncer (on Debian: apt-get install pgbouncer)");
        eventually("the pooler to listen", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .map(|_| ())
        })
        .await;
        let mut url = server.clone();
        url.set_port(Some(port)).unwrap();
        Self {
            url: url.into(),
            _folder: folder,
            _process: process,
        }
    }
}

fn words(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn refused(database: &Arc<TestDatabase>, url: &str) -> String {
    let server = Server::on(Engine::Postgres).database(Arc::clone(database));
    let output = server
        .environment("POSTRIDER_DATABASE_URL", url)
        .refused()
        .await;
    words(&output)
}

#[test]
fn a_pooler_in_session_mode_with_its_default_configuration_will_do() {
    run(async {
        let database = Arc::new(TestDatabase::new(Engine::Postgres).await);
        let pooler = Pooler::start(&database, "").await;
        let receiver = Receiver::start().await;
        let server = Server::on(Engine::Postgres).database(database);
        let server = server.environment("POSTRIDER_DATABASE_URL", &pooler.url);
        let server = server.start().await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.ends(&id, "success").await;
    });
}

#[test]
fn a_pooler_that_keeps_no_sessions_is_refused_in_words() {
    run(async {
        let database = Arc::new(TestDatabase::new(Engine::Postgres).await);
        for mode in ["transaction", "statement"] {
            let pooler = Pooler::start(&database, &format!("pool_mode = {mode}")).await;
            let said = refused(&database, &pooler.url).await;
            assert!(said.contains("session mode"), "{mode}: {said}");
        }
        let pool = "pool_mode = transaction\ndefault_pool_size = 1";
        let pooler = Pooler::start(&database, pool).await;
        let said = refused(&database, &pooler.url).await;
        assert!(said.contains("session mode"), "a pool of one: {said}");
    });
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused_in_words() {
    run(async {
        let database = Arc::new(TestDatabase::new(Engine::Postgres).await);
        let mut url: reqwest::Url = database.url().parse().unwrap();
        let name = format!("{}_latin1", url.path().trim_start_matches('/'));
        let make = format!(
            "create database {name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
        );
        database.execute(&make).await;
        url.set_path(&name);
        let said = refused(&database, url.as_str()).await;
        database
            .execute(&format!("drop database {name} with (force)"))
            .await;
        assert!(
            said.contains("LATIN1") && said.contains("-E UTF8"),
            "{said}"
        );
    });
}

#[test]
fn a_server_that_takes_no_writes_is_refused_in_words() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let database = Arc::new(TestDatabase::on(&primary));
        let standby = primary.standby("second").await;
        let said = refused(&database, &standby.url()).await;
        assert!(
            said.contains("standby") && said.contains("primary"),
            "{said}"
        );
        primary
            .execute("alter database postrider set default_transaction_read_only = on")
            .await;
        let said = refused(&database, database.url()).await;
        assert!(said.contains("default_transaction_read_only"), "{said}");
    });
}

#[test]
fn a_server_without_room_for_a_node_is_refused_with_the_numbers_and_what_is_held_stays() {
    run(async {
        let primary = PostgresServer::start_new().await;
        let database = Arc::new(TestDatabase::on(&primary));
        primary.limit_connections(3).await;
        let said = refused(&database, database.url()).await;
        for part in [
            "max_connections",
            "POSTRIDER_DATABASE_CONNECTIONS",
            "4 connections",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        primary.limit_connections(-1).await;
        let server = Server::on(Engine::Postgres)
            .database(database)
            .start()
            .await;
        let app = server.client().app().await;
        // Nobody gets another connection from now on.
        primary.limit_connections(0).await;
        for _ in 0..20 {
            app.publish("a.b", "{}").accepted().await;
        }
    });
}

#[test]
fn a_server_needs_no_temporary_folder_and_leaves_nothing_in_one() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let database = Arc::new(TestDatabase::new(Engine::Postgres).await);
        for place in [folder.path(), std::path::Path::new("/nowhere/at/all")] {
            let server = Server::on(Engine::Postgres).database(Arc::clone(&database));
            let server = server.environment("TMPDIR", &place.display().to_string());
            let mut server = server.start().await;
            let app = server.client().app().await;
            app.publish("a.b", "{}").accepted().await;
            let left = || std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left(), 0, "while it runs");
            server.kill9().await;
            assert_eq!(left(), 0, "after its end");
        }
    });
}
