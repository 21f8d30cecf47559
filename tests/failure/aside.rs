//! One row that fails holds up no other, be it the oldest.

use postrider_testkit::{Engine, Receiver, Server, on_both_engines};

on_both_engines! {
    async fn a_fan_out_that_cannot_be_read_holds_up_no_other_tenants(engine: Engine) {
        let receiver = Receiver::start().await;
        let mut server = Server::start(engine).await;
        let client = server.client();
        let (broken, whole) = (client.app().await, client.app().await);
        let first = broken.publish("a.b", "{}").channels(&["eu"]).accepted().await;
        let second = whole.publish("a.b", "{}").accepted().await;
        broken.endpoint(&receiver.url()).create().await;
        whole.endpoint(&receiver.url()).create().await;
        server.terminate().await;
        let database = server.database().clone();
        for text in [
            "insert into expansion (message_id, app_id, created_at) select id, app_id, 1 from message",
            "update message set channels = '[\"eu' where channels is not null",
        ] {
            database.execute(text).await;
        }
        server.restart().await;
        whole.ends(&second, "success").await;
        server.logged("it is put aside").await;
        database.execute("update message set channels = '[\"eu\"]' where channels is not null").await;
        broken.ends(&first, "success").await;
        assert_eq!(database.number("select count(*) from expansion").await, 0);
    }

    async fn a_lane_that_cannot_be_claimed_holds_up_no_other(engine: Engine) {
        let receiver = Receiver::start().await;
        let mut server = Server::start(engine).await;
        let client = server.client();
        let (broken, whole) = (client.app().await, client.app().await);
        for app in [&broken, &whole] {
            app.endpoint(&receiver.url()).create().await;
            let sent = app.publish("a.b", "{}").accepted().await;
            app.ends(&sent, "success").await;
        }
        server.terminate().await;
        let database = server.database().clone();
        let oldest = "(select app_id from message order by id limit 1)";
        for text in [
            "update delivery set state = 0, owner = null, due_at = 1".to_owned(),
            "delete from lane".to_owned(),
            format!(
                "insert into lane (endpoint_id, app_id, next_due, wake_at, parked_until) \
                 select id, app_id, 1, case when app_id = {oldest} then 1 else 2 end, 0 from endpoint"
            ),
        ] {
            database.execute(&text).await;
        }
        for text in breaking(engine) {
            database.execute(text).await;
        }
        server.restart().await;
        receiver.received(3).await;
        server.logged("cannot claim deliveries").await;
        for text in mending(engine) {
            database.execute(text).await;
        }
        receiver.received(4).await;
    }
}

/// Has every claim of the lane that waits longest fail.
fn breaking(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "create trigger broken before update on lane when old.wake_at = 1 \
             begin select raise(abort, 'a broken lane'); end",
        ],
        Engine::Postgres => &[
            "create function broken() returns trigger language plpgsql as \
             $$ begin raise 'a broken lane'; end $$",
            "create trigger broken before update on lane for each row when (old.wake_at = 1) \
             execute function broken()",
        ],
    }
}

fn mending(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &["drop trigger broken"],
        Engine::Postgres => &["drop trigger broken on lane", "drop function broken()"],
    }
}
