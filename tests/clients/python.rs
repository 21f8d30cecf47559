//! The client from PyPI.

use std::process::Command;

use postrider_testkit::{Server, on_both_engines};

use crate::toolbox;

/// Runs modules of tests with one generation of the client.
async fn run(server: &Server, requirements: &str, modules: &[&str]) {
    let mut python = Command::new(toolbox::python(requirements));
    python
        .args(["-B", "-m", "unittest", "--verbose"])
        .args(modules);
    python.current_dir(toolbox::sources("python"));
    toolbox::against(server, python).await;
}

on_both_engines! {
    async fn the_python_client_works_unmodified(engine: Engine) {
        let server = Server::start(engine).await;
        run(&server, "requirements.txt", &["test_resources", "test_errors"]).await;
    }

    async fn every_method_of_the_python_client_is_answered_or_not_found(engine: Engine) {
        let server = Server::start(engine).await;
        for generation in ["requirements.txt", "requirements-1.txt"] {
            run(&server, generation, &["test_methods"]).await;
        }
    }
}
