//! The main operations by the client from crates.io, in an order in which they can be run.

use svix::api::{
    ApplicationListOptions, BackgroundTaskListOptions, MessageCreateOptions, MessageListOptions,
    Svix, SvixOptions,
};
use svix::models::{
    ApplicationIn, EndpointIn, EndpointPatch, EndpointSecretRotateIn, EventTypeIn, MessageIn,
    RecoverIn,
};

/// Runs them all: `url` and `key` say where and as whom.
pub async fn run(url: String, key: String) -> Result<(), svix::error::Error> {
    let options = SvixOptions {
        server_url: Some(url),
        ..SvixOptions::default()
    };
    let svix = Svix::new(key, Some(options));
    let acme = || "acme-rs".to_owned();

    // --- v1.application.create
    let new = ApplicationIn {
        uid: Some(acme()),
        ..ApplicationIn::new("Acme Inc.".to_owned())
    };
    let app = svix.application().create(new, None).await?;

    // --- v1.application.list
    let page = ApplicationListOptions {
        limit: Some(20),
        ..Default::default()
    };
    let apps = svix.application().list(Some(page)).await?;

    // --- v1.event-type.create
    let paid = || "invoice.paid.rs".to_owned();
    let new = EventTypeIn::new(paid(), "An invoice was paid in full".to_owned());
    svix.event_type().create(new, None).await?;

    // --- v1.endpoint.create
    let new = EndpointIn {
        event_types: Some([paid()].into()),
        ..EndpointIn::new("https://example.com/webhooks".to_owned())
    };
    let endpoint = svix.endpoint().create(acme(), new, None).await?.id;

    // --- v1.endpoint.get-secret
    let secret = svix.endpoint().get_secret(acme(), endpoint.clone()).await?;

    // --- v1.message.create
    let payload = serde_json::json!({"invoice": "in_1", "amount": 4200});
    let once = MessageCreateOptions {
        idempotency_key: Some("invoice-1-paid-rs".to_owned()),
        ..Default::default()
    };
    let new = MessageIn::new(paid(), payload);
    let message = svix.message().create(acme(), new, Some(once)).await?.id;

    // --- v1.message.list
    let filter = MessageListOptions {
        event_types: Some([paid()].into()),
        limit: Some(20),
        ..Default::default()
    };
    let messages = svix.message().list(acme(), Some(filter)).await?;

    // --- v1.message-attempt.list-by-msg
    let attempts = svix.message_attempt();
    let listed = attempts.list_by_msg(acme(), message.clone(), None).await?;

    // --- v1.message-attempt.resend
    attempts
        .resend(acme(), message, endpoint.clone(), None)
        .await?;

    // --- v1.endpoint.rotate-secret
    let grace = EndpointSecretRotateIn {
        grace_period_seconds: Some(86_400),
        ..Default::default()
    };
    svix.endpoint()
        .rotate_secret(acme(), endpoint.clone(), grace, None)
        .await?;

    // --- v1.endpoint.recover
    let since = RecoverIn::new(chrono::Utc::now() - chrono::Duration::days(1));
    let task = svix
        .endpoint()
        .recover(acme(), endpoint.clone(), since, None)
        .await?;

    // --- v1.background-task.list
    let page = BackgroundTaskListOptions {
        limit: Some(20),
        ..Default::default()
    };
    let tasks = svix.background_task().list(Some(page)).await?;

    // --- v1.endpoint.patch
    let off = EndpointPatch {
        disabled: Some(true),
        ..Default::default()
    };
    svix.endpoint().patch(acme(), endpoint, off).await?;

    // --- v1.application.delete
    svix.application().delete(app.id).await?;
    // ---

    println!("{} {}", apps.data.len(), secret.key.len());
    println!("{} {}", messages.data.len(), listed.done);
    println!("{} {}", task.id, tasks.done);
    Ok(())
}
