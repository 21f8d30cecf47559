//! Lists, page by page, in both directions.

use std::time::Duration;

use postrider_testkit::{Client, Server, TestApp, on_both_engines};
use serde_json::{Value, json};

async fn page(client: &Client, path: &str) -> (Vec<String>, Value) {
    let page = client.get(path).await.expect(200);
    let ids = page["data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect();
    (ids, page)
}

on_both_engines! {
    async fn a_list_is_walked_forth_and_back_in_its_own_order(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let mut made = Vec::new();
        for n in 0..5 {
            made.push(client.post("/app", &json!({"name": n.to_string()})).await.field("id"));
        }
        let (first, body) = page(&client, "/app?limit=2").await;
        assert_eq!((first, &body["done"]), (made[..2].to_vec(), &json!(false)));
        assert_eq!(body["iterator"], made[1].as_str());
        assert_eq!(body["prevIterator"], format!("-{}", made[0]));
        let (second, body) = page(&client, &format!("/app?limit=2&iterator={}", made[1])).await;
        assert_eq!(second, made[2..4]);
        let back = body["prevIterator"].as_str().expect("a way back");
        let (again, body) = page(&client, &format!("/app?limit=2&iterator={back}")).await;
        assert_eq!((again, &body["done"]), (made[..2].to_vec(), &json!(true)));
        let (last, body) = page(&client, &format!("/app?limit=2&iterator={}", made[3])).await;
        assert_eq!((last, &body["done"]), (made[4..].to_vec(), &json!(true)));
        assert_eq!(body["iterator"], made[4].as_str());
        let (down, _) = page(&client, "/app?order=descending").await;
        made.reverse();
        assert_eq!(down, made);
    }

    async fn an_empty_page_has_a_null_iterator_and_no_way_back(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let (_, body) = page(&client, "/app").await;
        assert_eq!(body, json!({"data": [], "iterator": null, "done": true}));
        client.app().await;
        let (_, body) = page(&client, "/app?limit=0").await;
        assert_eq!(body, json!({"data": [], "iterator": null, "done": false}));
    }

    async fn messages_run_newest_first_and_after_begins_at_the_oldest(engine: Engine) {
        let server = TestApp::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.push(app.publish("a", "{}").accepted().await);
        }
        let forth = app.path("/msg?limit=2&after=2020-01-01T00:00:00Z");
        let (unsettled, body) = page(&client, &forth).await;
        assert_eq!((unsettled, &body["done"]), (vec![], &json!(true)));
        let (newest, _) = page(&client, &app.path("/msg?limit=2")).await;
        assert_eq!(newest, [made[4].clone(), made[3].clone()]);
        server.clock().advance(Duration::from_secs(3));
        let (oldest, body) = page(&client, &forth).await;
        assert_eq!(oldest, [made[1].clone(), made[0].clone()]);
        let on = body["prevIterator"].as_str().expect("a way on");
        let (next, _) = page(&client, &app.path(&format!("/msg?limit=2&iterator={on}"))).await;
        assert_eq!(next, [made[3].clone(), made[2].clone()]);
    }

    async fn endpoints_run_newest_first_unless_asked(engine: Engine) {
        let server = Server::start(engine).await;
        let client = server.client();
        let app = client.app().await;
        let first = app.endpoint("http://127.0.0.1:9/").create().await.id;
        let second = app.endpoint("http://127.0.0.1:9/").create().await.id;
        let (ids, _) = page(&client, &app.path("/endpoint")).await;
        assert_eq!(ids, [second.clone(), first.clone()]);
        let (ids, _) = page(&client, &app.path("/endpoint?order=ascending")).await;
        assert_eq!(ids, [first, second]);
    }
}
