//! The console's sessions, and what the dashboard is served with.

use std::path::Path;
use std::time::Duration;

use postrider_testkit::{Client, Server, TestApp, http_client, on_both_engines};
use serde_json::json;

use crate::common::app_token;

/// Where a bundle would be; a debug build serves it from there.
fn has_bundle() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dashboard/dist/index.html")
        .exists()
}

async fn page(client: &Client, path: &str) -> reqwest::Response {
    let http = http_client(Duration::from_secs(10));
    let asked = http.get(format!("{}{path}", client.base())).send();
    asked.await.expect("an answer")
}

fn header(response: &reqwest::Response, name: &str) -> String {
    let value = response.headers().get(name).expect(name);
    value.to_str().expect("text").to_owned()
}

on_both_engines! {
    async fn a_sign_in_link_gives_one_session_that_can_be_logged_out(engine: Engine) {
        let server = Server::start(engine).await;
        let nobody = server.client().with_key("");
        let missing = server.command(&["login-link", "--org", "nobody"]).await;
        assert!(!missing.status.success());
        server.command(&["key", "create", "--org", "default"]).await;
        let link = server.command(&["login-link"]).await;
        let link = String::from_utf8(link.stdout).expect("a link");
        let (base, code) = link.trim().split_once("/#code=").expect("a code");
        assert!(base.starts_with("http://"), "{link}");
        let body = json!({"code": code});
        let given = nobody.post("/auth/console-exchange", &body).await.expect(200);
        assert!(given["expiresAt"].is_string());
        let again = nobody.post("/auth/console-exchange", &body).await;
        assert_eq!(again.code(404), "not_found");
        let session = nobody.with_key(given["token"].as_str().expect("a token"));
        assert!(session.key().starts_with("prs_"));
        let who = session.get("/auth/whoami").await.expect(200);
        assert!(who.get("appId").is_none() && who["readOnly"] == false, "{who}");
        let app = session.app().await;
        session.get(&app.path("")).await.expect(200);
        let config = session.get("/portal/config").await.expect(200);
        assert_eq!((&config["organisationName"], &config["inboxEnabled"]), (&json!("default"), &json!(true)));
        session.post("/auth/logout", &json!({})).await.expect(204);
        session.get("/auth/whoami").await.expect(401);
    }

    async fn of_many_who_exchange_a_sign_in_code_one_gets_a_session(engine: Engine) {
        let server = Server::start(engine).await;
        let nobody = server.client().with_key("");
        server.command(&["key", "create", "--org", "default"]).await;
        let link = server.command(&["login-link"]).await;
        let link = String::from_utf8(link.stdout).expect("a link");
        let (_, code) = link.trim().split_once("/#code=").expect("a code");
        let body = json!({"code": code});
        let asked = (0..8).map(|_| nobody.post("/auth/console-exchange", &body));
        let replies = futures_util::future::join_all(asked).await;
        let given = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(given, 1, "{replies:?}");
    }

    async fn a_session_ends_after_twelve_hours_and_its_code_after_ten_minutes(engine: Engine) {
        let server = TestApp::start(engine).await;
        let org = server.store().org_by_name("test").await.expect("it is there").id;
        let ends = server.store().clock().now().plus(Duration::from_mins(10));
        let codes = [(); 2].map(|()| server.store().create_console_code(org, ends));
        let codes = futures_util::future::join_all(codes).await;
        let codes: Vec<_> = codes.into_iter().map(|code| code.expect("a code")).collect();
        let exchange = async |at: usize| {
            let body = json!({"code": codes[at].expose()});
            server.client().post("/auth/console-exchange", &body).await
        };
        let token = exchange(0).await.field("token");
        server.clock().advance(Duration::from_mins(10));
        exchange(1).await.expect(404);
        let session = server.client().with_key(&token);
        session.get("/auth/whoami").await.expect(200);
        server.clock().advance(Duration::from_hours(12));
        session.get("/auth/whoami").await.expect(401);
    }

    async fn the_dashboard_runs_only_its_own_and_is_framed_only_where_it_may(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let body = json!({"frameAncestors": ["https://app.example.com"], "theme": {"logoUrl": "https://cdn.example.com/logo.svg"}});
        client.patch("/settings", &body).await.expect(200);
        let app = client.app().await;
        let access = client.post(&format!("/auth/app-portal-access/{}", app.id()), &json!({})).await.expect(200);
        let (_, portal) = access["url"].as_str().expect("a url").split_once("/portal").expect("the portal");
        let (query, _) = portal.split_once('#').expect("a code");
        let status = if has_bundle() { 200 } else { 404 };
        for path in ["/", "/console/apps", "/portal", "/portal/endpoints"] {
            let answer = page(&client, path).await;
            assert_eq!(answer.status(), status, "{path}");
            let policy = header(&answer, "content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
            assert!(header(&answer, "content-type").starts_with("text/html"));
        }
        if has_bundle() {
            let policy = header(&page(&client, &format!("/portal{query}")).await, "content-security-policy");
            assert!(policy.contains("frame-ancestors https://app.example.com"), "{policy}");
            assert!(policy.contains("https://cdn.example.com"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
        for path in ["/assets/nothing.js", "/assets/../Cargo.toml", "/assets/%2e%2e/%2e%2e/package.json"] {
            assert_eq!(page(&client, path).await.status(), 404, "{path}");
        }
    }

    async fn a_token_of_an_application_learns_what_the_page_needs(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        client.patch("/settings", &json!({"theme": {"name": "Acme hooks"}})).await.expect(200);
        let app = client.app().await;
        let token = app_token(&client, app.id(), json!({"readOnly": true})).await;
        let config = token.get("/portal/config").await.expect(200);
        assert_eq!(config["theme"]["name"], "Acme hooks");
        let other = token.get("/settings").await;
        other.expect(403);
    }
}
