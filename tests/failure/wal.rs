//! SQLite's log cut off anywhere, as by a power failure on a disk that wrote part of it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_testkit::{
    Answer, App, Engine, Gate, Receiver, Request, Server, TestDatabase, eventually, run,
};
use postrider_tests::nothing_is_owed;

const MESSAGES: usize = 60;
const CUTS: usize = 20;

/// What was published before the cut.
struct Published {
    app: App,
    /// In the order of their commits.
    ids: Vec<String>,
    /// Answers nothing before the cut and everything after it.
    held: Receiver,
    /// Answers everything.
    _quick: Receiver,
    /// The database's file, and its log.
    file: Vec<u8>,
    log: Vec<u8>,
}

/// The log beside the database's file.
fn log_of(file: &Path) -> PathBuf {
    file.with_extension("db-wal")
}

/// A database of the file and the first `length` bytes of the log, and garbage behind them
/// if that is asked for.
async fn cut(published: &Published, length: usize, garbage: bool) -> TestDatabase {
    let database = TestDatabase::new(Engine::Sqlite).await;
    let file = database.file().expect("a file");
    fs::write(&file, &published.file).expect("a copy");
    let mut left = published.log[..length].to_vec();
    if garbage {
        left.extend((0..8_192_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    }
    fs::write(log_of(&file), left).expect("a copy");
    database
}

/// Opens what a cut has left, and gives how many messages are in it.
async fn survives(published: &Published, database: TestDatabase) -> usize {
    let sent_before = published.held.count();
    let server = Server::on(Engine::Sqlite)
        .database(Arc::new(database))
        .start()
        .await;
    let app = published.app.through(&server.client());
    let stored: HashSet<String> = server
        .client()
        .all(&app.path("/msg"))
        .await
        .iter()
        .map(|message| message["id"].as_str().expect("an id").to_owned())
        .collect();
    let first = published.ids.iter().take(stored.len()).cloned();
    assert_eq!(stored, first.collect(), "a prefix of what was committed");
    let what = format!("the {} messages that are left to arrive", stored.len());
    let all = published
        .held
        .received_until(&what, |all| {
            let sent = all[sent_before..].iter().map(Request::message_id);
            sent.collect::<HashSet<_>>().len() >= stored.len()
        })
        .await;
    let sent = all[sent_before..]
        .iter()
        .map(|one| one.message_id().to_owned());
    assert_eq!(
        sent.collect::<HashSet<_>>(),
        stored,
        "what is stored, and nothing else"
    );
    nothing_is_owed(&server).await;
    is_whole(server.database()).await;
    stored.len()
}

async fn is_whole(database: &TestDatabase) {
    for (what, faults) in [
        (
            "corruption",
            "select count(*) from pragma_integrity_check where integrity_check <> 'ok'",
        ),
        (
            "messages without their two deliveries",
            "select count(*) from message m where 2 <> \
             (select count(*) from delivery d where d.message_id = m.id)",
        ),
        (
            "messages without a payload",
            "select count(*) from message m where not exists \
             (select 1 from payload p where p.key = m.payload_key)",
        ),
        (
            "deliveries without a message",
            "select count(*) from delivery d where not exists \
             (select 1 from message m where m.id = d.message_id)",
        ),
    ] {
        assert_eq!(database.number(faults).await, 0, "{what}");
    }
}

async fn publish() -> Published {
    let gate = Gate::closed();
    let quick = Receiver::start().await;
    let held = Receiver::always(Answer::status(204).behind(&gate)).await;
    let mut server = Server::on(Engine::Sqlite)
        .set("REQUEST_TIMEOUT", "30")
        .start()
        .await;
    let app = server.client().app().await;
    app.endpoint(&quick.url()).create().await;
    app.endpoint(&held.url()).create().await;
    // Carries the log over, so that no cut takes the application away.
    assert!(server.terminate().await.success());
    server.restart().await;
    let mut ids = Vec::new();
    for _ in 0..MESSAGES {
        ids.push(app.publish("a.b", "{}").accepted().await);
    }
    eventually(
        "the quick endpoint's outcomes to be stored",
        async || match server
            .database()
            .number("select count(*) from attempt")
            .await
        {
            found if found >= MESSAGES as i64 => Ok(()),
            found => Err(found),
        },
    )
    .await;
    server.kill9().await;
    gate.open();
    let file = server.database().file().expect("a file");
    Published {
        app,
        ids,
        held,
        _quick: quick,
        log: fs::read(log_of(&file)).expect("what was not carried over yet"),
        file: fs::read(&file).expect("readable"),
    }
}

#[test]
fn a_log_that_is_cut_off_anywhere_opens_whole_and_is_delivered() {
    run(async {
        let published = publish().await;
        let length = published.log.len();
        let (mut last, mut kept) = (0, Vec::new());
        for n in 1..=CUTS {
            // Anywhere in a page, seldom at its end.
            let at = (length * n / CUTS).saturating_sub(n * 37 % 4_096 * usize::from(n < CUTS));
            let database = cut(&published, at, n % 4 == 0).await;
            let found = survives(&published, database).await;
            assert!(found >= last, "a longer log has no less in it");
            last = found;
            kept.push(found);
        }
        eprintln!("messages in each: {kept:?}");
        assert_eq!(
            last, MESSAGES,
            "the whole log has all that was acknowledged"
        );
    });
}
