//! The client from npm.

use std::process::Command;

use postrider_testkit::{Server, on_both_engines};

use crate::toolbox;

on_both_engines! {
    async fn the_javascript_client_works_unmodified(engine: Engine) {
        let server = Server::start(engine).await;
        let folder = toolbox::javascript();
        let mut node = Command::new("node");
        node.args(["--test", "resources.test.mjs", "errors.test.mjs"]).current_dir(folder);
        toolbox::against(&server, node).await;
    }
}
