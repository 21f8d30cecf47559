//! Statistics over time, of endpoints, and the overview.

use std::time::Duration;

use postrider_testkit::{Answer, App, Client, Receiver, TestApp, eventually, on_both_engines};
use serde_json::{Value, json};

use crate::common::{app_token, fault, with_new_key};

/// An application with an endpoint that succeeds and one that fails, and what they are.
struct World {
    app: App,
    good: String,
    bad: String,
}

impl World {
    async fn by(client: &Client) -> Self {
        let (fine, broken) = (
            Receiver::start().await,
            Receiver::always(Answer::status(503)).await,
        );
        let app = client.app().await;
        let good = app.endpoint(&fine.url()).create().await;
        let bad = app.endpoint(&broken.url()).retries(&[]).create().await;
        for event_type in ["invoice.paid", "invoice.paid", "order.made"] {
            let message = app.publish(event_type, "{}").accepted().await;
            app.attempts_reach(&message, 2).await;
        }
        Self {
            app,
            good: good.id,
            bad: bad.id,
        }
    }
}

/// The totals of a series, once so many attempts are counted.
async fn totals(client: &Client, query: &str, attempts: u64) -> Value {
    let path = format!("/stats/timeseries?{query}");
    let series = eventually(&format!("{attempts} attempts in {query}"), async || {
        let series = client.get(&path).await.expect(200);
        if series["totals"]["attempts"] == attempts {
            Ok(series)
        } else {
            Err(series)
        }
    })
    .await;
    series["totals"].clone()
}

fn counts(totals: &Value) -> [u64; 3] {
    ["messages", "succeeded", "failed"].map(|name| totals[name].as_u64().expect("a count"))
}

