//! The program as a shell sees it: exit codes, what is said, and `receive` over a socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The program in `directory`, with no setting from the environment that runs the tests.
fn postrider(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(arguments).current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTRIDER_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn help_has_examples_and_exit_codes() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said, _) = run(&mut postrider(directory.path(), &["--help"]));
    assert_eq!(code, 0);
    assert!(said.contains("Exit codes:"), "{said}");
    for command in [
        &["serve"][..],
        &["migrate"],
        &["backup"],
        &["restore"],
        &["key", "create"],
        &["key", "list"],
        &["key", "revoke"],
        &["login-link"],
        &["receive"],
        &["verify"],
        &["config"],
        &["completions"],
    ] {
        let arguments = [command, &["--help"]].concat();
        let (code, said, _) = run(&mut postrider(directory.path(), &arguments));
        assert_eq!(code, 0);
        assert!(said.contains("Examples:"), "{command:?}: {said}");
    }
}

#[test]
fn a_wrong_command_line_leaves_with_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["fly"][..], &[], &["serve", "--role", "boss"]] {
        let (code, _, _) = run(&mut postrider(directory.path(), arguments));
        assert_eq!(code, 2, "{arguments:?}");
    }
}

#[test]
fn a_wrong_setting_leaves_with_2_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    for command in [&["serve"][..], &["migrate"], &["config"]] {
        let (code, _, said) =
            run(postrider(directory.path(), command).env("POSTRIDER_REQUEST_TIMEOUT", "4"));
        assert_eq!(code, 2, "{command:?}");
        assert!(
            said.contains("POSTRIDER_REQUEST_TIMEOUT = \"4\""),
            "{command:?}: {said}"
        );
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_part_of_the_work_on_a_sqlite_file_leaves_with_2() {
    let directory = tempfile::tempdir().unwrap();
    for role in ["api", "worker"] {
        let (code, _, said) = run(&mut postrider(directory.path(), &["serve", "--role", role]));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains(&format!(
                "POSTRIDER_ROLE = \"{role}\" (flag): must be all with a SQLite database"
            )),
            "{said}"
        );
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_database_that_does_not_answer_leaves_with_69_and_shows_no_password() {
    let directory = tempfile::tempdir().unwrap();
    // Connections are taken and never answered; then nobody listens on the port any more.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://postrider:hunter2@127.0.0.1:{port}/postrider");
    let migrate = || {
        let (code, _, said) = run(postrider(
            directory.path(),
            &["migrate", "--database-url", &url],
        )
        .env("POSTRIDER_MAIN_SECRET", "0123456789abcdef0123456789abcdef"));
        assert_eq!(code, 69, "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    };
    migrate();
    drop(silent);
    migrate();
}

#[test]
fn the_settings_are_shown_with_their_origin_and_without_their_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("postrider.toml");
    std::fs::write(&file, "role = 'api'\n").unwrap();
    let config = |arguments: &[&str]| {
        let (code, said, _) = run(postrider(directory.path(), arguments)
            .env("POSTRIDER_MAIN_SECRET", "0123456789abcdef0123456789abcdef")
            .env("POSTRIDER_DATABASE_URL", "postgres://u:hunter2@h/db"));
        assert_eq!(code, 0);
        assert!(
            !said.contains("hunter2") && !said.contains("0123456789"),
            "{said}"
        );
        said
    };
    let table = config(&["config"]);
    let role = table
        .lines()
        .find(|line| line.starts_with("POSTRIDER_ROLE"));
    let words: Vec<_> = role.unwrap().split_whitespace().collect();
    assert_eq!(
        words,
        ["POSTRIDER_ROLE", "api", "file", "postrider.toml", "all"]
    );
    let rows: serde_json::Value =
        serde_json::from_str(&config(&["config", "--format", "json"])).unwrap();
    let rows = rows.as_array().unwrap();
    let url = rows
        .iter()
        .find(|row| row["key"] == "database_url")
        .unwrap();
    assert_eq!(url["value"], "postgres://u:********@h/db");
    assert_eq!(url["origin"], "environment");
}

#[test]
fn a_settings_file_that_is_named_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let (code, _, said) = run(&mut postrider(
        directory.path(),
        &["config", "--config", "missing.toml"],
    ));
    assert_eq!(code, 2);
    assert!(said.contains("missing.toml"), "{said}");
}

#[test]
fn completions_name_the_subcommands() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said, _) = run(&mut postrider(directory.path(), &["completions", "bash"]));
    assert_eq!(code, 0);
    assert!(said.contains("receive"));
}

#[test]
fn migrate_makes_the_database_and_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said, wrong) = run(&mut postrider(directory.path(), &["migrate"]));
    assert_eq!(code, 0, "{wrong}");
    assert_eq!(said, "sqlite://./data/postrider.db is up to date\n");
    assert!(directory.path().join("data/postrider.db.key").is_file());
    let (again, _, _) = run(&mut postrider(directory.path(), &["migrate"]));
    assert_eq!(again, 0);
}

#[test]
fn a_key_is_printed_alone_listed_without_its_secret_and_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let key = |arguments: &[&str]| {
        run(&mut postrider(
            directory.path(),
            &[&["key"], arguments].concat(),
        ))
    };
    let (code, secret, wrong) = key(&["create", "--org", "acme", "--read-only", "--name", "desk"]);
    assert_eq!(code, 0, "{wrong}");
    let secret = secret.strip_suffix('\n').unwrap();
    let digits = secret.strip_prefix("prk_").unwrap();
    assert!(digits.bytes().all(|byte| byte.is_ascii_alphanumeric()));

    let (_, listed, _) = key(&["list", "--org", "acme"]);
    assert!(listed.contains("desk") && listed.contains("active") && !listed.contains(secret));
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(key(&["revoke", id]).0, 0);
    assert!(key(&["list"]).1.contains("revoked"));
}

