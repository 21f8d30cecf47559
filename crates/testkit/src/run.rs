//! Running a test body, on one engine or on both, and waiting for what it expects.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

/// How long a test waits for what should happen at once: long enough for a machine
/// that also compiles, short enough to tell what was missing before the runner ends it.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// The longest that one test may take, on a machine that is slow at the moment; the runner
/// would end it without a word at 600 s.
const LIMIT: Duration = Duration::from_secs(580);

/// Runs a test body on a runtime of its own.
pub fn run(body: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(async {
            tokio::time::timeout(LIMIT, body)
                .await
                .expect("the test ends within its limit");
        });
}

/// Asks again and again until `probe` gives a value, and panics with what it last
/// saw instead after [`PATIENCE`].
pub async fn eventually<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let deadline = crate::clock::now() + PATIENCE;
    let mut pause = Duration::from_millis(2);
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) => assert!(
                crate::clock::now() < deadline,
                "waited {PATIENCE:?} for {what}; last saw: {seen:?}"
            ),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Makes two tests of each body: `NAME::on_sqlite` and `NAME::on_postgres`.
#[macro_export]
macro_rules! on_both_engines {
    ($(
        $(#[$meta:meta])*
        async fn $name:ident($engine:ident: Engine) $body:block
    )*) => { $(
        async fn $name($engine: $crate::Engine) $body

        mod $name {
            #[test]
            $(#[$meta])*
            fn on_sqlite() {
                $crate::run(super::$name($crate::Engine::Sqlite));
            }

            #[test]
            $(#[$meta])*
            fn on_postgres() {
                $crate::run(super::$name($crate::Engine::Postgres));
            }
        }
    )* };
}
