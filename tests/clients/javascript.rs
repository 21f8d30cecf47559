//! The client from npm.

use std::process::Command;

use postrider_testkit::{Server, on_both_engines};

use crate::toolbox;

/// Runs files of tests with one generation of the client.
async fn run(server: &Server, client: &str, files: &[&str]) {
    let mut node = Command::new("node");
    node.arg("--test").args(files);
    node.env("POSTRIDER_TEST_CLIENT", client);
    node.current_dir(toolbox::javascript());
    toolbox::against(server, node).await;
}

on_both_engines! {
    async fn the_javascript_client_works_unmodified(engine: Engine) {
        let server = Server::start(engine).await;
        run(&server, "svix", &["resources.test.mjs", "errors.test.mjs"]).await;
    }

    async fn every_method_of_the_javascript_client_is_answered_or_not_found(engine: Engine) {
        let server = Server::start(engine).await;
        for client in ["svix", "svix-1"] {
            run(&server, client, &["methods.test.mjs"]).await;
        }
    }
}
