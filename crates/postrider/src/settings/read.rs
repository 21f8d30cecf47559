//! Turns the layers' texts into [`Settings`], or into a list of everything that is wrong.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_api::JwtKey;
use postrider_delivery::Role;
use postrider_store::Secret;
use url::Url;

use super::MASK;
use super::Settings;
use super::database_url::{DatabaseUrl, masked};
use super::layers::{Inputs, Layers, Origin};
use super::problem::{Problem, Problems};
use super::registry::{self as all, Setting};
use super::values;

/// Between the longest attempt and the moment at which another node may take over.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
const SHORTEST_DEFAULT_LEASE: Duration = Duration::from_secs(15);
const LONGEST_LEASE_SECONDS: u64 = 3600;

/// The settings, and the story of each.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    /// One row a setting, in the registry's order.
    pub rows: Vec<Row>,
}

/// One setting as `postrider config` shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub setting: &'static Setting,
    /// Its value in effect, masked if secret; `None` when it is unset.
    pub value: Option<String>,
    /// Who set it.
    pub origin: Origin,
}

/// Reads the settings from `inputs`.
///
/// # Errors
/// Every value that is wrong, every variable and key that is unknown.
pub fn load(inputs: Inputs) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let layers = Layers::stack(inputs, &mut problems);
    let mut reader = Reader {
        layers: &layers,
        problems,
    };
    let settings = read_all(&mut reader);
    match settings {
        Some(settings) if reader.problems.is_empty() => {
            let rows = rows(&layers, &settings);
            Ok(Loaded { settings, rows })
        }
        _ => Err(Problems(reader.problems)),
    }
}

struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value of a setting that always has one; `None` when it was wrong, which is noted.
    fn value<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.unset_or(setting, parse)?
    }

    /// The value of a setting that may be unset: `Some(None)` when it is.
    #[expect(clippy::option_option, reason = "wrong and unset are two things")]
    fn unset_or<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some((text, _)) = self.layers.find(setting) else {
            return Some(None);
        };
        let parsed = parse(&text);
        if parsed.is_none() {
            self.refuse(setting, setting.allowed.to_owned());
        }
        Some(Some(parsed?))
    }

    fn refuse(&mut self, setting: &'static Setting, allowed: String) {
        let (text, origin) = self
            .layers
            .find(setting)
            .unwrap_or_else(|| (setting.default_text().to_owned(), Origin::Default));
        self.problems.push(Problem::Wrong {
            setting,
            value: quoted(setting, &text),
            origin,
            allowed,
        });
    }
}

/// Each setting is read before any is looked at, so that all that is wrong is found at once.
fn read_all(reader: &mut Reader<'_>) -> Option<Settings> {
    let listen = reader.value(&all::LISTEN, values::from_str::<SocketAddr>);
    let database_url = read_database_url(reader);
    let public_url = reader.unset_or(&all::PUBLIC_URL, values::public_url);
    let role = read_role(reader, database_url.as_ref());
    let main_secret = reader.unset_or(&all::MAIN_SECRET, |text| {
        values::long_enough(text).then(|| Secret::new(text.to_owned()))
    });
    let jwt = read_jwt(reader);
    let allow_subnets = reader.value(&all::ALLOW_SUBNETS, values::subnets);
    let https_only = reader.value(&all::HTTPS_ONLY, values::from_str);
    let request_timeout = reader.value(&all::REQUEST_TIMEOUT, values::seconds(5..=30));
    let retry_schedule = reader.unset_or(&all::RETRY_SCHEDULE, values::retry_schedule);
    let default_signature = reader.value(&all::DEFAULT_SIGNATURE, values::default_signature);
    let scheme = reader.value(
        &all::DEFAULT_SIGNATURE_SCHEME,
        values::default_signature_scheme,
    );
    let max_in_flight = reader.value(&all::MAX_IN_FLIGHT, values::within(1..=65_536));
    let memory_mib = reader.value(&all::MEMORY_LIMIT_MIB, values::within(16..=65_536));
    let ingest_queue = reader.value(&all::INGEST_QUEUE, values::within(16..=1_000_000));
    let connections = reader.value(&all::DATABASE_CONNECTIONS, values::within(2..=1000));
    let node_lease = read_lease(reader, request_timeout);
    let retention = read_retention(reader);
    let free_mib = reader.value(&all::MIN_FREE_DISK_MIB, values::within(0..=1 << 40));
    let inbox = reader.unset_or(&all::INBOX, values::from_str);
    let metrics = reader.value(&all::METRICS, values::from_str);
    let log = reader.value(&all::LOG, values::log_filter);
    let log_format = reader.value(&all::LOG_FORMAT, values::log_format);
    let worker_threads = reader.unset_or(&all::WORKER_THREADS, values::within(1..=1024));
    let (payload_retention_days, row_retention_days) = retention?;
    let listen = listen?;
    Some(Settings {
        listen,
        database_url: database_url?,
        public_url: public_url?.or_else(|| Url::parse(&format!("http://{listen}")).ok())?,
        role: role?,
        main_secret: main_secret?,
        jwt: jwt?,
        allow_subnets: allow_subnets?,
        https_only: https_only?,
        request_timeout: request_timeout?,
        retry_policy: retry_schedule?.unwrap_or_default(),
        default_signature: default_signature?,
        default_signature_scheme: scheme?,
        max_in_flight: max_in_flight? as usize,
        memory_limit_bytes: (memory_mib? as usize) << 20,
        ingest_queue: ingest_queue? as usize,
        database_connections: connections? as u32,
        node_lease: node_lease?,
        payload_retention_days,
        row_retention_days,
        min_free_disk: free_mib? << 20,
        inbox: inbox?,
        metrics: metrics?,
        log: log?,
        log_format: log_format?,
        worker_threads: worker_threads?.map(|threads| threads as usize),
    })
}

