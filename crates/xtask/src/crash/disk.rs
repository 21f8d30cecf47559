//! SQLite's disk is really full, again and again, whatever the server is at: it goes on by
//! itself within seconds of there being room.

use std::io;
use std::time::Duration;

use postrider_testkit::SmallDisk;
use tokio::time::sleep;

use super::Context;
use super::going::Going;
use super::record::Record;
use super::tally::draw;
use super::world::World;

/// For all that is stored in the rounds.
const MIB_PER_ROUND: u64 = 40;
/// How long all is well before each time, and how long the disk is full at least, and how much
/// longer at most, in milliseconds.
const WELL: u64 = 1_500;
const FULL: (u64, u64) = (1_000, 4_000);
/// The most that is left, in KiB: what fits in there goes through, and what does not meets the
/// end.
const LEFT: u64 = 256;
const SETTLING: Duration = Duration::from_mins(3);

/// What is made to happen while the disk is full, beside publishes, outcomes, claims and
/// roll-ups, which always do.
#[derive(Clone, Copy, Debug)]
enum Busy {
    Usual,
    /// A breaker opens, and gives back what waits.
    Release,
    /// A wide fan-out is unfolded.
    FanOut,
    /// A background task goes on.
    Replay,
    /// The application is changed.
    Change,
}

const KINDS: [Busy; 5] = [
    Busy::Release,
    Busy::FanOut,
    Busy::Replay,
    Busy::Change,
    Busy::Usual,
];

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let mib = 256 + context.rounds * MIB_PER_ROUND;
    let Some(disk) = SmallDisk::new(u32::try_from(mib).unwrap_or(u32::MAX)).await else {
        return Err(io::Error::other("no file system can be mounted here"));
    };
    let settings = [("POSTRIDER_MIN_FREE_DISK_MIB", "0")];
    let (mut world, server) = World::on_disk(&disk, context, &settings).await?;
    world.widen(server.address).await?;
    let ledger = world.publish();
    let mut going = Going::default();
    for round in 0..context.rounds {
        let kind = KINDS[(round % KINDS.len() as u64) as usize];
        sleep(Duration::from_millis(WELL)).await;
        world.tally.set_down(matches!(kind, Busy::Release));
        let left = draw(&(context.seed, "left", round)) % LEFT;
        disk.fill(left as usize);
        match kind {
            Busy::Usual | Busy::Release => {}
            Busy::FanOut => world.fan_out(),
            Busy::Replay => world.replay(server.address),
            Busy::Change => world.rename(server.address),
        }
        let full = FULL.0 + draw(&(context.seed, "full", round)) % FULL.1;
        sleep(Duration::from_millis(full)).await;
        world.tally.set_down(false);
        disk.free();
        going
            .on_again(&world, &format!("round {round}, {kind:?}"))
            .await;
        eprintln!(
            "round {} of {}, {kind:?}: {} acknowledged, {} delivered, again within {:.2} s at most",
            round + 1,
            context.rounds,
            world.books.count(),
            world.tally.delivered(),
            going.longest()
        );
    }
    ledger.close().await?;
    world.settle(SETTLING).await;
    let (mut record, _) = world.close(context, "disk", context.rounds);
    going.tell(&mut record);
    record.figure("refused or unanswered", world.books.refused().to_string());
    record.must_not_be_twice();
    record.must_stop(server.stop().await?);
    Ok(record)
}
