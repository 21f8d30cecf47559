//! A database that a later version has migrated.

use std::sync::Arc;

use postrider_testkit::{Engine, Server, on_both_engines};

on_both_engines! {
    async fn a_later_schema_is_used_while_it_only_adds_and_refused_when_it_says_so(engine: Engine) {
        let mut server = Server::start(engine).await;
        let database = Arc::clone(server.database());
        let status = server.terminate().await;
        assert!(status.success(), "{status}");
        let checksum = match engine {
            Engine::Sqlite => "x'00'",
            Engine::Postgres => "'\\x00'::bytea",
        };
        let done = if engine == Engine::Sqlite { "1" } else { "true" };
        for statement in [
            format!(
                "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (9999, 'of a later version', {done}, {checksum}, 1)"
            ),
            "create table of_a_later_version (id bigint)".to_owned(),
        ] {
            database.execute(&statement).await;
        }
        let commands: [&[&str]; 3] = [&["migrate"], &["key", "list"], &["key", "create", "--org", "test"]];
        for (needs, starts) in [(None, true), (Some("1"), true), (Some("9999"), false), (Some("later"), false)] {
            if let Some(needs) = needs {
                database.execute("delete from meta where name = 'needs_schema'").await;
                database
                    .execute(&format!("insert into meta (name, value) values ('needs_schema', '{needs}')"))
                    .await;
            }
            for command in commands {
                let output = server.command(command).await;
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.success(), starts, "{needs:?} {command:?}: {said}");
                if needs == Some("9999") {
                    assert!(said.contains("step 9999") && said.contains("knows up to step"), "{said}");
                }
            }
            let serve = Server::on(engine).database(Arc::clone(&database));
            if starts {
                let mut node = serve.start().await;
                assert!(node.terminate().await.success());
            } else {
                let output = serve.refused().await;
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains("start the later version"), "{said}");
            }
        }
    }
}
