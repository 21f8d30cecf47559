//! `kill -9` at any moment loses nothing that was acknowledged.

use std::collections::{HashMap, HashSet};

use postrider_testkit::{Receiver, Request, Server, on_both_engines};
use postrider_tests::Load;

const MESSAGES: usize = 20_000;
const KILLS: u32 = 20;
/// Both publishers and sends in flight are fewer than this.
const IN_FLIGHT: usize = 300;

/// After how many answers to kill: spread over the load, otherwise at random.
fn instants() -> Vec<usize> {
    let step = MESSAGES as u32 / (KILLS + 1);
    (0..KILLS)
        .map(|n| (n * step + random(step)) as usize + 1)
        .collect()
}

fn random(below: u32) -> u32 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(()) % u64::from(below)) as u32
}

on_both_engines! {
    async fn whole_machine_twenty_kills_lose_nothing_that_was_acknowledged(engine: Engine) {
        let receiver = Receiver::start().await;
        let mut server = Server::on(engine)
            .set("REQUEST_TIMEOUT", "5")
            .set("NODE_LEASE", "10")
            .set("LOG", "warn")
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let instants = instants();
        eprintln!("killing after {instants:?}");
        let load = Load::start(&[app], MESSAGES, 32);
        for instant in instants {
            load.answered_reach(instant).await;
            server.kill9().await;
            server.restart().await;
        }
        let acknowledged = load.finished().await;
        assert_eq!(acknowledged.len(), MESSAGES, "one id for each message");
        let arrived = receiver
            .received_until("every acknowledged message", |all| {
                // Comparing sets at each arrival would take longer than the load.
                all.len() >= MESSAGES
                    && all.iter().map(Request::message_id).collect::<HashSet<_>>().len() >= MESSAGES
            })
            .await;
        let mut ids_of: HashMap<&str, HashSet<&str>> = HashMap::new();
        for request in &arrived {
            ids_of.entry(request.text()).or_default().insert(request.message_id());
        }
        assert_eq!(ids_of.len(), MESSAGES);
        let twice: Vec<_> = ids_of.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "one event under several ids: {twice:?}");
        let seen: HashSet<&str> = arrived.iter().map(Request::message_id).collect();
        let missing: Vec<_> = acknowledged.iter().filter(|id| !seen.contains(id.as_str())).collect();
        assert!(missing.is_empty(), "acknowledged and never arrived: {missing:?}");
        let again = arrived.len() - MESSAGES;
        eprintln!("{again} duplicates after {KILLS} kills");
        assert!(again < KILLS as usize * IN_FLIGHT, "{again} duplicates");
    }
}
