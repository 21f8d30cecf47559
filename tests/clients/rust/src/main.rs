//! Runs the Rust verifiers over the cases of a file, then the Rust client against a
//! running server (`POSTRIDER_TEST_URL`, `POSTRIDER_TEST_KEY`). In place of a file, `methods`
//! calls every method of the client, `tour` runs the examples of the API reference, and
//! `interop` judges and signs the messages of a file.

mod interop;
mod methods;
#[path = "../../../../docs/examples/tour.rs"]
mod tour;

use std::collections::BTreeMap;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use svix::models::{ApplicationIn, EndpointIn, EndpointSecretRotateIn, MessageIn};

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    secret: String,
    headers: BTreeMap<String, String>,
    body: String,
    accepted: bool,
}

/// Whatever goes wrong.
pub type Problem = Box<dyn std::error::Error>;

/// Each verifier's answer to a case, by name.
fn judge(case: &Case) -> Result<Vec<(&'static str, bool)>, Problem> {
    let body = STANDARD.decode(&case.body)?;
    let mut headers = HeaderMap::new();
    for (name, value) in &case.headers {
        headers.insert(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_str(value)?,
        );
    }
    let svix = svix::webhooks::Webhook::new(&case.secret)?;
    let mut answers = vec![("svix", svix.verify(&body, &headers).is_ok())];
    // standardwebhooks knows the standard's own header names only.
    if case.headers.contains_key("webhook-id") {
        let standard = standardwebhooks::Webhook::new(&case.secret)?;
        answers.push(("standardwebhooks", standard.verify(&body, &headers).is_ok()));
    }
    Ok(answers)
}

/// Counts the answers that are as the cases expect, and those that are not.
fn verify(path: &str) -> Result<(usize, usize), Problem> {
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path)?)?;
    let (mut right, mut wrong) = (0, 0);
    for case in cases.iter().filter(|case| case.kind == "hmac") {
        for (verifier, accepted) in judge(case)? {
            if accepted == case.accepted {
                right += 1;
            } else {
                wrong += 1;
                eprintln!("{verifier}: {}: accepted: {accepted}", case.name);
            }
        }
    }
    Ok((right, wrong))
}

/// An error that says `what`, unless `fact` holds.
pub fn ensure(fact: bool, what: &str) -> Result<(), Problem> {
    if fact { Ok(()) } else { Err(what.into()) }
}

/// The client's own types read every answer on the main path.
async fn client() -> Result<(), Problem> {
    let url = std::env::var("POSTRIDER_TEST_URL")?;
    let svix = methods::client(std::env::var("POSTRIDER_TEST_KEY")?, &url);
    let app = ApplicationIn::new("Rust".to_owned());
    let app = svix.application().create(app, None).await?;
    let endpoint = EndpointIn {
        disabled: Some(true),
        ..EndpointIn::new("https://example.com/hook".to_owned())
    };
    let endpoint = svix
        .endpoint()
        .create(app.id.clone(), endpoint, None)
        .await?;
    let (app_id, endpoint_id) = (app.id, endpoint.id);
    let old = svix
        .endpoint()
        .get_secret(app_id.clone(), endpoint_id.clone())
        .await?;
    let rotate = EndpointSecretRotateIn::default();
    svix.endpoint()
        .rotate_secret(app_id.clone(), endpoint_id.clone(), rotate, None)
        .await?;
    let new = svix
        .endpoint()
        .get_secret(app_id.clone(), endpoint_id.clone())
        .await?;
    ensure(old.key != new.key, "rotation makes another secret")?;
    let payload = serde_json::json!({ "n": 1 });
    let message = MessageIn::new("user.created".to_owned(), payload);
    let message = svix.message().create(app_id.clone(), message, None).await?;
    let listed = svix.message().list(app_id.clone(), None).await?;
    ensure(
        listed.data.len() == 1 && listed.data[0].id == message.id,
        "the message is listed",
    )?;
    svix.message_attempt()
        .list_by_msg(app_id.clone(), message.id, None)
        .await?;
    svix.endpoint()
        .delete(app_id.clone(), endpoint_id.clone())
        .await?;
    match svix.endpoint().get(app_id, endpoint_id).await {
        Err(svix::error::Error::Http(error)) => ensure(
            error.status == 404 && error.payload.is_some(),
            "404 with a body",
        ),
        other => Err(format!("expected the client's own error, got {other:?}").into()),
    }
}

async fn toured() -> Result<(), Problem> {
    let (url, key) = (
        std::env::var("POSTRIDER_TEST_URL")?,
        std::env::var("POSTRIDER_TEST_KEY")?,
    );
    tour::run(url, key)
        .await
        .map_err(|error| format!("{error:?}").into())
}

/// Between the two files that the command line names.
fn judged() -> Result<(), Problem> {
    let mut paths = std::env::args().skip(2);
    let mut path = || paths.next().ok_or("interop needs two files");
    interop::run(&path()?, &path()?)
}

#[tokio::main]
async fn main() -> ExitCode {
    let path = std::env::args().nth(1).unwrap_or_default();
    if ["interop", "methods", "tour"].contains(&path.as_str()) {
        let done = match path.as_str() {
            "interop" => judged(),
            "methods" => methods::all().await,
            _ => toured().await,
        };
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the client: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let (right, wrong) = match verify(&path) {
        Ok(counts) => counts,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{right} passed, {wrong} failed");
    if let Err(error) = client().await {
        eprintln!("the client: {error}");
        return ExitCode::FAILURE;
    }
    if wrong == 0 && right > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
