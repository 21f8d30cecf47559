//! The layers and the extractor, in axum's router and in a bare tower service.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Extension, Router};
use http_body_util::{BodyExt, Full};
use postrider_verify::seen::{Claim, MemoryStore, SeenStore};
use postrider_verify::testing::{Forgery, TestRequest, TestSender};
use postrider_verify::web::{OnceLayer, Signed, SignedBytes, VerifyLayer};
use postrider_verify::{Verified, Verifier, VerifyError};
use tower::{Layer, ServiceExt};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = br#"{"name":"Ada"}"#;

#[derive(serde::Deserialize)]
struct Event {
    name: String,
}

fn verifier() -> Verifier {
    let builder = Verifier::builder().secret(SECRET).unwrap();
    builder.clock(|| NOW).build().unwrap()
}

fn sender() -> TestSender {
    TestSender::standard(SECRET).unwrap()
}

fn request(from: &TestRequest) -> Request<Body> {
    let mut request = Request::post("/");
    for (name, value) in &from.headers {
        request = request.header(name, value);
    }
    request.body(Body::from(from.body.clone())).unwrap()
}

async fn answer(app: &Router, from: &TestRequest) -> Response<Body> {
    app.clone().oneshot(request(from)).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn extracting() -> Router {
    async fn receive(Signed { event, verified }: Signed<Event>) -> String {
        let Event { name } = event;
        format!("{name} {}", verified.id)
    }
    Router::new()
        .route("/", post(receive))
        .with_state(verifier())
}

#[tokio::test]
async fn the_extractor_gives_the_event_and_what_was_verified() {
    let response = answer(&extracting(), &sender().request("msg_1", NOW, BODY)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "Ada msg_1");
}

#[tokio::test]
async fn the_extractor_and_the_layer_refuse_every_forgery_without_a_word() {
    let layered = Router::new()
        .route("/", post(|| async {}))
        .layer(VerifyLayer::new(verifier()));
    for app in [extracting(), layered] {
        for forgery in Forgery::ALL {
            let forged = sender().forge(*forgery, "msg_1", NOW, BODY).unwrap();
            let response = answer(&app, &forged).await;
            let error = response.extensions().get::<VerifyError>().cloned();
            let malformed = error.expect("the reason is kept").is_malformed_request();
            let expected = if malformed { 400 } else { 401 };
            assert_eq!(response.status(), expected, "{forgery}");
            assert_eq!(text(response).await, "", "{forgery}");
        }
    }
}

#[tokio::test]
async fn a_genuine_body_that_is_not_the_expected_json_is_a_bad_request() {
    for body in ["", "null", "{", r#"{"name":1}"#] {
        let signed = sender().request("msg_1", NOW, body.as_bytes());
        let response = answer(&extracting(), &signed).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(text(response).await, "", "{body}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit_of_the_route_or_the_layer_are_too_large_before_they_are_checked() {
    let long = sender().request("msg_1", NOW, &[b'a'; 65]);
    let short = sender().request("msg_1", NOW, &[b'a'; 64]);
    let echo = |signed: SignedBytes| async move { signed.body };
    let limited = Router::new()
        .route("/", post(echo))
        .layer(DefaultBodyLimit::max(64))
        .with_state(verifier());
    let layered = Router::new()
        .route("/", post(|| async {}))
        .layer(VerifyLayer::new(verifier()).body_limit(64));
    for app in [limited, layered] {
        assert_eq!(
            answer(&app, &long).await.status(),
            StatusCode::PAYLOAD_TOO_LARGE
        );
        assert_eq!(answer(&app, &short).await.status(), StatusCode::OK);
        // Not announced, but as long.
        let chunks = [Ok::<_, Infallible>(long.body.clone())];
        let stream = futures_util::stream::iter(chunks);
        let unsized_body = request(&long).map(|_| Body::from_stream(stream));
        let response = app.clone().oneshot(unsized_body).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn extensions_of_other_layers_and_state_survive() {
    #[derive(Clone)]
    struct App {
        verifier: Verifier,
        greeting: &'static str,
    }
    impl FromRef<App> for Verifier {
        fn from_ref(app: &App) -> Self {
            app.verifier.clone()
        }
    }
    async fn receive(
        State(app): State<App>,
        Extension(number): Extension<u8>,
        signed: Signed<Event>,
    ) -> String {
        format!("{} {} {number}", app.greeting, signed.event.name)
    }
    let state = App {
        verifier: verifier(),
        greeting: "Hello",
    };
    let app = Router::new()
        .route("/", post(receive))
        .layer(VerifyLayer::new(verifier()))
        .layer(Extension(7_u8))
        .with_state(state);
    let response = answer(&app, &sender().request("msg_1", NOW, BODY)).await;
    assert_eq!(text(response).await, "Hello Ada 7");
}

#[tokio::test]
async fn the_layers_serve_a_plain_tower_service() {
    let service = tower::service_fn(|request: Request<Full<bytes::Bytes>>| async move {
        let verified = request.extensions().get::<Verified>().unwrap();
        Ok::<_, Infallible>(Response::new(Full::new(verified.id.clone().into())))
    });
    let service = VerifyLayer::new(verifier()).layer(service);
    let signed = sender().request("msg_1", NOW, BODY);
    let response = service.oneshot(request(&signed)).await.unwrap();
    let body: Full<bytes::Bytes> = response.into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "msg_1");
}

/// An app that counts its runs, answers in turn what it is given, and panics at 0.
fn once(store: &Arc<MemoryStore>, answers: &[u16]) -> (Router, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let answers = Arc::new(Mutex::new(answers.to_vec()));
    let handler = move || async move {
        counter.fetch_add(1, Ordering::SeqCst);
        let next = answers.lock().unwrap().remove(0);
        assert!(next != 0, "a handler that crashes");
        StatusCode::from_u16(next).unwrap().into_response()
    };
    let app = Router::new()
        .route("/", post(handler))
        .layer(OnceLayer::shared(Arc::clone(store)))
        .layer(VerifyLayer::new(verifier()));
    (app, runs)
}

#[tokio::test]
async fn what_was_handled_is_answered_200_without_the_handler() {
    let (app, runs) = once(&Arc::new(MemoryStore::new(10)), &[204, 204]);
    let one = sender().request("msg_1", NOW, BODY);
    assert_eq!(answer(&app, &one).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer(&app, &one).await.status(), StatusCode::OK);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let two = sender().request("msg_2", NOW, BODY);
    assert_eq!(answer(&app, &two).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_handler_that_fails_or_crashes_lets_the_retry_in() {
    let (app, runs) = once(&Arc::new(MemoryStore::new(10)), &[500, 0, 302, 200]);
    let one = sender().request("msg_1", NOW, BODY);
    assert_eq!(answer(&app, &one).await.status(), 500);
    let crash = tokio::spawn({
        let (app, one) = (app.clone(), one.clone());
        async move { answer(&app, &one).await }
    });
    assert!(crash.await.unwrap_err().is_panic(), "the panic goes on");
    assert_eq!(answer(&app, &one).await.status(), 302);
    assert_eq!(answer(&app, &one).await.status(), 200);
    assert_eq!(answer(&app, &one).await.status(), 200);
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_is_in_hand_is_a_conflict_that_says_when_to_come_back() {
    let store = Arc::new(MemoryStore::new(10));
    let (app, runs) = once(&store, &[]);
    let Ok(Claim::Fresh(_lease)) = store.claim("msg_1").await else {
        panic!("the first claim is fresh");
    };
    let response = answer(&app, &sender().request("msg_1", NOW, BODY)).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_store_that_cannot_answer_makes_the_sender_come_again() {
    let store = Arc::new(MemoryStore::new(1));
    let (app, _) = once(&store, &[]);
    let Ok(Claim::Fresh(_lease)) = store.claim("other").await else {
        panic!("the first claim is fresh");
    };
    let response = answer(&app, &sender().request("msg_1", NOW, BODY)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_the_verifying_layer_nothing_is_run() {
    let store = Arc::new(MemoryStore::new(10));
    let app = Router::new()
        .route("/", post(|| async {}))
        .layer(OnceLayer::shared(store));
    let response = answer(&app, &sender().request("msg_1", NOW, BODY)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
