//! `kill -9` at random and at every fail point, under load.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use postrider_store::FAIL_POINTS;
use postrider_testkit::{Engine, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::process::Process;
use super::record::Record;
use super::tally::{Balance, draw};
use super::world::{World, launch, median};
use crate::bench::clock::{now, seconds};

/// How long a process lives at least before it is killed at random, and how much longer at
/// most, in milliseconds.
const LIFE: (u64, u64) = (300, 1_100);
/// How long a fail point is waited for; a dead node's lease ends in between.
const REACHED: Duration = Duration::from_secs(15);
/// What is passed once a second or more seldom is killed the first or second time.
const SELDOM: &[&str] = &["store::unfolding", "store::replaying", "delivery::roll-up"];
/// What comes with the start or with a breaker that opens, and not again for a while.
const ONCE: &[&str] = &[
    "delivery::retention",
    "delivery::take-over",
    "delivery::release",
];
/// For the last deliveries: leases of dead nodes, and pauses of breakers.
const SETTLING: Duration = Duration::from_mins(3);

/// What the rounds have shown so far.
#[derive(Debug, Default)]
struct Seen {
    /// When each life ended, by the tally's clock.
    kills: Vec<u64>,
    /// Seconds from each start until it was healthy.
    starts: Vec<f64>,
    /// Rounds at each fail point, and those of them that died there.
    points: BTreeMap<&'static str, (u64, u64)>,
}

impl Seen {
    fn at_points(&self) -> u64 {
        self.points.values().map(|point| point.0).sum()
    }

    fn reached(&self) -> u64 {
        self.points.values().map(|point| point.1).sum()
    }

    fn never_reached(&self) -> Vec<&'static str> {
        let points = self.points.iter();
        points
            .filter(|(_, rounds)| rounds.1 == 0)
            .map(|(point, _)| *point)
            .collect()
    }
}

pub(super) async fn run(context: &Context, engine: Engine) -> io::Result<Record> {
    let steps = migrations(context, engine).await?;
    let database = TestDatabase::new(engine).await;
    let (mut world, server) = World::on(database, context, &[]).await?;
    world.widen(server.address).await?;
    let ledger = world.publish();
    let mut seen = Seen::default();
    let mut server = Some(server);
    for round in 0..context.rounds {
        if let Some(point) = point_of(round) {
            // The process that runs was started with nothing armed.
            if let Some(before) = server.take() {
                kill(&world, &mut seen, before).await?;
            }
            at_point(context, &world, &mut seen, round, point).await?;
        } else {
            let one = match server.take() {
                Some(running) => running,
                None => start(&world, &mut seen).await?,
            };
            let life = LIFE.0 + draw(&(context.seed, "life", round)) % LIFE.1;
            sleep(Duration::from_millis(life)).await;
            kill(&world, &mut seen, one).await?;
        }
        if (round + 1) % 10 == 0 {
            eprintln!(
                "{engine:?} {} of {} rounds, {} acknowledged, {} delivered, {} of {} points reached",
                round + 1,
                context.rounds,
                world.books.count(),
                world.tally.delivered(),
                seen.reached(),
                seen.at_points()
            );
        }
    }
    let last = start(&world, &mut seen).await?;
    ledger.close().await?;
    let settled = world.settle(SETTLING).await;
    let (mut record, balance) = world.close(context, "kill", context.rounds);
    record.must_stop(last.stop().await?);
    describe(&mut record, &world, &seen, &balance);
    record.figure("settled s", format!("{settled:.0}"));
    record.figure("migration steps killed", steps.to_string());
    Ok(record)
}

/// Every second round is at a fail point, each in its turn.
fn point_of(round: u64) -> Option<&'static str> {
    let points: Vec<&str> = FAIL_POINTS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.starts_with("store::migration"))
        .collect();
    let turn = usize::try_from(round / 2).ok()? % points.len();
    if round % 2 == 1 {
        points.get(turn).copied()
    } else {
        None
    }
}

async fn start(world: &World, seen: &mut Seen) -> io::Result<Process> {
    let begun = now();
    let server = world.launch.serve().await?;
    seen.starts.push(begun.elapsed().as_secs_f64());
    world.books.doors.open(&[server.address]);
    Ok(server)
}

async fn kill(world: &World, seen: &mut Seen, server: Process) -> io::Result<()> {
    seen.kills.push(world.tally.clock.nanos());
    server.kill().await
}

