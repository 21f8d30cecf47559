//! Machines whose clocks are wrong.

use std::path::PathBuf;

use postrider_domain::Timestamp;
use postrider_testkit::{Engine, Receiver, Server, run, unix_seconds};
use postrider_tests::{Ledger, nothing_is_owed};
use postrider_verify::SigningKey;

/// The library that shifts the clocks of a process.
fn libfaketime() -> String {
    let folders = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let below = folders.map(|entry| entry.path().join("faketime"));
    let places: Vec<PathBuf> = below
        .chain(["/usr/lib64/faketime".into(), "/usr/lib/faketime".into()])
        .map(|folder| folder.join("libfaketimeMT.so.1"))
        .collect();
    let found = places.iter().find(|place| place.is_file());
    let found =
        found.expect("this test needs libfaketime (on Debian: apt-get install libfaketime)");
    found.display().to_string()
}

#[test]
fn a_node_whose_clock_is_ten_minutes_ahead_takes_and_delivers_like_the_others() {
    run(async {
        let key = SigningKey::generate_hmac([7; 32]);
        let receiver = Receiver::start().await;
        let right = Server::start(Engine::Postgres).await;
        let ahead = right
            .second()
            .environment("LD_PRELOAD", &libfaketime())
            .environment("FAKETIME", "+10m")
            .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start()
            .await;
        let app = right.client().app().await;
        let draft = app
            .endpoint(&receiver.url())
            .secret(&key.to_secret_string());
        let endpoint = draft.create().await;
        let ledger = Ledger::open(&[app.clone(), app.through(&ahead.client())], 4);
        ledger.goes_on().await;
        ledger.goes_on().await;
        ledger.close().await.arrived(&receiver, 1).await;
        nothing_is_owed(&right).await;
        let requests = receiver.requests();
        assert_eq!(requests.len(), receiver.message_ids().len(), "none twice");
        for request in &requests {
            // The check bears five minutes between the sender's clock and ours.
            request
                .verify(&key.verifying_string())
                .expect("signed at the right time");
        }
        let soon = Timestamp::from_seconds(unix_seconds().cast_signed() + 60);
        for attempt in endpoint.attempts().await {
            let at: Timestamp =
                serde_json::from_value(attempt["timestamp"].clone()).expect("a time");
            assert!(at < soon, "{attempt}");
        }
    });
}