fn read_database_url(reader: &mut Reader<'_>) -> Option<DatabaseUrl> {
    let (text, _) = reader.layers.find(&all::DATABASE_URL)?;
    DatabaseUrl::parse(&text)
        .map_err(|fault| reader.refuse(&all::DATABASE_URL, fault.to_string()))
        .ok()
}

/// A SQLite file is one server's: what a part of the work is left to, nobody else does.
fn read_role(reader: &mut Reader<'_>, database_url: Option<&DatabaseUrl>) -> Option<Role> {
    let role = reader.value(&all::ROLE, values::role)?;
    if role != Role::All && database_url?.sqlite_path().is_some() {
        let allowed = "all with a SQLite database, which no other server can open; \
                       api and worker need a postgres:// DATABASE_URL";
        reader.refuse(&all::ROLE, allowed.to_owned());
        return None;
    }
    Some(role)
}

/// What JWTs are checked with, if they are accepted at all.
#[expect(clippy::option_option, reason = "wrong and unset are two things")]
fn read_jwt(reader: &mut Reader<'_>) -> Option<Option<JwtKey>> {
    let algorithm = reader.value(&all::JWT_ALGORITHM, values::jwt_algorithm);
    let Some((text, _)) = reader.layers.find(&all::JWT_SECRET) else {
        return algorithm.map(|_| None);
    };
    match JwtKey::new(algorithm?, &text) {
        Ok(key) => Some(Some(key)),
        Err(fault) => {
            reader.refuse(&all::JWT_SECRET, fault.to_string());
            None
        }
    }
}

/// A lease shorter than the longest attempt would let two nodes send one delivery.
fn read_lease(reader: &mut Reader<'_>, request_timeout: Option<Duration>) -> Option<Duration> {
    let lease = reader.unset_or(&all::NODE_LEASE, values::seconds(1..=LONGEST_LEASE_SECONDS));
    let minimum = request_timeout? + LEASE_MARGIN;
    let lease = lease?.unwrap_or_else(|| minimum.max(SHORTEST_DEFAULT_LEASE));
    if lease < minimum {
        let allowed = format!(
            "at least REQUEST_TIMEOUT + 5, which is {} seconds",
            minimum.as_secs()
        );
        reader.refuse(&all::NODE_LEASE, allowed);
        return None;
    }
    Some(lease)
}

fn read_retention(reader: &mut Reader<'_>) -> Option<(u32, u32)> {
    let payloads = reader.value(&all::PAYLOAD_RETENTION_DAYS, values::within(5..=90));
    let rows = reader.value(&all::ROW_RETENTION_DAYS, values::within(5..=3650));
    let (payloads, rows) = (payloads?, rows?);
    if rows < payloads {
        let allowed = format!("at least PAYLOAD_RETENTION_DAYS, which is {payloads} days");
        reader.refuse(&all::ROW_RETENTION_DAYS, allowed);
        return None;
    }
    Some((payloads as u32, rows as u32))
}

fn rows(layers: &Layers, settings: &Settings) -> Vec<Row> {
    let row = |setting: &&'static Setting| {
        let (value, origin) = match layers.find(setting) {
            Some((text, origin)) => (Some(shown(setting, &text)), origin),
            None => (derived(setting, settings), Origin::Default),
        };
        Row {
            setting,
            value,
            origin,
        }
    };
    all::ALL.iter().map(row).collect()
}

/// The value in effect of a setting whose default depends on another.
fn derived(setting: &Setting, settings: &Settings) -> Option<String> {
    match setting.name {
        name if name == all::PUBLIC_URL.name => Some(settings.public_url.to_string()),
        name if name == all::NODE_LEASE.name => Some(settings.node_lease.as_secs().to_string()),
        _ => None,
    }
}

/// `text` as it may be shown.
fn shown(setting: &Setting, text: &str) -> String {
    if setting.secret {
        MASK.to_owned()
    } else if setting.name == all::DATABASE_URL.name {
        masked(text)
    } else {
        text.to_owned()
    }
}

/// As [`shown`], in quotes, and with its length where the value is masked: a secret that
/// is refused is mostly one that is too short.
fn quoted(setting: &Setting, text: &str) -> String {
    if setting.secret {
        format!("{MASK} ({} characters)", text.chars().count())
    } else {
        format!("{:?}", shown(setting, text))
    }
}
