//! The publishers: as many at once as asked for, each waiting for its answer, or few at a
//! steady pace.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::board::Run;
use super::clock::{self, Clock};
use super::connection::Connection;
use super::template::Template;

/// Connections of a paced load: with this many a slow answer does not hold up the next one.
const PACED_CONNECTIONS: usize = 32;

/// A message sent later than this after its turn counts from its turn: else whatever stalls
/// both publisher and server would be left out of the figures.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Where publishers post to, and what.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) template: Template,
}

/// Publishers that are connected and have not begun.
#[derive(Debug)]
pub(super) struct Publishers {
    connections: Vec<Connection>,
    template: Template,
}

impl Publishers {
    /// Opens `count` connections.
    pub(super) async fn connect(target: &Target, count: usize) -> io::Result<Self> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Connection::open(target.address).await?);
        }
        Ok(Self {
            connections,
            template: target.template.clone(),
        })
    }

    /// Enough connections for [`Self::paced`].
    pub(super) async fn connect_few(target: &Target) -> io::Result<Self> {
        Self::connect(target, PACED_CONNECTIONS).await
    }

    /// Publishes the whole run as fast as the answers come, and stays connected.
    pub(super) async fn flat_out(&mut self, run: &Arc<Run>, clock: Clock) -> io::Result<()> {
        let mut tasks = JoinSet::new();
        for connection in self.connections.drain(..) {
            let template = self.template.clone();
            tasks.spawn(repeat(connection, template, Arc::clone(run), clock));
        }
        while let Some(done) = tasks.join_next().await {
            self.connections.push(done.map_err(io::Error::other)??);
        }
        Ok(())
    }

    /// Publishes the whole run, one message every `interval`.
    pub(super) async fn paced(
        self,
        run: &Arc<Run>,
        clock: Clock,
        interval: Duration,
    ) -> io::Result<()> {
        let start = clock::now() + interval * 10;
        let step = self.connections.len();
        let mut tasks = JoinSet::new();
        for (first, connection) in self.connections.into_iter().enumerate() {
            let pace = Pace {
                start,
                interval,
                first,
                step,
            };
            let template = self.template.clone();
            tasks.spawn(in_turn(connection, template, Arc::clone(run), clock, pace));
        }
        join(tasks).await
    }
}

/// Which messages of a paced run a connection sends, and when.
#[derive(Clone, Copy, Debug)]
struct Pace {
    start: Instant,
    interval: Duration,
    first: usize,
    step: usize,
}

impl Pace {
    fn turn(&self, index: u64) -> Instant {
        self.start + self.interval * u32::try_from(index).unwrap_or(u32::MAX)
    }
}

async fn join(mut tasks: JoinSet<io::Result<()>>) -> io::Result<()> {
    while let Some(done) = tasks.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn repeat(
    mut connection: Connection,
    template: Template,
    run: Arc<Run>,
    clock: Clock,
) -> io::Result<Connection> {
    while let Some(index) = run.take() {
        let request = template.stamp(run.number(index))?;
        run.sent(index, clock.nanos());
        publish(&mut connection, request, &run).await?;
    }
    Ok(connection)
}

async fn in_turn(
    mut connection: Connection,
    template: Template,
    run: Arc<Run>,
    clock: Clock,
    pace: Pace,
) -> io::Result<()> {
    for index in (pace.first as u64..run.size()).step_by(pace.step) {
        let turn = pace.turn(index);
        sleep_until(turn.into()).await;
        let request = template.stamp(run.number(index))?;
        let now = clock::now();
        let late = now.saturating_duration_since(turn) > TOLERANCE;
        run.sent(index, clock.nanos_at(if late { turn } else { now }));
        publish(&mut connection, request, &run).await?;
    }
    Ok(())
}

async fn publish(
    connection: &mut Connection,
    request: Request<Full<Bytes>>,
    run: &Run,
) -> io::Result<()> {
    let answer = connection.exchange(request).await?;
    if !answer.status.is_success() {
        run.refused(answer.status.as_u16(), &answer.body);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::board::Board;
    use super::super::sink::Sink;
    use super::*;

    #[tokio::test]
    async fn everything_posted_to_the_sink_arrives_once() {
        let board = Arc::new(Board::new());
        let sink = Sink::answering(Arc::clone(&board)).await.unwrap();
        let target = Target {
            address: sink.address,
            template: Template::new("127.0.0.1", "app_1", "prk_1").unwrap(),
        };
        let run = board.run("flat out", 500);
        let mut publishers = Publishers::connect(&target, 7).await.unwrap();
        publishers.flat_out(&run, board.clock).await.unwrap();
        run.complete().await;
        let again = board.run("flat out again", 20);
        publishers.flat_out(&again, board.clock).await.unwrap();
        again.complete().await;
        let paced = board.run("paced", 50);
        let publishers = Publishers::connect_few(&target).await.unwrap();
        let interval = Duration::from_micros(100);
        let before = clock::now();
        publishers
            .paced(&paced, board.clock, interval)
            .await
            .unwrap();
        paced.complete().await;
        assert_eq!(board.faults(), Vec::<String>::new());
        assert_eq!(run.latencies().len(), 500);
        // Ten intervals before the first turn, 49 up to the last; nothing goes before its turn.
        assert!(clock::now().saturating_duration_since(before) >= interval * 59);
    }
}
