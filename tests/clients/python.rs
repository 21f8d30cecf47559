//! The client from PyPI.

use std::process::Command;

use postrider_testkit::{Server, on_both_engines};

use crate::toolbox;

on_both_engines! {
    async fn the_python_client_works_unmodified(engine: Engine) {
        let server = Server::start(engine).await;
        let mut python = Command::new(toolbox::python());
        python.args(["-B", "-m", "unittest", "discover", "--verbose"]);
        python.current_dir(toolbox::sources("python"));
        toolbox::against(&server, python).await;
    }
}
