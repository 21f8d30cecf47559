//! Messages by the many, written into the database behind the server's back: publishing
//! them would take longer than what is tested.

use postrider_domain::{AppId, DeliveryState, EndpointId, Timestamp};
use postrider_testkit::{App, Endpoint, Engine, Server, days_ago};

/// Payload keys that the server does not come to: see its `counter` table.
const FIRST_NUMBER: i64 = 1 << 46;
const NUMBER_BITS: u32 = 47;
const DAY: i64 = 86_400;

/// Messages to be written, one a millisecond, the first an hour ago.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    count: i64,
    now: Timestamp,
}

impl Seed {
    /// So many of them.
    pub fn new(count: i64) -> Self {
        let now = serde_json::from_value(days_ago(0).into()).expect("a time");
        Self { count, now }
    }

    /// Writes the messages, with their payloads.
    pub async fn messages(self, server: &Server, app: &App) {
        let id: AppId = app.id().parse().expect("an id, not a uid");
        let app = hex(server, &id.uuid().simple().to_string());
        let count = self.count;
        let (message, body) = (self.message(server), body(server));
        let key = format!("{} + n", self.first_key());
        let numbers = numbers(count);
        for text in [
            format!(
                "insert into message (app_id, id, event_type, payload_key) \
                 {numbers} select {app}, {message}, 'seed', {key} from n"
            ),
            format!("insert into payload (key, body) {numbers} select {key}, {body} from n"),
        ] {
            assert_eq!(server.database().execute(&text).await, count.unsigned_abs());
        }
    }

    /// Writes their deliveries to an endpoint, which stand so.
    pub async fn deliveries(self, server: &Server, endpoint: &Endpoint, state: DeliveryState) {
        let id: EndpointId = endpoint.id.parse().expect("an id, not a uid");
        let endpoint = hex(server, &id.uuid().simple().to_string());
        let (message, state) = (self.message(server), state.code());
        let text = format!(
            "insert into delivery (endpoint_id, message_id, state, first_at) \
             {} select {endpoint}, {message}, {state}, 1 from n",
            numbers(self.count)
        );
        let written = server.database().execute(&text).await;
        assert_eq!(written, self.count.unsigned_abs());
    }

    /// The payloads expire in 30 days.
    fn first_key(self) -> i64 {
        ((self.now.seconds().div_euclid(DAY) + 30) << NUMBER_BITS) | FIRST_NUMBER
    }

    /// A UUIDv7 made of the row's number.
    fn message(self, server: &Server) -> String {
        let first = (self.now.seconds() - 3_600) * 1_000;
        match server.database().engine() {
            Engine::Sqlite => {
                format!("unhex(printf('%012x70008%015x', {first} + n, n))")
            }
            Engine::Postgres => format!(
                "(lpad(to_hex({first}::bigint + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid"
            ),
        }
    }
}

fn body(server: &Server) -> &'static str {
    match server.database().engine() {
        Engine::Sqlite => "x'7b7d'",
        Engine::Postgres => "'\\x7b7d'::bytea",
    }
}

fn numbers(count: i64) -> String {
    format!("with recursive n(n) as (select 1 union all select n + 1 from n where n < {count})")
}

fn hex(server: &Server, hex: &str) -> String {
    match server.database().engine() {
        Engine::Sqlite => format!("x'{hex}'"),
        Engine::Postgres => format!("'{hex}'::uuid"),
    }
}
