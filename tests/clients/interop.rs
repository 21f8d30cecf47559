//! Our signatures and those of the libraries that receivers use are the same, both ways:
//! each accepts what the other signed, and neither what was changed since.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_verify::testing::TestSender;
use postrider_verify::{Verifier, VerifierBuilder};
use serde_json::{Value, json};

use crate::toolbox;

/// Messages of Standard Webhooks v1; of the others a fifth.
const STANDARD_MESSAGES: usize = 10_000;
const OTHER_MESSAGES: usize = 2_000;

/// A small random generator with a fixed start, so that a failure comes back.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it was one")
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// JSON, since some libraries parse what they verified, with all that text can hold.
    fn body(&mut self) -> String {
        let alphabet = [
            'a', 'Z', '0', ' ', '"', '\\', '\n', '\u{7f}', 'ß', 'ж', '\u{2028}', '漢', '🚀',
        ];
        let length = self.below(200);
        let text: String = (0..length)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect();
        json!({ "id": format!("evt_{}", self.next()), "type": "a.b", "text": text, "n": self.next() })
            .to_string()
    }
}

/// A message as one of the libraries is asked about it.
struct Case {
    scheme: &'static str,
    secret: String,
    id: String,
    timestamp: i64,
    headers: BTreeMap<String, String>,
    body: String,
    /// What the library is to verify: the body, or one that was changed.
    received: String,
}

impl Case {
    fn make(scheme: &'static str, random: &mut Random, now: i64) -> Self {
        let secret = if scheme == "standard" {
            let length = 24 + random.below(41);
            format!("whsec_{}", STANDARD.encode(random.bytes(length)))
        } else {
            let length = 12 + random.below(60);
            STANDARD.encode(random.bytes(length))
        };
        let id = format!("msg_{}", random.next());
        let timestamp = now + random.below(241).cast_signed() as i64 - 120;
        let body = random.body();
        let sender = match scheme {
            "standard" => TestSender::standard(&secret),
            "github" => TestSender::github(&secret),
            "stripe" => TestSender::stripe(&secret),
            _ => TestSender::slack(&secret),
        };
        let request =
            sender
                .expect("a secret of good length")
                .request(&id, timestamp, body.as_bytes());
        // One in ten was changed on the way.
        let received = match random.below(10) {
            0 => body.replacen("a.b", "a.c", 1),
            _ => body.clone(),
        };
        Self {
            scheme,
            secret,
            id,
            timestamp,
            headers: request.headers.into_iter().collect(),
            body,
            received,
        }
    }

    fn json(&self) -> Value {
        json!({
            "scheme": self.scheme, "secret": self.secret, "id": self.id,
            "timestamp": self.timestamp, "headers": self.headers, "body": self.body,
            "received": self.received,
        })
    }

    fn verifier(&self) -> VerifierBuilder {
        match self.scheme {
            "standard" => Verifier::builder(),
            "github" => Verifier::github(),
            "stripe" => Verifier::stripe(),
            _ => Verifier::slack(),
        }
    }

    /// Whether we accept what the library signed.
    fn accepts(&self, signature: &str) -> bool {
        let mut headers = self.headers.clone();
        let name = [
            "webhook-signature",
            "x-hub-signature-256",
            "stripe-signature",
            "x-slack-signature",
        ];
        let name = name.into_iter().find(|name| headers.contains_key(*name));
        headers.insert(name.expect("it is signed").to_owned(), signature.to_owned());
        let headers: std::collections::HashMap<_, _> = headers.into_iter().collect();
        let verifier = self
            .verifier()
            .secret(&self.secret)
            .unwrap()
            .build()
            .unwrap();
        verifier
            .verify(&headers, self.body.as_bytes(), self.timestamp)
            .is_ok()
    }
}

fn unix_now() -> i64 {
    postrider_testkit::unix_seconds().cast_signed()
}

/// Runs a library's program and compares what it says with what we do. Gives the number
/// of messages on which both agreed, by library.
fn compare(cases: &[Case], input: &Path, mut program: Command) -> BTreeMap<String, usize> {
    let output = input.with_extension("out");
    program.arg(input).arg(&output).stdin(Stdio::null());
    let done = program
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program:?}: {said}");
    let mut agreed = BTreeMap::new();
    for line in std::fs::read_to_string(&output).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let library = line["library"].as_str().unwrap();
        let case = &cases[usize::try_from(line["index"].as_u64().unwrap()).unwrap()];
        let unchanged = case.received == case.body;
        assert_eq!(
            line["accepted"],
            unchanged,
            "{library} judges ours: {}",
            case.json()
        );
        let signature = line["signature"].as_str().unwrap();
        assert!(
            case.accepts(signature),
            "we judge {library}'s {signature}: {}",
            case.json()
        );
        *agreed.entry(library.to_owned()).or_default() += 1;
    }
    agreed
}

#[test]
fn ten_thousand_messages_verify_both_ways_with_every_library() {
    let (python, rust) = (toolbox::python("requirements.txt"), toolbox::rust());
    let javascript = toolbox::javascript();
    let mut random = Random(5);
    let now = unix_now();
    let mut cases = Vec::new();
    for (scheme, count) in [
        ("standard", STANDARD_MESSAGES),
        ("github", OTHER_MESSAGES),
        ("stripe", OTHER_MESSAGES),
        ("slack", OTHER_MESSAGES),
    ] {
        cases.extend((0..count).map(|_| Case::make(scheme, &mut random, now)));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.json");
    let text = Value::from(cases.iter().map(Case::json).collect::<Vec<_>>()).to_string();
    std::fs::write(&file, text).unwrap();

    let mut node = Command::new("node");
    node.arg("interop.mjs").current_dir(javascript);
    let agreed = compare(&cases, &file, node);
    assert_eq!(agreed["standardwebhooks"], STANDARD_MESSAGES);
    assert_eq!(agreed["svix"], STANDARD_MESSAGES);
    assert_eq!(agreed["@octokit/webhooks-methods"], OTHER_MESSAGES);
    assert_eq!(agreed["stripe"], OTHER_MESSAGES);

    let mut interpreter = Command::new(python);
    interpreter
        .args(["-B", "interop.py"])
        .current_dir(toolbox::sources("python"));
    let agreed = compare(&cases, &file, interpreter);
    assert_eq!(agreed["standardwebhooks"], STANDARD_MESSAGES);
    assert_eq!(agreed["svix"], STANDARD_MESSAGES);
    assert_eq!(agreed["stripe"], OTHER_MESSAGES);
    assert_eq!(agreed["slack_sdk"], OTHER_MESSAGES);

    let mut program = Command::new(rust);
    program.arg("interop");
    let agreed = compare(&cases, &file, program);
    assert_eq!(agreed["standardwebhooks"], STANDARD_MESSAGES);
    assert_eq!(agreed["svix"], STANDARD_MESSAGES);
}
