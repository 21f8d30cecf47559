//! Tokens of applications: links, codes, ends.

use std::time::Duration;

use http::Method;
use postrider_testkit::{Client, Engine, Server, TestApp, eventually, on_both_engines};
use postrider_tests::now;
use serde_json::json;

use crate::common::{app_token, fault};

fn code_of(url: &str) -> &str {
    url.split_once("#code=").expect("a code").1
}

async fn access(client: &Client, app: &str, body: serde_json::Value) -> (String, String) {
    let path = format!("/auth/app-portal-access/{app}");
    let access = client.post(&path, &body).await.expect(200);
    let text = |name: &str| access[name].as_str().expect("a text").to_owned();
    (text("url"), text("token"))
}

on_both_engines! {
    async fn a_code_gives_a_token_of_the_same_rights_once(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let rights = json!({"capabilities": ["ViewBase", "CreateAttempts"], "featureFlags": ["beta"],
            "sessionId": "s", "expiry": 7200});
        let (url, token) = access(&client, app.id(), rights).await;
        assert!(token.starts_with("prt_") && !token.contains('.'), "{token}");
        let body = json!({"code": code_of(&url)});
        let nobody = client.with_key("");
        let given = nobody.post("/auth/portal-exchange", &body).await.expect(200);
        assert_eq!(given["appId"], app.id());
        let other = client.with_key(given["token"].as_str().expect("a token"));
        assert_ne!(other.key(), token);
        let mine = client.with_key(&token).get("/auth/whoami").await.expect(200);
        assert_eq!(other.get("/auth/whoami").await.expect(200), mine);
        assert_eq!(mine["capabilities"], json!(["ViewBase", "CreateAttempts"]));
        assert_eq!(mine["featureFlags"], json!(["beta"]));
        assert_eq!((&mine["appId"], &mine["sessionId"]), (&json!(app.id()), &json!("s")));
        let again = nobody.post("/auth/portal-exchange", &body).await;
        assert_eq!(again.code(404), "not_found");
        server.clock().advance(Duration::from_hours(2));
        other.get("/auth/whoami").await.expect(401);
    }

    async fn of_many_who_exchange_one_code_one_gets_a_token(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let (url, _) = access(&client, app.id(), json!({})).await;
        let body = json!({"code": code_of(&url)});
        let asked = (0..8).map(|_| client.post("/auth/portal-exchange", &body));
        let statuses = futures_util::future::join_all(asked).await;
        let given = statuses.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(given, 1, "{statuses:?}");
    }

    async fn a_code_ends_after_ten_minutes_and_with_its_token(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let (old, _) = access(&client, app.id(), json!({})).await;
        server.clock().advance(Duration::from_mins(10));
        let (ended, token) = access(&client, app.id(), json!({})).await;
        client.with_key(&token).post("/auth/logout", &json!({})).await.expect(204);
        for url in [&old, &ended] {
            let body = json!({"code": code_of(url)});
            client.post("/auth/portal-exchange", &body).await.expect(404);
        }
        for body in [json!({"code": ""}), json!({"code": "x".repeat(100_000)}), json!({"code": "\u{0}"})] {
            client.post("/auth/portal-exchange", &body).await.expect(404);
        }
        client.post("/auth/portal-exchange", &json!({})).await.expect(422);
    }

    async fn links_begin_with_the_public_url_whatever_host_is_asked_for(engine: Engine) {
        let server = Server::on(engine).set("PUBLIC_URL", "https://hooks.example.com/").start().await;
        let client = server.client();
        let app = client.app().await;
        for kind in ["app-portal-access", "dashboard-access"] {
            let path = format!("/api/v1/auth/{kind}/{}", app.id());
            let asked = client.request(Method::POST, &path)
                .header("host", "evil.example").header("x-forwarded-host", "evil.example");
            let text = asked.send().await.expect("an answer").text().await.expect("a body");
            let reply: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let url = reply["url"].as_str().expect("a url");
            assert!(url.starts_with("https://hooks.example.com/portal?org=org_") && url.contains("#code=prc_"), "{url}");
        }
    }

    async fn without_a_public_url_links_lead_to_where_the_server_listens(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let (url, _) = access(&client, app.id(), json!({})).await;
        assert!(url.starts_with(&format!("{}/portal?org=org_", server.url())), "{url}");
    }

    async fn an_application_is_made_with_its_first_access(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let refused = client.post("/auth/app-portal-access/acme", &json!({})).await;
        assert_eq!(refused.code(404), "not_found");
        let body = json!({"application": {"name": "Acme", "uid": "other"}});
        let refused = client.post("/auth/app-portal-access/acme", &body).await;
        assert_eq!(fault(&refused), "body.application.uid");
        let wrong = json!({"application": {"name": "Acme", "uid": "acme"}, "expiry": 1});
        let refused = client.post("/auth/app-portal-access/acme", &wrong).await;
        assert_eq!(fault(&refused), "body.expiry");
        assert!(client.all("/app").await.is_empty());
        for name in ["Acme", "Ignored"] {
            let body = json!({"application": {"name": name, "uid": "acme"}});
            app_token(&client, "acme", body).await.get("/app/acme").await.expect(200);
        }
        assert_eq!(client.get("/app/acme").await.field("name"), "Acme");
    }

    async fn wrong_values_are_refused_at_their_field(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for (body, at) in [
            (json!({"expiry": 3599}), "body.expiry"),
            (json!({"expiry": 604_801}), "body.expiry"),
            (json!({"expiry": "3600"}), "body.expiry"),
            (json!({"capabilities": []}), "body.capabilities"),
            (json!({"capabilities": ["ManageEndpoint"]}), "body.capabilities"),
            (json!({"capabilities": ["ViewBase", "Everything"]}), "body.capabilities.[1]"),
            (json!({"featureFlags": ["a b"]}), "body.featureFlags.[0]"),
            (json!({"sessionId": ""}), "body.sessionId"),
            (json!({"readOnly": 1}), "body.readOnly"),
            (json!({"application": ["acme"]}), "body.application"),
        ] {
            let refused = client.post(&format!("/auth/app-portal-access/{}", app.id()), &body).await;
            assert_eq!(fault(&refused), at, "{body}");
        }
        for (body, at) in [
            (json!({"expiry": -1}), "body.expiry"),
            (json!({"expiry": 604_801}), "body.expiry"),
            (json!({"sessionIds": [""]}), "body.sessionIds"),
        ] {
            let refused = client.post(&format!("/auth/app/{}/expire-all", app.id()), &body).await;
            assert_eq!(fault(&refused), at, "{body}");
        }
        let nothing = json!({"application": null, "capabilities": null, "expiry": null, "featureFlags": null,
            "readOnly": null, "sessionId": null});
        app_token(&client, app.id(), nothing).await.get(&app.path("")).await.expect(200);
    }

    async fn ending_all_tokens_ends_those_of_the_sessions_or_all_at_once_or_later(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let (app, other) = (client.app().await, client.app().await);
        let a = app_token(&client, app.id(), json!({"sessionId": "a"})).await;
        let b = app_token(&client, app.id(), json!({"sessionId": "b"})).await;
        let c = app_token(&client, app.id(), json!({})).await;
        let elsewhere = app_token(&client, other.id(), json!({"sessionId": "a"})).await;
        let end = format!("/auth/app/{}/expire-all", app.id());
        let alive = async |tokens: [&Client; 4]| {
            let mut alive = Vec::new();
            for token in tokens {
                alive.push(token.get("/auth/whoami").await.status == 200);
            }
            alive
        };
        client.post(&end, &json!({"sessionIds": ["a", "unknown"]})).await.expect(204);
        assert_eq!(alive([&a, &b, &c, &elsewhere]).await, [false, true, true, true]);
        client.post(&end, &json!({"expiry": 60, "sessionIds": ["b"]})).await.expect(204);
        assert_eq!(alive([&a, &b, &c, &elsewhere]).await, [false, true, true, true]);
        server.clock().advance(Duration::from_mins(1));
        assert_eq!(alive([&a, &b, &c, &elsewhere]).await, [false, false, true, true]);
        client.try_send(Method::POST, &end, &[], None).await.expect("an answer").expect(204);
        assert_eq!(alive([&a, &b, &c, &elsewhere]).await, [false, false, false, true]);
        let fresh = app_token(&client, app.id(), json!({})).await;
        fresh.get("/auth/whoami").await.expect(200);
    }

    async fn a_token_that_was_logged_out_is_refused_at_once_and_also_if_it_may_only_read(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        for body in [json!({}), json!({"readOnly": true}), json!({"capabilities": ["ViewBase"]})] {
            let token = app_token(&client, app.id(), body).await;
            token.get(&app.path("")).await.expect(200);
            token.post("/auth/logout", &json!({})).await.expect(204);
            for _ in 0..20 {
                assert_eq!(token.get(&app.path("")).await.code(401), "authentication_failed");
            }
            token.post("/auth/logout", &json!({})).await.expect(401);
        }
        assert_eq!(client.post("/auth/logout", &json!({})).await.code(403), "insufficient access");
        client.get("/app").await.expect(200);
    }

    async fn a_token_that_was_ended_on_one_node_stops_on_the_other_within_a_second(engine: Engine) {
        if engine == Engine::Sqlite {
            return;
        }
        let server = Server::start(engine).await;
        let second = server.second().start().await;
        let app = server.client().app().await;
        let token = app_token(&server.client(), app.id(), json!({})).await;
        let there = second.client().with_key(token.key());
        there.get(&app.path("")).await.expect(200);
        token.post("/auth/logout", &json!({})).await.expect(204);
        let ended = now();
        eventually("the other node to hear of it", async || {
            let status = there.get(&app.path("")).await.status.as_u16();
            if status == 401 { Ok(()) } else { Err(status) }
        })
        .await;
        // A second on a machine of its own; here it shares two cores with other tests.
        assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    }

    async fn whoever_asks_hears_who_they_are(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let me = client.get("/auth/whoami").await.expect(200);
        assert!(me["envId"].as_str().is_some_and(|id| id.starts_with("org_")), "{me}");
        assert_eq!(me["permissionSource"], "RegionalAuthToken");
        assert!(me.get("appId").is_none() && me["featureFlags"].is_null(), "{me}");
        assert_eq!(me["capabilities"].as_array().map(Vec::len), Some(6));
    }
}