#[test]
fn a_key_for_what_does_not_exist_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let key = |arguments: &[&str]| {
        run(&mut postrider(
            directory.path(),
            &[&["key"], arguments].concat(),
        ))
    };
    let (code, said, wrong) = key(&["create", "--org", "acme", "--app", "none"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(
        wrong.contains("--org acme: organisation not found"),
        "{wrong}"
    );
    let (code, _, wrong) = key(&["revoke", "key_none"]);
    assert_eq!(code, 2, "{wrong}");
    assert!(wrong.contains("KEY_ID \"key_none\""), "{wrong}");
}

/// A receiver that ends with the test.
struct Receiver {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Receiver {
    fn start(arguments: &[&str]) -> Self {
        let directory = std::env::temp_dir();
        let arguments = [&["receive", "--port", "0"], arguments].concat();
        let mut child = postrider(&directory, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap();
        let address = address.trim_end_matches('/').to_owned();
        Self {
            child,
            output,
            address,
        }
    }

    /// Posts `body` with the headers of `lines` and gives the answer's first line.
    fn post(&self, lines: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
             {lines}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// What it says up to and including the line that holds `last`.
    fn says_until(&mut self, last: &str) -> String {
        let mut said = String::new();
        while !said.contains(last) {
            assert_ne!(self.output.read_line(&mut said).unwrap(), 0, "{said}");
        }
        said
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_receiver_answers_as_it_is_told_and_prints_what_came() {
    let mut receiver = Receiver::start(&["--status", "503", "--delay", "5"]);
    let answer = receiver.post(
        "webhook-id: msg_1\r\nwebhook-event-type: invoice.paid\r\nwebhook-attempt: 3\r\n",
        r#"{"amount":1.50}"#,
    );
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let said = receiver.says_until("    }");
    for part in [
        "POST /hook",
        "msg_1",
        "invoice.paid",
        "3",
        "not checked",
        "503 after 5 ms",
        "\"amount\": 1.50",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_receiver_with_a_secret_tells_a_genuine_message_from_a_forged_one() {
    let mut receiver = Receiver::start(&["--secret", SECRET]);
    let now = unix_now();
    let key = postrider_verify::SigningKey::parse(SECRET).unwrap();
    let signature = key.sign("msg_1", now, b"{}");
    let lines = format!(
        "webhook-id: msg_1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {signature}\r\n"
    );
    assert!(receiver.post(&lines, "{}").starts_with("HTTP/1.1 204"));
    receiver.says_until("signature   verified (v1");
    assert!(receiver.post(&lines, "[]").starts_with("HTTP/1.1 204"));
    receiver.says_until("signature   NOT VERIFIED: no signature matches");
}

#[test]
fn a_receiver_refuses_a_secret_that_is_none_without_repeating_it() {
    let directory = std::env::temp_dir();
    let (code, _, said) = run(&mut postrider(
        &directory,
        &["receive", "--port", "0", "--secret", "whsec_hunter2"],
    ));
    assert_eq!(code, 2);
    assert!(
        said.contains("--secret number 1") && !said.contains("hunter2"),
        "{said}"
    );
}

/// What is said of a request on standard input, and the exit code.
fn judged(request: &str, arguments: &[&str]) -> (i32, String) {
    let arguments = [&["verify", "--secret", SECRET], arguments].concat();
    let mut command = postrider(&std::env::temp_dir(), &arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(request.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_pasted_request_is_judged_in_words_and_by_exit_code() {
    let (now, body) = (unix_now(), r#"{"type":"a.b","n":1}"#);
    let key = postrider_verify::SigningKey::parse(SECRET).unwrap();
    let request = |at: i64, body: &str, sent: &str| {
        let signature = key.sign("msg_1", at, body.as_bytes());
        format!(
            "POST /hook HTTP/1.1\r\nWebhook-Id: msg_1\r\nWebhook-Timestamp: {at}\r\n\
             Webhook-Signature: {signature}\r\n\r\n{sent}"
        )
    };
    let spaced = r#"{"type": "a.b", "n": 1}"#;
    for (request, arguments, code, words) in [
        (
            request(now, body, body),
            &[][..],
            0,
            "genuine: v1, secret number 1",
        ),
        (request(now, body, spaced), &[], 1, "re-serialised body"),
        (request(now - 600, body, body), &[], 1, "stale timestamp"),
        (
            request(now - 600, body, body),
            &["--at", "received"],
            0,
            "genuine",
        ),
        (request(now, body, "{}"), &[], 1, "wrong secret"),
        (
            request(now, body, body),
            &["--scheme", "stripe"],
            1,
            "wrong scheme",
        ),
    ] {
        let (found, said) = judged(&request, arguments);
        assert_eq!(found, code, "{said}");
        assert!(
            said.contains(words) && !said.contains(SECRET),
            "{words} in {said}"
        );
    }
    assert_eq!(judged("no request", &[]).0, 2);
    assert_eq!(judged("A: b\n\n{}", &["--at", "noon"]).0, 2);
}

#[test]
fn a_request_in_parts_is_judged_as_well() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("body"), "Hello, World!").unwrap();
    let header = "X-Hub-Signature-256: \
        sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let secret = "It's a Secret to Everybody";
    let arguments = ["verify", "--secret", secret, "-H", header, "--body", "body"];
    let (code, said, _) = run(&mut postrider(directory.path(), &arguments));
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("genuine: github"), "{said}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the receiver judges the signature's age by the system's clock"
)]
fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}
