//! A history of messages whose deliveries have all ended, written in bulk.

use std::io;
use std::time::Duration;

use postrider_store::{Cipher, Clock, ConnectOptions, Store};
use postrider_testkit::{Engine, TestDatabase};

use super::process::MAIN_SECRET;
use crate::bench::clock::now;

/// The days over which it is spread, up to an hour ago.
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);
/// Rows of one statement.
const CHUNK: u64 = 500_000;
/// One message of so many has an idempotency key that is still known.
const KEYED: u64 = 30;

/// How an engine says what the statements need.
struct Dialect {
    /// Numbers `i` from {from} to {to}, each with a moment `ms`.
    series: &'static str,
    /// An id of this moment; the letter tells ids of one moment apart.
    id: fn(&str, char) -> String,
    /// So many bytes.
    bytes: fn(u32) -> String,
    /// What a connection is told before it writes much.
    prelude: &'static str,
}

const POSTGRES: Dialect = Dialect {
    series: "(select i, {begin} + i * {span} / {rows} as ms from generate_series({from}::bigint, {to}::bigint - 1) as i) as n",
    id: |ms, letter| {
        format!(
            "(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex(i & 4095), 3, '0') || '{letter}' || lpad(to_hex(i), 15, '0'))::uuid"
        )
    },
    bytes: |count| format!("decode(repeat('2a', {count}), 'hex')"),
    prelude: "",
};

const SQLITE: Dialect = Dialect {
    series: "(with recursive n(i) as (select {from} union all select i + 1 from n where i + 1 < {to}) \
        select i, {begin} + i * {span} / {rows} as ms from n) as n",
    id: |ms, letter| format!("unhex(printf('%012x7%03x{letter}%015x', {ms}, i & 4095, i))"),
    bytes: |count| format!("zeroblob({count})"),
    prelude: "pragma synchronous = off; pragma cache_size = -200000; ",
};

/// Writes so many messages of the application `crash`, each with an event id, a payload, and
/// one delivery that succeeded at the first attempt.
pub(super) async fn write(database: &TestDatabase, rows: u64) -> io::Result<()> {
    let started = now();
    let dialect = match database.engine() {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    let until = Clock::system().now().minus(Duration::from_hours(1));
    let begin = until.minus(DAY * DAYS);
    partitions(database).await?;
    for from in (0..rows).step_by(CHUNK as usize) {
        let to = (from + CHUNK).min(rows);
        let numbers = [
            ("{begin}", begin.micros() / 1_000),
            ("{span}", (until.micros() - begin.micros()) / 1_000),
            ("{rows}", rows as i64),
            ("{from}", from as i64),
            ("{to}", to as i64),
        ];
        for statement in statements(&dialect) {
            let text = numbers.iter().fold(statement, |text, (name, number)| {
                text.replace(name, &number.to_string())
            });
            database
                .execute(&format!("{}{text}", dialect.prelude))
                .await;
        }
        eprintln!("{to} of {rows} rows of history");
    }
    if database.engine() == Engine::Postgres {
        // As autovacuum would have, in a month.
        database.execute("vacuum analyze").await;
    }
    eprintln!("written in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Those of days before the program began, as it would have made them then.
async fn partitions(database: &TestDatabase) -> io::Result<()> {
    let today = Clock::system().now();
    let (clock, hand) = Clock::manual(today.minus(DAY * (DAYS + 1)));
    let options = ConnectOptions {
        url: database.url().to_owned(),
        connections: 2,
    };
    let store = Store::open(&options, Cipher::new(MAIN_SECRET), clock)
        .await
        .map_err(io::Error::other)?;
    for day in (0..=DAYS).rev() {
        hand.advance_to(today.minus(DAY * day));
        store.make_partitions().await.map_err(io::Error::other)?;
    }
    store.close().await;
    Ok(())
}

fn statements(dialect: &Dialect) -> [String; 6] {
    let Dialect {
        series, id, bytes, ..
    } = dialect;
    let (message, attempt) = (id("ms", '8'), id("ms + 5", '9'));
    // It expires 90 days after its message: far from the numbers that servers are handed.
    let payload = "((ms / 86400000 + 90) << 47) | (70368744177664 + i)";
    let app = "(select id from app where name = 'crash')";
    let endpoint = "(select id, row_number() over (order by id) - 1 as place, count(*) over () as of from endpoint) as e";
    let (body, hash) = (bytes(200), bytes(32));
    let key = id("ms", 'a');
    [
        format!(
            "insert into message (app_id, id, event_type, event_id, payload_key) \
             select {app}, {message}, 'crash.history', 'history-' || i, {payload} from {series}"
        ),
        format!("insert into payload (key, body) select {payload}, {body} from {series}"),
        format!(
            "insert into event_key (app_id, event_id, message_id) \
             select {app}, 'history-' || i, {message} from {series}"
        ),
        format!(
            "insert into delivery (endpoint_id, message_id, state, attempts, sends, last_status, token, first_at) \
             select e.id, {message}, 1, 1, 1, 0, 1, ms * 1000 from {series} join {endpoint} on e.place = i % e.of"
        ),
        format!(
            "insert into attempt (message_id, id, endpoint_id, endpoint_revision, status, http_status, \
             trigger, number, started_at, duration_us, signature, next_reason) \
             select {message}, {attempt}, e.id, 1, 0, 204, 0, 1, ms * 1000, 5000, 'v1,history', 0 \
             from {series} join {endpoint} on e.place = i % e.of"
        ),
        format!(
            "insert into publish_key (key, body_hash, message_id, expires_at) \
             select {key_bytes}, {hash}, {message}, (ms + 5184000000) * 1000 from {series} where i % {KEYED} = 0",
            key_bytes = match dialect.prelude {
                "" => format!("uuid_send({key})"),
                _ => key,
            },
        ),
    ]
}
