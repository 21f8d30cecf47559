//! The client from crates.io: Rust has no reflection, so its methods are read off its source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use postrider_testkit::{Server, on_both_engines};
use serde_json::Value;

use crate::toolbox;

/// Groups of the hosted service that we do not answer; of each one method is called.
const UNANSWERED: &[&str] = &[
    "streaming",
    "ingest",
    "connector.",
    "destination.",
    "destination_transformation.",
    "integration.",
    "autoconfig_subscription.",
    "message_poller.",
    "endpoint_transformation.",
    "endpoint.transformation_partial_update",
    "authentication.stream_",
    "authentication.rotate_stream_poller_token",
    "authentication.get_stream_poller_token",
];

/// A method of the client and the route that it asks for.
#[derive(Debug)]
struct Method {
    name: String,
    verb: String,
    path: String,
}

/// The client's source, as cargo has it.
fn source() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--manifest-path",
    ]);
    cargo.arg(toolbox::sources("rust").join("Cargo.toml"));
    let output = cargo.output().expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let packages = metadata["packages"].as_array().expect("packages");
    let svix = packages.iter().find(|package| package["name"] == "svix");
    let manifest = svix.expect("the client")["manifest_path"].as_str();
    let manifest = PathBuf::from(manifest.expect("a path"));
    manifest.parent().expect("a folder").join("src/api")
}

/// The first text in quotes of which `is` holds.
fn quoted(text: &str, is: impl Fn(&str) -> bool) -> Option<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .find(|part| is(part))
        .map(str::to_owned)
}

/// The methods of one file of the client's API.
fn methods_in(group: &str, text: &str) -> Vec<Method> {
    let beta = "#[cfg(feature = \"svix_beta\")]";
    let parts: Vec<&str> = text.split("pub async fn ").collect();
    let pairs = parts.iter().zip(parts.iter().skip(1));
    pairs
        .filter(|(before, _)| !before.trim_end().ends_with(beta))
        .filter_map(|(_, method)| {
            let (name, rest) = method.split_once('(')?;
            let (_, verb) = rest.split_once("http::Method::")?;
            let end = verb.find(|letter: char| !letter.is_ascii_uppercase())?;
            Some(Method {
                name: format!("{group}.{name}"),
                verb: verb[..end].to_ascii_lowercase(),
                path: quoted(verb, |part| {
                    part.starts_with("/api/") || part.starts_with("/ingest/")
                })?,
            })
        })
        .collect()
}

fn methods() -> Vec<Method> {
    let files = std::fs::read_dir(source()).expect("the client's source");
    files
        .map(|entry| entry.expect("a file").path())
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).expect("text");
            let group = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            methods_in(&group, &text)
        })
        .collect()
}

/// A route without the names of its segments.
fn bare(path: &str) -> String {
    let parts = path.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// What we answer, as method and path.
async fn routes(server: &Server) -> BTreeSet<(String, String)> {
    let document = server.client().get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    let routes = paths.iter().flat_map(|(path, item)| {
        let verbs = item.as_object().expect("operations").keys();
        verbs.map(|verb| (verb.clone(), bare(path)))
    });
    routes.collect()
}

on_both_engines! {
    async fn every_method_of_the_rust_client_is_answered_or_not_found(engine: Engine) {
        let server = Server::start(engine).await;
        let routes = routes(&server).await;
        let mut program = Command::new(toolbox::rust());
        program.arg("methods");
        let said = toolbox::against(&server, program).await;
        let came: BTreeMap<&str, &str> =
            said.lines().filter_map(|line| line.split_once(' ')).collect();
        let methods = methods();
        assert!(methods.len() > 100, "the client's methods are found: {methods:#?}");
        for method in &methods {
            let came = came.get(method.name.as_str()).copied();
            let is_answered = routes.contains(&(method.verb.clone(), bare(&method.path)));
            let is_known = UNANSWERED.iter().any(|group| method.name.starts_with(group));
            match (is_answered, came) {
                (true, came) => assert_eq!(came, Some("ok"), "{method:?}: answered"),
                (false, Some(came)) => assert_eq!(came, "404", "{method:?}: not answered"),
                (false, None) => assert!(is_known, "{method:?}: new, add a call of it or its group"),
            }
        }
    }
}
