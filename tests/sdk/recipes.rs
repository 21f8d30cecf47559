//! Every recipe of `sdk/examples` receives from the real binary: it verifies, takes each
//! message once, and refuses what is forged.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use postrider_testkit::{
    App, Endpoint, Engine, Server, eventually, http_client, run, unix_seconds,
};
use postrider_verify::testing::{Forgery, TestRequest, TestSender};

use crate::toolbox;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PAYLOAD: &str = r#"{"type":"user.created","name":"Zo\u00eb","n":1.0}"#;

/// A recipe that runs; it ends with the test.
struct Recipe {
    child: Child,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Recipe {
    async fn start(mut command: Command, folder: &tempfile::TempDir) -> Self {
        command
            .env("WEBHOOK_SECRET", SECRET)
            .env("PORT", "0")
            .env("DATABASE", folder.path().join("webhooks.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (said, kept) = (child.stdout.take().expect("a pipe"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let mut recipe = Self {
            child,
            url: String::new(),
            lines,
        };
        recipe.url = recipe.said("listening on ").await;
        recipe
    }

    /// What stands behind `words` in the first line that begins so.
    async fn said(&self, words: &str) -> String {
        eventually(words, || async {
            let lines = self.lines.lock().unwrap();
            let found = lines.iter().find_map(|line| line.strip_prefix(words));
            found.map(str::to_owned).ok_or_else(|| lines.clone())
        })
        .await
    }

    fn handled(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|line| line.starts_with("handled "))
            .cloned()
            .collect()
    }

    async fn status(&self, request: &TestRequest) -> u16 {
        let mut sent = http_client().post(&self.url).body(request.body.clone());
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        let sent = sent.header("content-type", "application/json");
        sent.send()
            .await
            .expect("the recipe answers")
            .status()
            .as_u16()
    }
}

impl Drop for Recipe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Delivers, delivers again, delivers another, and forges.
async fn check(recipe: &Recipe, app: &App, endpoint: &Endpoint, sender: &TestSender) {
    let id = app.publish("user.created", PAYLOAD).accepted().await;
    let words = format!("handled {id} ");
    let event = recipe.said(&words).await;
    assert!(event.contains("user.created"), "{event}");
    endpoint.resend(&id).await.expect(202);
    let attempts = app.attempts_reach(&id, 2).await;
    for attempt in &attempts {
        let status = attempt["responseStatusCode"].as_u64().unwrap();
        assert!((200..300).contains(&status), "{attempts:#?}");
    }
    let other = app.publish("user.created", PAYLOAD).accepted().await;
    recipe.said(&format!("handled {other} ")).await;

    let now = unix_seconds().cast_signed();
    let genuine = sender.request("msg_forged", now, PAYLOAD.as_bytes());
    for forgery in [
        Forgery::OtherSecret,
        Forgery::ChangedBody,
        Forgery::ReserialisedBody,
        Forgery::MissingSignature,
        Forgery::EmptySignature,
        Forgery::TruncatedSignature,
        Forgery::StaleTimestamp,
        Forgery::OtherId,
    ] {
        if let Some(forged) = sender.forge(forgery, "msg_forged", now, PAYLOAD.as_bytes()) {
            let status = recipe.status(&forged).await;
            assert!((400..500).contains(&status), "{forgery}: {status}");
        }
    }
    assert!((200..300).contains(&recipe.status(&genuine).await));
    recipe.said("handled msg_forged ").await;
    assert_eq!(
        recipe.handled().len(),
        3,
        "each once: {:#?}",
        recipe.handled()
    );
}

/// Starts the recipe, and an endpoint that signs as it wants it.
fn receives(scheme: &'static str, command: Command) {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe::start(command, &folder).await;
        let server = Server::start(Engine::Sqlite).await;
        let app = server.client().app().await;
        let draft = app.endpoint(&recipe.url).secret(SECRET);
        let endpoint = draft.set("signatureScheme", scheme).create().await;
        let sender = match scheme {
            "github" => TestSender::github(SECRET),
            _ => TestSender::standard(SECRET),
        };
        check(&recipe, &app, &endpoint, &sender.unwrap()).await;
    });
}

#[test]
fn axum_with_our_crate_receives_each_message_once() {
    let program = toolbox::program("postrider-example-axum");
    receives("standard", Command::new(program));
}

#[test]
fn express_with_standardwebhooks_receives_each_message_once() {
    receives("standard", toolbox::node(&["receiver.mjs"]));
}

#[test]
fn flask_with_standardwebhooks_receives_each_message_once() {
    receives("standard", toolbox::python(&["receiver.py"]));
}

#[test]
fn express_with_a_signature_as_github_s_receives_each_message_once() {
    receives("github", toolbox::node(&["github.mjs"]));
}

#[test]
fn flask_with_a_signature_as_github_s_receives_each_message_once() {
    receives("github", toolbox::python(&["github.py"]));
}

#[test]
fn the_recipes_judge_the_vectors_as_these_say() {
    let mut node = toolbox::node(&["--test", "vectors.test.mjs"]);
    let mut python = toolbox::python(&["-m", "unittest", "-v", "test_vectors"]);
    for command in [&mut node, &mut python] {
        let output = command.env("VECTORS", toolbox::vectors()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&said)
        );
    }
}
