//! How much a database has read for a server.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::Full;
use postrider_testkit::TestDatabase;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::bench::connection::Connection;

/// By table, its partitions together.
pub(super) type Reads = BTreeMap<String, i64>;

/// Rows that whole tables were read for, and entries that were read of indexes.
const READS: &str = "select regexp_replace(relname::text, '_[dw][0-9]+$', ''), sum(count)::bigint \
    from (select relname, coalesce(seq_tup_read, 0) as count from pg_stat_user_tables \
    union all select relname, coalesce(idx_tup_read, 0) from pg_stat_user_indexes) as each group by 1";
/// What a build with fail points counts of SQLite.
const STEPS: &str = "postrider_sqlite_steps_total";

/// What PostgreSQL has read so far; of a connection that is open, it may not know all yet.
pub(super) async fn reads(database: &TestDatabase) -> io::Result<Reads> {
    let read = async {
        let mut connection = PgConnection::connect(database.url()).await?;
        let rows: Vec<(String, i64)> = sqlx::query_as(READS).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(rows)
    };
    let rows = read.await.map_err(io::Error::other)?;
    Ok(rows.into_iter().collect())
}

/// The steps of SQLite's machine that this server has taken: a row that is read takes some,
/// whether it comes from the disk or from memory.
pub(super) async fn steps(server: SocketAddr) -> io::Result<Reads> {
    let request = Request::get("/metrics")
        .header(HOST, server.to_string())
        .body(Full::new(Bytes::new()))
        .map_err(io::Error::other)?;
    let answer = Connection::open(server).await?.exchange(request).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let count = count_in(&text).ok_or_else(|| {
        io::Error::other(format!("no {STEPS}: not a build with fail points?\n{text}"))
    })?;
    Ok(Reads::from([("steps".to_owned(), count)]))
}

fn count_in(metrics: &str) -> Option<i64> {
    let line = metrics.lines().find(|line| line.starts_with(STEPS))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_found_among_the_metrics() {
        let text = format!("# TYPE {STEPS} counter\nother 3\n{STEPS} 4200\n");
        assert_eq!(count_in(&text), Some(4_200));
        assert_eq!(count_in("other 3\n"), None);
    }
}
