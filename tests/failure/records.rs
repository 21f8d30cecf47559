//! Records that the database refuses: the schedule goes on and ends all the same.

use postrider_testkit::{Answer, Engine, Receiver, Server, on_both_engines};

/// Has the database refuse attempts whose headers hold this word.
fn refusal(engine: Engine) -> [&'static str; 2] {
    match engine {
        Engine::Sqlite => [
            "create trigger no_words before insert on attempt when new.response_headers like '%x-unwelcome%' \
             begin select raise(abort, 'unwelcome'); end",
            "create trigger no_bodies before insert on attempt when new.response_body = cast('unwelcome' as blob) \
             begin select raise(abort, 'unwelcome'); end",
        ],
        Engine::Postgres => [
            "alter table attempt add constraint no_words check (response_headers not like '%x-unwelcome%')",
            "alter table attempt add constraint no_bodies check (response_body <> 'unwelcome')",
        ],
    }
}

on_both_engines! {
    async fn a_record_that_is_refused_is_written_without_what_was_refused_and_the_schedule_ends(engine: Engine) {
        let words = Answer::status(500).header("x-unwelcome", "1").body("kept");
        let both = Answer::status(500).header("x-unwelcome", "1").body("unwelcome");
        let receiver = Receiver::in_turn([words, both.clone(), both]).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0,1").start().await;
        for statement in refusal(engine) {
            server.database().execute(statement).await;
        }
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.ends(&id, "fail").await;
        assert_eq!(receiver.count(), 3, "the schedule has ended");
        let attempts = app.attempts_reach(&id, 3).await;
        assert_eq!(attempts[0]["response"], "kept", "{}", attempts[0]);
        for attempt in &attempts {
            assert_eq!(attempt["responseStatusCode"], 500, "{attempt}");
            assert!(attempt.to_string().contains("the database refused"), "{attempt}");
        }
        let counted = server.database().number("select max(attempts) from delivery").await;
        assert_eq!(counted, 3);
    }

    async fn attempts_count_though_no_record_of_them_can_be_kept(engine: Engine) {
        let receiver = Receiver::always(Answer::status(500)).await;
        let server = Server::on(engine).set("RETRY_SCHEDULE", "0,1").start().await;
        let nothing = match engine {
            Engine::Sqlite => "create trigger no_record before insert on attempt begin select raise(abort, 'none'); end",
            Engine::Postgres => "alter table attempt add constraint no_record check (http_status < 0)",
        };
        server.database().execute(nothing).await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        app.ends(&id, "fail").await;
        assert_eq!(receiver.count(), 3, "the schedule has ended");
        let counted = server.database().number("select max(attempts) from delivery").await;
        assert_eq!(counted, 3);
    }
}
