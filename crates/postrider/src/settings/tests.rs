//! Precedence, cross checks and messages of the settings as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn environment(pairs: &[(&str, &str)]) -> Inputs {
    Inputs {
        environment: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Inputs::default()
    }
}

fn file(text: &str) -> Inputs {
    Inputs {
        file: Some((PathBuf::from("p.toml"), text.to_owned())),
        ..Inputs::default()
    }
}

fn problems(inputs: Inputs) -> String {
    load(inputs).unwrap_err().to_string()
}

#[test]
fn with_nothing_set_the_defaults_hold() {
    let settings = load(Inputs::default()).unwrap().settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8071");
    assert_eq!(
        settings.database_url.expose(),
        "sqlite://./data/postrider.db"
    );
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8071/");
    assert_eq!(settings.role, Role::All);
    assert_eq!(settings.request_timeout, Duration::from_secs(15));
    assert_eq!(settings.retry_policy, RetryPolicy::default());
    assert_eq!(settings.node_lease, Duration::from_secs(20));
    assert_eq!(settings.memory_limit_bytes, 256 << 20);
    assert_eq!(settings.main_secret, None);
    assert_eq!(settings.worker_threads, None);
    assert!(settings.metrics && !settings.https_only);
}

#[test]
fn flags_beat_environment_which_beats_the_file_which_beats_the_defaults() {
    let mut inputs = environment(&[
        ("POSTRIDER_LISTEN", "127.0.0.1:2"),
        ("POSTRIDER_ROLE", "api"),
        ("POSTRIDER_DATABASE_URL", "postgres://u@h/db"),
    ]);
    inputs.file = Some((
        PathBuf::from("p.toml"),
        "listen = '127.0.0.1:1'\nrole = 'worker'\nhttps_only = true\n".into(),
    ));
    inputs.flags = BTreeMap::from([("LISTEN", "127.0.0.1:3".to_owned())]);
    let loaded = load(inputs).unwrap();
    assert_eq!(loaded.settings.listen.port(), 3);
    assert_eq!(loaded.settings.role, Role::Api);
    assert!(loaded.settings.https_only);
    let origin = |name: &str| {
        let row = loaded.rows.iter().find(|row| row.setting.name == name);
        row.unwrap().origin.clone()
    };
    assert_eq!(origin("LISTEN"), Origin::Flag);
    assert_eq!(origin("ROLE"), Origin::Environment);
    assert_eq!(origin("HTTPS_ONLY"), Origin::File("p.toml".into()));
    assert_eq!(origin("LOG"), Origin::Default);
}

#[test]
fn a_wrong_value_names_key_value_origin_and_what_is_allowed() {
    assert_eq!(
        problems(environment(&[("POSTRIDER_REQUEST_TIMEOUT", "31")])),
        "POSTRIDER_REQUEST_TIMEOUT = \"31\" (environment): must be whole seconds from 5 to 30"
    );
}

#[test]
fn a_part_of_the_work_on_a_sqlite_file_is_refused_for_nobody_could_do_the_rest() {
    for role in ["api", "worker"] {
        let said = problems(environment(&[("POSTRIDER_ROLE", role)]));
        assert!(
            said.starts_with(&format!(
                "POSTRIDER_ROLE = \"{role}\" (environment): must be all with a SQLite database"
            )),
            "{said}"
        );
        let elsewhere = [
            ("POSTRIDER_ROLE", role),
            ("POSTRIDER_DATABASE_URL", "postgres://u@h/db"),
        ];
        assert!(load(environment(&elsewhere)).is_ok());
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let said = problems(environment(&[
        ("POSTRIDER_ROLE", "boss"),
        ("POSTRIDER_LISTEN", "8071"),
        ("POSTRIDER_LISTNE", "x"),
    ]));
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains("did you mean POSTRIDER_LISTEN?"), "{said}");
}

#[test]
fn a_key_that_the_file_should_not_have_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        problems(file("request_timout = 5")),
        "p.toml: key \"request_timout\": there is no such setting; did you mean request_timeout?"
    );
}

#[test]
fn the_variables_of_tests_and_of_kubernetes_are_left_alone() {
    let inputs = environment(&[
        ("POSTRIDER_TEST_DATABASE_URL", "x"),
        ("POSTRIDER_BIN", "x"),
        ("POSTRIDER_SERVICE_HOST", "10.0.0.1"),
        ("POSTRIDER_PORT_8071_TCP", "tcp://10.0.0.1:8071"),
        ("HOME", "/root"),
    ]);
    assert!(load(inputs).is_ok());
}

