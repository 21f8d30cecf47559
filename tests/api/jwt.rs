//! JWTs in the shape of a self-hosted Svix server's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use postrider_testkit::{Client, Server, on_both_engines};
use serde_json::{Value, json};

use crate::common::fault;

const SECRET: &str = "a secret that a self-hosted server signed with";
/// The organisation that a self-hosted server makes tokens for unless told.
const ORG: &str = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";

fn sign(secret: &str, header: &Value, claims: &Value) -> String {
    let text = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims.to_string())
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", BASE64.encode(tag))
}

fn token(claims: &Value) -> String {
    sign(SECRET, &json!({"typ": "JWT", "alg": "HS256"}), claims)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server judges tokens by the machine's clock"
)]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// An organisation's token as its own tool makes it.
fn of_org(org: &str) -> String {
    let now = now();
    token(
        &json!({"iat": now, "nbf": now, "exp": now + 315_360_000, "iss": "svix-server", "sub": org}),
    )
}

fn of_app(app: &str) -> Value {
    let now = now();
    json!({"iat": now, "nbf": now, "exp": now + 2_419_200, "iss": "svix-server", "sub": app, "org": ORG})
}

async fn server(engine: postrider_testkit::Engine) -> (Server, Client) {
    let server = Server::on(engine).set("JWT_SECRET", SECRET).start().await;
    let client = server.client().with_key(&of_org(ORG));
    (server, client)
}

on_both_engines! {
    async fn an_organisation_is_made_for_its_first_token_and_keeps_its_own_things(engine: Engine) {
        let (server, client) = server(engine).await;
        let app = client.app().await;
        app.endpoint("http://127.0.0.1:9/").create().await;
        client.post(&app.path("/msg"), &json!({"eventType": "a", "payload": {}})).await.expect(202);
        // The next token of the same organisation sees the same things.
        let again = client.with_key(&of_org(ORG));
        assert_eq!(again.all("/app").await.len(), 1);
        for stranger in [client.with_key(&of_org("org_another")), server.client()] {
            assert!(stranger.all("/app").await.is_empty());
            stranger.get(&app.path("")).await.expect(404);
        }
        let me = client.get("/auth/whoami").await.expect(200);
        assert_eq!(me["permissionSource"], "SvixJwt");
    }

    async fn an_applications_token_opens_that_application_alone(engine: Engine) {
        let (_server, client) = server(engine).await;
        let (app, other) = (client.app().await, client.app().await);
        for (name, flags) in [("open", Value::Null), ("hidden", json!(["beta"]))] {
            let body = json!({"name": name, "description": "", "featureFlags": flags});
            client.post("/event-type", &body).await.expect(201);
        }
        let mut claims = of_app(app.id());
        let bound = client.with_key(&token(&claims));
        bound.get(&app.path("/endpoint")).await.expect(200);
        assert_eq!(bound.get(&other.path("")).await.code(404), "not_found");
        assert_eq!(bound.get("/app").await.code(403), "insufficient access");
        assert_eq!(bound.all("/event-type").await.len(), 1);
        let endpoint = json!({"url": "http://127.0.0.1:9/", "eventTypes": ["hidden"]});
        assert_eq!(fault(&bound.post(&app.path("/endpoint"), &endpoint).await), "body.eventTypes");
        claims["feature_flags"] = json!(["beta"]);
        let flagged = client.with_key(&token(&claims));
        assert_eq!(flagged.all("/event-type").await.len(), 2);
        flagged.post(&app.path("/endpoint"), &endpoint).await.expect(201);
        // One of an organisation that nobody has spoken for opens nothing, and makes nothing.
        claims["org"] = json!("org_nobody");
        client.with_key(&token(&claims)).get("/event-type").await.expect(401);
        client.delete(&app.path("")).await.expect(204);
        flagged.get("/event-type").await.expect(401);
    }

    async fn tokens_that_do_not_count_are_refused(engine: Engine) {
        let (_server, client) = server(engine).await;
        let good = of_org(ORG);
        client.get("/app").await.expect(200);
        let claims = json!({"sub": ORG});
        let (signed, signature) = good.rsplit_once('.').expect("a signature");
        let none = BASE64.encode(json!({"alg": "none"}).to_string());
        let payload = signed.split_once('.').expect("a payload").1;
        for bad in [
            sign("another secret of sixteen bytes", &json!({"alg": "HS256"}), &claims),
            sign(SECRET, &json!({"alg": "HS512"}), &claims),
            sign(SECRET, &json!({"alg": "none"}), &claims),
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            format!("{good}="),
            format!("{signed}.{}", signature.to_lowercase()),
            token(&json!({"sub": ORG, "exp": now() - 1000})),
            token(&json!({"sub": ORG, "nbf": now() + 1000})),
            token(&json!({"iss": "svix-server"})),
            format!("{good}.{good}"),
            "a".repeat(9_000),
        ] {
            let refused = client.with_key(&bad).get("/app").await;
            assert_eq!(refused.code(401), "authentication_failed", "{bad}");
            assert_eq!(refused.json()["detail"], "Invalid token");
        }
        let malformed = client.with_key(&token(&json!({"sub": "app_1"}))).get("/app").await;
        assert_eq!(malformed.code(400), "bad_token");
        let secret = client.with_key(SECRET).get("/app").await;
        assert!(secret.code(401) == "authentication_failed" && secret.text.contains("sign"), "{secret:?}");
    }

    async fn without_the_setting_no_jwt_counts(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client().with_key(&of_org(ORG));
        assert_eq!(client.get("/app").await.code(401), "authentication_failed");
    }

    async fn jwts_of_an_application_can_be_ended(engine: Engine) {
        let (_server, client) = server(engine).await;
        let (app, other) = (client.app().await, client.app().await);
        let mut claims = of_app(app.id());
        claims["iat"] = json!(now() - 10);
        let one = client.with_key(&token(&claims));
        claims["iat"] = json!(now() - 11);
        let two = client.with_key(&token(&claims));
        let elsewhere = client.with_key(&token(&of_app(other.id())));
        one.post("/auth/logout", &json!({})).await.expect(204);
        one.get("/auth/whoami").await.expect(401);
        two.get("/auth/whoami").await.expect(200);
        client.post(&format!("/auth/app/{}/expire-all", app.id()), &json!({})).await.expect(204);
        two.get("/auth/whoami").await.expect(401);
        elsewhere.get("/auth/whoami").await.expect(200);
        // Issued after it was decided.
        claims["iat"] = json!(now() + 60);
        client.with_key(&token(&claims)).get("/auth/whoami").await.expect(200);
        let refused = client.post("/auth/logout", &json!({})).await;
        assert_eq!(refused.code(403), "insufficient access");
    }
}
