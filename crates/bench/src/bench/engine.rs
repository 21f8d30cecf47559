//! Everything that is measured on one engine: a server of its own, full load, a steady pace,
//! and the same pace beside an endpoint that hangs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::board::Board;
use super::cpu::{self, Meter};
use super::driver::{Publishers, Target};
use super::measure::{Measured, measure, undisturbed};
use super::server::Server;
use super::sink::Sink;
use super::template::Template;

/// Runs of each kind, of which the report gives the median.
const RUNS: usize = 3;
/// Messages per second of the steady pace.
pub(super) const RATE: u32 = 200;
/// Seconds after which a request to the hanging endpoint has failed.
const DEADLINE: u32 = 5;
/// The hanging endpoint is under way for longer than its deadline before the healthy one is
/// measured: its time-outs and retries belong to the picture.
const HEAD_START: Duration = Duration::from_secs(6);
/// For what is left of the run before.
const PAUSE: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) messages: u64,
    pub(super) publishers: usize,
    /// Seconds of each paced run.
    pub(super) paced_seconds: u32,
    pub(super) hang: bool,
}

/// What one engine showed.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct EngineFigures {
    pub(super) engine: &'static str,
    pub(super) database: String,
    pub(super) full: Vec<Measured>,
    pub(super) paced: Vec<Measured>,
    pub(super) beside_hanging: Vec<Measured>,
    /// After the full load.
    pub(super) rss_mib: f64,
    /// The most at any time, the hanging endpoint's backlog included.
    pub(super) peak_rss_mib: f64,
}

/// A server with an application whose endpoint is the sink.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    engine: &'static str,
    server: &'a Server,
    board: &'a Arc<Board>,
    meter: Meter,
    target: Target,
}

impl<'a> Bench<'a> {
    pub(super) async fn prepare(
        engine: &'static str,
        server: &'a Server,
        postmaster: Option<u32>,
        board: &'a Arc<Board>,
        sink: SocketAddr,
    ) -> io::Result<Self> {
        let mut api = server.api().await?;
        let app = api.application("bench").await?;
        api.endpoint(&app, sink, None).await?;
        Ok(Self {
            engine,
            server,
            board,
            meter: Meter::new(Some(server.pid), postmaster),
            target: target(server, &app)?,
        })
    }

    /// Measures all of it.
    pub(super) async fn run(&self, extent: Extent, database: &str) -> io::Result<EngineFigures> {
        let warm_up = extent.messages / 10;
        self.full_load("warm-up", warm_up, extent.publishers)
            .await?;
        let mut full = Vec::new();
        for number in 1..=RUNS {
            let name = format!("{} full load {number}", self.engine);
            let load = async |name: &str| {
                self.full_load(name, extent.messages, extent.publishers)
                    .await
            };
            full.push(undisturbed(&name, load).await?);
        }
        let (rss_mib, _) = cpu::memory(self.server.pid)?;
        let mut paced = Vec::new();
        let mut beside_hanging = Vec::new();
        for number in 1..=RUNS {
            let name = format!("{} at {RATE}/s {number}", self.engine);
            let load = async |name: &str| self.paced(name, extent.paced_seconds).await;
            paced.push(undisturbed(&name, load).await?);
            if extent.hang {
                let name = format!("{} beside a hanging endpoint {number}", self.engine);
                let load = async |name: &str| self.beside(name, extent.paced_seconds).await;
                beside_hanging.push(undisturbed(&name, load).await?);
            }
        }
        let (_, peak_rss_mib) = cpu::memory(self.server.pid)?;
        Ok(EngineFigures {
            engine: self.engine,
            database: database.to_owned(),
            full,
            paced,
            beside_hanging,
            rss_mib,
            peak_rss_mib,
        })
    }

    async fn full_load(
        &self,
        name: &str,
        messages: u64,
        publishers: usize,
    ) -> io::Result<Measured> {
        full_load(
            &self.target,
            self.board,
            &self.meter,
            name,
            messages,
            publishers,
        )
        .await
    }

    async fn paced(&self, name: &str, seconds: u32) -> io::Result<Measured> {
        sleep(PAUSE).await;
        let run = self.board.run(name, u64::from(seconds * RATE));
        let publishers = Publishers::connect_few(&self.target).await?;
        let load = publishers.paced(&run, self.board.clock, interval());
        measure(&self.meter, &run, load).await
    }

    /// The steady pace, while another application with an endpoint that never answers is
    /// published to at the same rate.
    async fn beside(&self, name: &str, seconds: u32) -> io::Result<Measured> {
        let hole = Sink::hanging().await?;
        let mut api = self.server.api().await?;
        let app = api.application("hanging").await?;
        api.endpoint(&app, hole.address, Some(DEADLINE)).await?;

        // Until the healthy one's end, its pause and its slower start included.
        let whole = HEAD_START + PAUSE + Duration::from_secs(u64::from(seconds) + 1);
        let size = whole.as_secs() * u64::from(RATE);
        let run = self
            .board
            .run_unreceived(&format!("{name} (the hanging one)"), size);
        let publishers = Publishers::connect_few(&target(self.server, &app)?).await?;
        let clock = self.board.clock;
        let other = tokio::spawn(async move { publishers.paced(&run, clock, interval()).await });
        sleep(HEAD_START).await;
        let measured = self.paced(name, seconds).await?;
        other.await.map_err(io::Error::other)??;

        // By a connection of its own: the server has closed the first, which was idle.
        self.server.api().await?.delete(&app).await?;
        Ok(measured)
    }
}

/// Publishes `messages` as fast as the answers come.
pub(super) async fn full_load(
    target: &Target,
    board: &Arc<Board>,
    meter: &Meter,
    name: &str,
    messages: u64,
    publishers: usize,
) -> io::Result<Measured> {
    let run = board.run(name, messages);
    let mut publishers = Publishers::connect(target, publishers).await?;
    measure(meter, &run, publishers.flat_out(&run, board.clock)).await
}

/// Where messages of the application `app` are published.
pub(super) fn target(server: &Server, app: &str) -> io::Result<Target> {
    Ok(Target {
        address: server.address,
        template: Template::new(&server.address.to_string(), app, &server.key)?,
    })
}

fn interval() -> Duration {
    Duration::from_secs(1) / RATE
}