#[test]
fn no_message_shows_a_secret() {
    let wrong = [
        environment(&[("POSTRIDER_MAIN_SECRET", "hunter2")]),
        environment(&[("POSTRIDER_DATABASE_URL", "mysql://u:hunter2@h/db")]),
        environment(&[("POSTRIDER_DATABASE_URL", "postgres://u:hunter2#@h/db")]),
        file("main_secret = \"hunter2"),
        file("main_secret = hunter2"),
        file("main_secret = 'hunter2'\nmain_secret = 'hunter2'"),
    ];
    for inputs in wrong {
        let said = problems(inputs);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn no_formatting_of_the_settings_shows_a_secret() {
    let loaded = load(environment(&[
        ("POSTRIDER_MAIN_SECRET", SECRET),
        ("POSTRIDER_DATABASE_URL", "postgres://u:hunter2@h/db"),
    ]))
    .unwrap();
    let said = format!("{loaded:?}");
    assert!(
        !said.contains(SECRET) && !said.contains("hunter2"),
        "{said}"
    );
    let secret = loaded.settings.main_secret.unwrap();
    assert_eq!(secret.expose(), SECRET);
}

#[test]
fn a_secret_of_digits_stays_the_text_it_is() {
    let digits = "00000000000000000000000000000042";
    let inputs = environment(&[("POSTRIDER_MAIN_SECRET", digits)]);
    let secret = load(inputs).unwrap().settings.main_secret.unwrap();
    assert_eq!(secret.expose(), digits);
}

#[test]
fn an_empty_retry_schedule_is_a_single_attempt_and_an_unset_one_the_exponential_policy() {
    let empty = load(environment(&[("POSTRIDER_RETRY_SCHEDULE", "")])).unwrap();
    assert_eq!(
        empty.settings.retry_policy,
        RetryPolicy::Schedule(Vec::new())
    );
    let unset = load(Inputs::default()).unwrap();
    assert_eq!(unset.settings.retry_policy, RetryPolicy::default());
}

#[test]
fn the_file_takes_lists_numbers_and_text() {
    let settings = load(file(
        "retry_schedule = [5, 60]\nallow_subnets = ['10.0.0.0/8', 'fd00::/8']\nrequest_timeout = 7\n",
    ))
    .unwrap()
    .settings;
    let delays = vec![Duration::from_secs(5), Duration::from_mins(1)];
    assert_eq!(settings.retry_policy, RetryPolicy::Schedule(delays));
    assert_eq!(settings.allow_subnets.len(), 2);
    assert_eq!(settings.request_timeout, Duration::from_secs(7));
}

#[test]
fn a_table_where_a_value_belongs_is_refused() {
    assert!(problems(file("[listen]\nport = 1")).contains("\"listen\": must be a string"));
}

#[test]
fn a_syntax_error_names_the_line() {
    assert!(problems(file("role = 'api'\nlisten = ")).starts_with("settings file p.toml: line 2:"));
}

#[test]
fn a_lease_covers_the_longest_attempt() {
    let said = problems(environment(&[
        ("POSTRIDER_NODE_LEASE", "24"),
        ("POSTRIDER_REQUEST_TIMEOUT", "20"),
    ]));
    assert!(
        said.contains("\"24\"") && said.contains("25 seconds"),
        "{said}"
    );
    let short = load(environment(&[("POSTRIDER_REQUEST_TIMEOUT", "5")])).unwrap();
    assert_eq!(short.settings.node_lease, Duration::from_secs(15));
}

#[test]
fn rows_outlive_payloads() {
    let said = problems(environment(&[("POSTRIDER_ROW_RETENTION_DAYS", "30")]));
    assert!(
        said.contains("at least PAYLOAD_RETENTION_DAYS, which is 90 days"),
        "{said}"
    );
}

#[test]
fn a_jwt_secret_must_fit_its_algorithm_and_is_never_shown() {
    let short = "tooshort4jwt";
    let said = problems(environment(&[("POSTRIDER_JWT_SECRET", short)]));
    assert!(
        said.contains("POSTRIDER_JWT_SECRET = ******** (12 characters)"),
        "{said}"
    );
    assert!(
        said.contains("must be at least 16 bytes") && !said.contains(short),
        "{said}"
    );
    let mixed = [
        ("POSTRIDER_JWT_SECRET", SECRET),
        ("POSTRIDER_JWT_ALGORITHM", "RS256"),
    ];
    let said = problems(environment(&mixed));
    assert!(
        said.contains("must be an RSA public key") && !said.contains(SECRET),
        "{said}"
    );
    let unknown = [
        ("POSTRIDER_JWT_SECRET", SECRET),
        ("POSTRIDER_JWT_ALGORITHM", "none"),
    ];
    let said = problems(environment(&unknown));
    assert!(
        said.contains("POSTRIDER_JWT_ALGORITHM = \"none\""),
        "{said}"
    );
    let good = [
        ("POSTRIDER_JWT_SECRET", SECRET),
        ("POSTRIDER_JWT_ALGORITHM", "HS512"),
    ];
    let loaded = load(environment(&good)).unwrap();
    assert_eq!(format!("{:?}", loaded.settings.jwt), "Some(JwtKey(HS512))");
    let shown: Vec<_> = loaded
        .rows
        .iter()
        .filter_map(|row| row.value.clone())
        .collect();
    assert!(
        !shown.iter().any(|value| value.contains(SECRET)),
        "{shown:?}"
    );
}
