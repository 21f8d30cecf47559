//! A node that stands still for longer than its lease, under steady traffic.

use postrider_testkit::{Engine, Receiver, Server, run};
use postrider_tests::{Ledger, nothing_is_owed};

#[test]
fn a_node_that_stood_still_beyond_its_lease_loses_nothing_and_works_again() {
    run(async {
        let receiver = Receiver::start().await;
        let node = Server::on(Engine::Postgres)
            .set("REQUEST_TIMEOUT", "5")
            .set("NODE_LEASE", "10");
        let one = node.start().await;
        let two = one.second().start().await;
        let app = one.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        let ledger = Ledger::open(&[app.clone(), app.through(&two.client())], 4);
        ledger.goes_on().await;
        one.signal("STOP").await;
        two.logged("took over the deliveries of a node that is gone")
            .await;
        ledger.goes_on().await;
        one.signal("CONT").await;
        one.logged("this node was given up by the others").await;
        ledger.goes_on().await;
        ledger.close().await.arrived(&receiver, 1).await;
        let before = receiver.count();
        app.publish("a.b", "{}").accepted().await;
        receiver.received(before + 1).await;
        nothing_is_owed(&one).await;
    });
}
