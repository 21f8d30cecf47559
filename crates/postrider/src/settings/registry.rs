//! Every setting there is: the one list that reading, `postrider config`, the error
//! messages and `docs/settings.md` are made from.

/// One setting and what people need to know of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name without prefix, in upper case: `LISTEN`.
    pub name: &'static str,
    /// Flag of `postrider serve` that sets it, if there is one.
    pub flag: Option<&'static str>,
    /// Value when nothing sets it; `None` when unset is a state of its own.
    pub default: Option<&'static str>,
    /// The default in words, for settings whose default is not one fixed value.
    pub default_note: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// The values it takes, as a phrase that follows "must be".
    pub allowed: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// What the environment variables begin with.
pub const ENV_PREFIX: &str = "POSTRIDER_";

impl Setting {
    /// The environment variable: `POSTRIDER_LISTEN`.
    pub fn env(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name)
    }

    /// The key in `postrider.toml`: `listen`.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// The default as people read it.
    pub fn default_text(&self) -> &'static str {
        self.default.unwrap_or(self.default_note)
    }
}

const PLAIN: Setting = Setting {
    name: "",
    flag: None,
    default: None,
    default_note: "",
    meaning: "",
    allowed: "",
    secret: false,
};

macro_rules! settings {
    ($($name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        $(
            #[doc = concat!("`POSTRIDER_", stringify!($name), "`: see its `meaning`.")]
            pub static $name: Setting = Setting { name: stringify!($name), $($field: $value,)* ..PLAIN };
        )*
        /// All settings, in the order in which they are documented.
        pub static ALL: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    LISTEN {
        flag: Some("--listen"),
        default: Some("127.0.0.1:8071"),
        meaning: "Address and port that the API, the documentation and the metrics are served on.",
        allowed: "an IP address and a port, such as 127.0.0.1:8071 or [::]:8071",
    }
    DATABASE_URL {
        flag: Some("--database-url"),
        default: Some("sqlite://./data/postrider.db"),
        meaning: "Where everything is kept. A SQLite file belongs to one running server; any number of servers share a PostgreSQL database. A password in it is masked wherever it is shown.",
        allowed: "sqlite://PATH (without ?, # or %) or postgres://USER:PASSWORD@HOST:PORT/DATABASE (special characters of the password percent-encoded)",
    }
    PUBLIC_URL {
        default_note: "http:// and the LISTEN address",
        meaning: "The address under which people reach this installation; links are made from it, never from a request's Host header.",
        allowed: "an http:// or https:// URL without query and fragment",
    }
    ROLE {
        flag: Some("--role"),
        default: Some("all"),
        meaning: "What this node does: api takes requests, worker delivers and serves nothing but health and metrics, all does both.",
        allowed: "all, api or worker; with a SQLite database only all",
    }
    MAIN_SECRET {
        default_note: "SQLite: made at the first start and kept beside the database file as NAME.key; PostgreSQL: required",
        meaning: "Encrypts the endpoints' secrets at rest. All nodes of one database need the same. Lost, the endpoints' secrets are lost too: back it up apart from the database.",
        allowed: "at least 32 characters, drawn at random (openssl rand -base64 48)",
        secret: true,
    }
    JWT_SECRET {
        default_note: "unset: JWTs are not accepted",
        meaning: "Accepts JWTs in the shape of a self-hosted Svix server's, signed with this, beside API keys. Whoever has a shared secret can sign for every organisation. Clocks may differ by 15 minutes.",
        allowed: "for HS256, HS384 and HS512 at least 16 bytes, as they are; for RS256, RS384 and RS512 an RSA public key of at least 2048 bits, for EdDSA an Ed25519 public key, in PEM, whose line ends may be written \\n",
        secret: true,
    }
    JWT_ALGORITHM {
        default: Some("HS256"),
        meaning: "How JWTs are signed that JWT_SECRET checks; no other algorithm is accepted, whatever a token says.",
        allowed: "HS256, HS384, HS512, RS256, RS384, RS512 or EdDSA",
    }
    ALLOW_SUBNETS {
        default: Some(""),
        meaning: "Networks that deliveries may reach although they are not public. Everything else that is not public unicast is refused where the connection is made.",
        allowed: "CIDR networks separated by commas, such as 10.20.0.0/16,fd00:1::/64",
    }
    HTTPS_ONLY {
        default: Some("false"),
        meaning: "Refuses endpoints whose URL is not https.",
        allowed: "true or false",
    }
    REQUEST_TIMEOUT {
        default: Some("15"),
        meaning: "Seconds that one attempt may take in all, from name lookup to the last byte read. An endpoint's timeoutSeconds overrides it.",
        allowed: "whole seconds from 5 to 30",
    }
    RETRY_SCHEDULE {
        default_note: "exponential: 5 s, then three times as long each time, at most 6 h, for 72 h",
        meaning: "Seconds from each failed attempt to the next one. Empty: one attempt and no retry. An endpoint's retryPolicy overrides it.",
        allowed: "whole seconds separated by commas, each from 0 to 259200 and at most 100 of them, or empty for a single attempt",
    }
    DEFAULT_SIGNATURE {
        default: Some("hmac256"),
        meaning: "Kind of secret made for an endpoint that brings none: hmac256 (v1, whsec_) or ed25519 (v1a, whsk_).",
        allowed: "hmac256 or ed25519",
    }
    DEFAULT_SIGNATURE_SCHEME {
        default: Some("standard"),
        meaning: "How deliveries are signed to an endpoint that is made without signatureScheme: standard, github, stripe, slack, or what the API takes for signatureScheme as JSON. Endpoints that are there keep theirs.",
        allowed: "standard, github, stripe, slack, or a signatureScheme as JSON, such as {\"type\": \"github\", \"signatureHeader\": \"X-Acme-Signature-256\"}",
    }
    MAX_IN_FLIGHT {
        default: Some("1024"),
        meaning: "Requests that this node has under way at one time, over all endpoints.",
        allowed: "a whole number from 1 to 65536",
    }
    MEMORY_LIMIT_MIB {
        default: Some("256"),
        meaning: "MiB of payloads that wait in memory. What is beyond it waits in the database and is fetched later.",
        allowed: "whole MiB from 16 to 65536",
    }
    INGEST_QUEUE {
        default: Some("8192"),
        meaning: "Messages that may wait for their commit. When it is full, publishers get 429 with Retry-After.",
        allowed: "a whole number from 16 to 1000000",
    }
    DATABASE_CONNECTIONS {
        default: Some("16"),
        meaning: "Connections that this node opens to the database at most, half of them for reading; on PostgreSQL at least four, plus two for commits. SQLite has one that writes, and up to eight that read.",
        allowed: "a whole number from 2 to 1000",
    }
    NODE_LEASE {
        default_note: "the larger of 15 and REQUEST_TIMEOUT + 5",
        meaning: "Seconds of silence after which other nodes take over the deliveries of this one.",
        allowed: "whole seconds, at least REQUEST_TIMEOUT + 5 and at most 3600",
    }
    PAYLOAD_RETENTION_DAYS {
        default: Some("90"),
        meaning: "Days that payloads are kept. A message may ask for fewer. What is still to be delivered is kept until it is.",
        allowed: "whole days from 5 to 90",
    }
    ROW_RETENTION_DAYS {
        default: Some("90"),
        meaning: "Days that messages, deliveries and attempts are kept.",
        allowed: "whole days from 5 to 3650, at least PAYLOAD_RETENTION_DAYS",
    }
    MIN_FREE_DISK_MIB {
        default: Some("256"),
        meaning: "MiB that must be free on the disk of a SQLite database. With less, publishers get 503 with Retry-After and /api/v1/health says so, while deliveries go on. 0: never.",
        allowed: "whole MiB, 0 or more",
    }
    INBOX {
        default_note: "false; true under --dev",
        meaning: "Lets keys and tokens make inboxes: URLs of this server that keep what they receive for a while, to be looked at. Whoever knows one may send to it; each is bounded, and deliveries reach it where the rules for addresses allow.",
        allowed: "true or false",
    }
    METRICS {
        default: Some("true"),
        meaning: "Serves figures for Prometheus at /metrics on the LISTEN address.",
        allowed: "true or false",
    }
    LOG {
        default: Some("info"),
        meaning: "What is logged: a level, or levels by module.",
        allowed: "error, warn, info, debug, trace or directives such as info,postrider_delivery=debug",
    }
    LOG_FORMAT {
        default: Some("text"),
        meaning: "How a log line looks. Logs go to standard error.",
        allowed: "text or json",
    }
    WORKER_THREADS {
        default_note: "one per core",
        meaning: "Threads that run the server's tasks.",
        allowed: "a whole number from 1 to 1024",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_says_what_it_means_what_it_takes_and_what_its_default_is() {
        for setting in ALL {
            assert!(!setting.meaning.is_empty(), "{}", setting.name);
            assert!(!setting.allowed.is_empty(), "{}", setting.name);
            assert_ne!(
                setting.default.is_some(),
                !setting.default_note.is_empty(),
                "{} has either a default or a note on it",
                setting.name
            );
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
