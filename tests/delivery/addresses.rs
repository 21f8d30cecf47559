//! No request reaches an address that the operator did not allow.

use postrider_testkit::{Receiver, Server, on_both_engines};

/// Ways to write addresses that are not public: loopback, private, link-local, metadata
/// services, and IPv4 inside IPv6.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "224.0.0.1",
    "255.255.255.255",
];

on_both_engines! {
    async fn nothing_that_is_not_public_is_reached_unless_allowed(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::on(engine)
            .unset("ALLOW_SUBNETS")
            .set("RETRY_SCHEDULE", "")
            .start()
            .await;
        let app = server.client().app().await;
        for host in HOSTS {
            let url = format!("http://{host}:{}/hook", receiver.address().port());
            let reply = app.endpoint(&url).try_create().await;
            if reply.status == 422 {
                continue;
            }
            let endpoint = reply.field("id");
            let id = app.publish("a.b", "{}").accepted().await;
            let attempts = app
                .attempts_until(&id, &format!("the attempt to reach {host}"), |all| {
                    all.iter().any(|one| one["endpointId"] == endpoint.as_str())
                })
                .await;
            let own = attempts.iter().find(|one| one["endpointId"] == endpoint.as_str());
            assert_eq!(own.unwrap()["failure"], "refused_address", "{host}: {own:?}");
            let path = app.path(&format!("/endpoint/{endpoint}"));
            app.client().delete(&path).await.expect(204);
        }
        assert_eq!(receiver.count(), 0);
    }

    async fn an_allowed_range_is_reached_and_its_neighbours_are_not(engine: Engine) {
        let receiver = Receiver::start().await;
        let server = Server::on(engine)
            .set("ALLOW_SUBNETS", "127.0.0.1/32")
            .set("RETRY_SCHEDULE", "")
            .start()
            .await;
        let app = server.client().app().await;
        let neighbour = format!("http://127.0.0.2:{}/", receiver.address().port());
        app.endpoint(&neighbour).create().await;
        app.endpoint(&receiver.url()).create().await;
        let id = app.publish("a.b", "{}").accepted().await;
        let attempts = app.attempts_reach(&id, 2).await;
        let refused = attempts.iter().find(|one| one["url"] == neighbour.as_str());
        assert_eq!(refused.unwrap()["failure"], "refused_address");
        assert_eq!(receiver.received(1).await.len(), 1);
    }

    async fn no_proxy_of_the_environment_is_used(engine: Engine) {
        let proxy = Receiver::start().await;
        let receiver = Receiver::start().await;
        let server = Server::on(engine)
            .environment("HTTP_PROXY", &proxy.url_of(""))
            .environment("http_proxy", &proxy.url_of(""))
            .environment("ALL_PROXY", &proxy.url_of(""))
            .start()
            .await;
        let app = server.client().app().await;
        app.endpoint(&receiver.url()).create().await;
        app.publish("a.b", "{}").accepted().await;
        receiver.received(1).await;
        assert_eq!(proxy.count(), 0);
    }
}
