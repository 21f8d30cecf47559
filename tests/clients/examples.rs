//! The examples of the API reference run as they stand there.

use std::process::Command;

use postrider_testkit::{Server, on_both_engines};

use crate::toolbox;

on_both_engines! {
    async fn every_example_of_the_reference_runs(engine: Engine) {
        let server = Server::start(engine).await;
        let examples = toolbox::examples();
        let mut shell = Command::new("sh");
        shell.arg(examples.join("tour.sh"));
        let mut node = Command::new("node");
        node.arg("tour.mjs").current_dir(toolbox::javascript());
        let mut python = Command::new(toolbox::python("requirements.txt"));
        python.arg("-B").arg(examples.join("tour.py"));
        let mut rust = Command::new(toolbox::rust());
        rust.arg("tour");
        for mut command in [shell, node, python, rust] {
            command.env("POSTRIDER_URL", server.url()).env("POSTRIDER_KEY", server.key());
            toolbox::against(&server, command).await;
        }
    }
}