on_both_engines! {
    async fn attempts_are_counted_by_organisation_application_endpoint_and_event_type(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let world = World::by(&client).await;
        let other = World::by(&client).await;
        let app = world.app.id();
        for (query, wanted) in [
            (String::new(), [6, 6, 6]),
            ("eventType=order.made".to_owned(), [2, 2, 2]),
            (format!("app={app}"), [3, 3, 3]),
            (format!("app={app}&eventType=invoice.paid"), [2, 2, 2]),
            (format!("app={app}&endpoint={}", world.good), [3, 3, 0]),
            (format!("app={app}&endpoint={}&bucket=minute", world.bad), [3, 0, 3]),
            (format!("app={app}&endpoint={}&eventType=order.made&bucket=day", world.bad), [1, 0, 1]),
        ] {
            let totals = totals(&client, &query, wanted[1] + wanted[2]).await;
            assert_eq!(counts(&totals), wanted, "{query}: {totals}");
            for name in ["p50Ms", "p95Ms", "p99Ms"] {
                assert!(totals[name].as_f64().is_some_and(|ms| ms > 0.0), "{totals}");
            }
        }
        let nothing = client.get("/stats/timeseries?eventType=nothing").await.expect(200);
        assert_eq!(nothing["totals"]["p50Ms"], Value::Null);
        let spans = nothing["data"].as_array().expect("spans");
        assert!(spans.len() == 24 || spans.len() == 25, "{}", spans.len());
        assert!(spans.iter().all(|span| span["attempts"] == 0));
        // A token of an application sees that one alone, said or not.
        let token = app_token(&client, app, json!({})).await;
        assert_eq!(counts(&totals(&token, "", 6).await), [3, 3, 3]);
        let endpoint = format!("endpoint={}", world.good);
        assert_eq!(counts(&totals(&token, &endpoint, 3).await), [3, 3, 0]);
        for query in [format!("app={}", other.app.id()), format!("endpoint={}", other.good), "app=nobody".to_owned()] {
            let reply = token.get(&format!("/stats/timeseries?{query}")).await;
            assert_eq!(reply.code(404), "not_found", "{query}");
        }
        token.get("/stats/overview").await.expect(403);
    }

    async fn the_present_counts_at_the_first_moment_of_a_span(engine: Engine) {
        let server = TestApp::start(engine).await;
        let now = server.store().clock().now();
        let into_the_hour = now.seconds().rem_euclid(3600).unsigned_abs();
        server.clock().advance(Duration::from_secs(3600 - into_the_hour));
        let client = server.client();
        World::by(&client).await;
        for bucket in ["minute", "hour"] {
            let totals = totals(&client, &format!("bucket={bucket}"), 6).await;
            assert_eq!(counts(&totals), [3, 3, 3]);
        }
    }

    async fn windows_that_are_too_long_or_upside_down_are_refused(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let ago = |hours: u64| server.store().clock().now().minus(Duration::from_hours(hours)).to_string();
        for (query, field) in [
            (format!("since={}&until={}", ago(1), ago(2)), "query.since"),
            (format!("since={}&bucket=minute", ago(26)), "query.since"),
            (format!("since={}&until={}&bucket=minute", ago(100), ago(99)), "query.since"),
            (format!("since={}&bucket=hour", ago(24 * 80)), "query.since"),
            (format!("since={}&bucket=day", ago(24 * 2_000)), "query.since"),
            ("endpoint=ep_0000000000000000000000".to_owned(), "query.endpoint"),
        ] {
            let reply = client.get(&format!("/stats/timeseries?{query}")).await;
            assert_eq!(fault(&reply), field, "{query}");
        }
        let app = client.app().await;
        let endpoint = app.endpoint("http://127.0.0.1:9/").create().await;
        let query = format!("app={}&endpoint={}&eventType=a&bucket=minute", app.id(), endpoint.id);
        let reply = client.get(&format!("/stats/timeseries?{query}")).await;
        assert_eq!(fault(&reply), "query.bucket");
        let many = format!("/stats/endpoints?limit=250&since={}", ago(100));
        assert_eq!(fault(&client.get(&many).await), "query.limit");
        client.get(&format!("/stats/timeseries?since={}&bucket=day", ago(24 * 365))).await.expect(200);
    }

    async fn each_endpoint_has_its_series_and_those_that_fail_can_be_asked_for(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let world = World::by(&client).await;
        client.app().await.endpoint("http://127.0.0.1:9/").create().await;
        totals(&client, "", 6).await;
        let page = client.get("/stats/endpoints").await.expect(200);
        assert_eq!(page["data"].as_array().expect("rows").len(), 3);
        let path = format!("/stats/endpoints?app={}&bucket=hour", world.app.id());
        let page = client.get(&path).await.expect(200);
        let rows = page["data"].as_array().expect("rows");
        assert_eq!((&rows[0]["id"], &rows[1]["id"]), (&json!(world.bad), &json!(world.good)));
        assert_eq!((&rows[0]["succeeded"], &rows[0]["failed"]), (&json!(0), &json!(3)));
        let series = rows[1]["series"].as_array().expect("a series");
        let sum: u64 = series.iter().map(|point| point["succeeded"].as_u64().expect("a count")).sum();
        assert_eq!(sum, 3);
        assert!(rows[0]["failingSince"].is_string() && rows[1]["failingSince"].is_null());
        assert_eq!((&rows[0]["health"], &rows[1]["health"]), (&json!("failing"), &json!("healthy")));
        let one = client.get(&format!("{path}&endpoint={}", world.good)).await.expect(200);
        assert_eq!(one["data"].as_array().expect("rows").len(), 1);
        assert_eq!(one["data"][0]["id"], world.good);
        let nowhere = client.get(&format!("/stats/endpoints?endpoint={}", world.good)).await;
        assert_eq!(fault(&nowhere), "query.endpoint");
        let failing = client.get("/stats/endpoints?failing=true").await.expect(200);
        assert_eq!(failing["data"].as_array().expect("rows").len(), 1);
        assert_eq!(failing["data"][0]["id"], world.bad);
        let stranger = with_new_key(&client, json!({"appId": world.app.id()})).await;
        let own = stranger.get("/stats/endpoints").await.expect(200);
        assert_eq!(own["data"].as_array().expect("rows").len(), 2);
    }

    async fn an_overview_says_what_waits_what_fails_and_who_works(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let broken = Receiver::always(Answer::status(503)).await;
        let app = client.app().await;
        let endpoint = app.endpoint(&broken.url()).create().await;
        let message = app.publish("a", "{}").accepted().await;
        app.attempts_reach(&message, 1).await;
        let overview = eventually("a delivery that waits", async || {
            let overview = client.get("/stats/overview").await.expect(200);
            if overview["backlog"] == 1 { Ok(overview) } else { Err(overview) }
        }).await;
        assert_eq!(overview["backlogIsCapped"], false);
        assert_eq!(overview["oldestDueAgeSeconds"], Value::Null);
        assert_eq!(overview["failing"], 1);
        assert_eq!(overview["failingEndpoints"][0]["endpointId"], endpoint.id);
        assert_eq!((&overview["applications"], &overview["endpoints"]), (&json!(1), &json!(1)));
        assert_eq!(overview["nodes"].as_array().expect("nodes").len(), 1);
        assert_eq!(overview["nodes"][0]["alive"], true);
    }
}