/// Lets a process run until it dies at `point`, and kills it if it does not get there.
async fn at_point(
    context: &Context,
    world: &World,
    seen: &mut Seen,
    round: u64,
    point: &'static str,
) -> io::Result<()> {
    let is_of = |kind: &[&str]| kind.iter().any(|beginning| point.starts_with(beginning));
    let most = match (is_of(ONCE), is_of(SELDOM)) {
        (true, _) => 1,
        (_, true) => 2,
        _ => 60,
    };
    let passes = draw(&(context.seed, "passes", round)) % most;
    let armed = if passes == 0 {
        format!("{point}=return")
    } else {
        format!("{point}={passes}*off->return")
    };
    world.tally.set_down(point.starts_with("delivery::release"));
    let begun = now();
    let mut reached = true;
    if let Some(mut server) = world.launch.start(Some(&armed)).await? {
        seen.starts.push(begun.elapsed().as_secs_f64());
        world.books.doors.open(&[server.address]);
        provoke(world, point, &server);
        reached = server.ends_within(REACHED).await?;
        if !reached {
            server.kill().await?;
        }
    }
    seen.kills.push(world.tally.clock.nanos());
    world.tally.set_down(false);
    let rounds = seen.points.entry(point).or_default();
    rounds.0 += 1;
    rounds.1 += u64::from(reached);
    Ok(())
}

/// Brings about what passes the rarer points.
fn provoke(world: &World, point: &str, server: &Process) {
    if point.starts_with("store::unfolding") {
        world.fan_out();
    }
    if point.starts_with("store::replaying") {
        world.replay(server.address);
    }
}

/// Kills a process behind each step of the schema, and starts it on what is left: gives how
/// many steps there were.
async fn migrations(context: &Context, engine: Engine) -> io::Result<u64> {
    let mut steps = 0;
    loop {
        let database = TestDatabase::empty(engine).await;
        let launch = launch(&database, context, &[])?;
        let armed = if steps == 0 {
            "store::migration::step=return".to_owned()
        } else {
            format!("store::migration::step={steps}*off->return")
        };
        let mut migrate = launch.command(&["migrate"]);
        let died = !migrate
            .env("FAILPOINTS", armed)
            .output()
            .await?
            .status
            .success();
        let again = launch.command(&["migrate"]).output().await?;
        if !again.status.success() {
            let text = String::from_utf8_lossy(&again.stderr);
            return Err(io::Error::other(format!(
                "killed behind step {steps}: {text}"
            )));
        }
        if !died {
            launch.serve().await?.kill().await?;
            return Ok(steps);
        }
        steps += 1;
    }
}

fn describe(record: &mut Record, world: &World, seen: &Seen, balance: &Balance) {
    let (in_hand, ages) = in_hand(&seen.kills, &balance.twice_from);
    let of_traffic = in_hand
        .iter()
        .map(|count| *count as f64 * 1_000.0 / world.deliveries_per_second());
    record.figure(
        "in hand p50 ms of traffic",
        format!("{:.1}", median(of_traffic.collect())),
    );
    record.figure(
        "most in hand",
        in_hand.iter().max().copied().unwrap_or(0).to_string(),
    );
    record.figure(
        "answered before the kill p50 ms",
        format!("{:.1}", median(ages)),
    );
    let slowest = seen.starts.iter().copied().fold(0.0, f64::max);
    record.figure(
        "start p50 / max s",
        format!("{:.2} / {slowest:.2}", median(seen.starts.clone())),
    );
    record.figure(
        "at fail points",
        format!("{} of {}", seen.reached(), seen.at_points()),
    );
    record.figure("refused or unanswered", world.books.refused().to_string());
    let never = seen.never_reached();
    if !never.is_empty() {
        let text = format!("no round died at {}", never.join(", "));
        record.faults.push(text);
    }
}

/// Of each kill, how many deliveries came again that had been answered before it and after
/// the kill before; and how many milliseconds before it each was answered.
fn in_hand(kills: &[u64], answered: &[u64]) -> (Vec<usize>, Vec<f64>) {
    let mut counts = vec![0; kills.len()];
    let mut ages = Vec::new();
    for at in answered {
        let kill = kills.partition_point(|kill| kill < at);
        if let (Some(count), Some(kill)) = (counts.get_mut(kill), kills.get(kill)) {
            *count += 1;
            ages.push(seconds(kill - at) * 1_000.0);
        }
    }
    (counts, ages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_again_belongs_to_the_first_kill_after_its_answer() {
        let (counts, ages) = in_hand(
            &[10_000_000, 20_000_000],
            &[9_000_000, 15_000_000, 19_000_000, 30_000_000],
        );
        assert_eq!(counts, [1, 2]);
        assert_eq!(ages.len(), 3);
        assert!((ages[0] - 1.0).abs() < 1e-9 && (ages[1] - 5.0).abs() < 1e-9);
    }

    #[test]
    fn every_fail_point_has_its_turn() {
        let rounds = 2 * FAIL_POINTS.len() as u64;
        let met: std::collections::HashSet<_> = (0..rounds).filter_map(point_of).collect();
        assert_eq!(met.len(), FAIL_POINTS.len() - 1);
        assert_eq!(point_of(0), None);
    }
}
