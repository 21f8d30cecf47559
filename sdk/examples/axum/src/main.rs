//! Receives webhooks in axum: verify, claim, store, answer at once, work later.
//!
//! The event and the note that it was received are stored in one transaction, so that an
//! event counts as received if and only if it is there to be worked on. `WEBHOOK_SECRET` is
//! the endpoint's secret, `PORT` where to listen, `DATABASE` a file of SQLite.

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use postrider_verify::Verifier;
use postrider_verify::seen::{Claim, Lease, SeenError, SeenStore, SqliteStore};
use postrider_verify::web::SignedBytes;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What handlers share.
#[derive(Clone)]
struct App {
    verifier: Verifier,
    seen: SqliteStore,
    pool: SqlitePool,
    wake: Arc<Notify>,
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

/// Runs when the signature is right; all else was answered 401, 400 or 413.
async fn receive(State(app): State<App>, signed: SignedBytes) -> StatusCode {
    let lease = match app.seen.claim(&signed.verified.id).await {
        Ok(Claim::Fresh(lease)) => lease,
        Ok(Claim::Done) => return StatusCode::OK,
        // Another delivery of it is in hand, and may yet fail: let the sender come back.
        Ok(Claim::InFlight) => return StatusCode::CONFLICT,
        Err(error) => return unavailable(&error),
    };
    match store(&app, &lease, &signed.body).await {
        Ok(()) => {
            app.wake.notify_one();
            StatusCode::ACCEPTED
        }
        Err(error) => {
            // If this fails too, the lease runs out by itself.
            let _ = app.seen.release(&lease).await;
            unavailable(error.as_ref())
        }
    }
}

async fn store(app: &App, lease: &Lease, body: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut transaction = app.pool.begin().await?;
    sqlx::query("insert into inbox (id, event) values ($1, $2) on conflict do nothing")
        .bind(lease.id())
        .bind(body)
        .execute(&mut *transaction)
        .await?;
    app.seen
        .confirm_within(&mut transaction, lease, now())
        .await?;
    Ok(transaction.commit().await?)
}

fn unavailable(error: &dyn Error) -> StatusCode {
    eprintln!("not stored: {error}");
    StatusCode::SERVICE_UNAVAILABLE
}

/// Takes what is in the inbox, also what was left there when the program last ended.
async fn work(app: App) {
    loop {
        if let Err(error) = work_off(&app.pool).await {
            eprintln!("inbox: {error}");
        }
        app.wake.notified().await;
    }
}

async fn work_off(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let waiting: Vec<(String, Vec<u8>)> =
        sqlx::query_as("select id, event from inbox where handled = 0 order by rowid")
            .fetch_all(pool)
            .await?;
    for (id, event) in waiting {
        handle(&id, &event);
        sqlx::query("update inbox set handled = 1 where id = $1")
            .bind(&id)
            .execute(pool)
            .await?;
    }
    Ok(())
}

fn handle(id: &str, event: &[u8]) {
    match serde_json::from_slice::<serde_json::Value>(event) {
        Ok(event) => println!("handled {id} {event}"),
        Err(error) => eprintln!("{id} is not JSON: {error}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    let options = SqliteConnectOptions::new()
        .filename(setting("DATABASE", "webhooks.db"))
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query(
        "create table if not exists inbox (id text primary key, event blob not null, \
         handled integer not null default 0)",
    )
    .execute(&pool)
    .await?;
    let app = App {
        verifier: Verifier::new(&std::env::var("WEBHOOK_SECRET")?)?,
        seen: SqliteStore::new(pool.clone()),
        pool,
        wake: Arc::new(Notify::new()),
    };
    app.seen.create_table().await?;
    tokio::spawn(work(app.clone()));
    let router = Router::new()
        .route("/webhooks", post(receive))
        .with_state(app);
    let address = format!("127.0.0.1:{}", setting("PORT", "3000"));
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}/webhooks", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

#[allow(
    clippy::disallowed_methods,
    reason = "when the event was stored is what the clock says"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
