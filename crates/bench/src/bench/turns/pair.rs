//! A pair: both servers fresh and up at once, loaded in turns of a second or so, ABBA, so that
//! whatever the machine does in the meantime it does to both.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::super::board::Board;
use super::super::cpu::Meter;
use super::super::database::{self, Database};
use super::super::sink::Sink;
use super::cost::Cost;
use super::report::Build;
use super::side::{Ground, Side};
use super::{Engine, Options};

/// Statistics are rolled up a second after what they count: that belongs to the messages too.
const AFTERWARDS: Duration = Duration::from_millis(1_500);
/// Which one is loaded, turn by turn; pairs with an even number begin with the other one.
const TURNS: [usize; 4] = [0, 1, 1, 0];
const NAMES: [&str; 2] = ["old", "new"];

/// What one binary used in its turns of a pair.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Share {
    /// CPU-seconds of server and database.
    pub(super) cost: Cost,
    pub(super) messages: u64,
    /// From first publish to last receipt, all turns together.
    pub(super) seconds: f64,
}

impl Share {
    pub(super) fn cpu_per_thousand(&self) -> f64 {
        self.per_thousand(self.cost.whole())
    }

    /// So many seconds of all its messages, as seconds of a thousand.
    pub(super) fn per_thousand(&self, seconds: f64) -> f64 {
        seconds * 1000.0 / self.messages.max(1) as f64
    }

    pub(super) fn per_second(&self) -> f64 {
        self.messages as f64 / self.seconds.max(1e-9)
    }
}

/// What one pair showed.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Pair {
    pub(super) old: Share,
    pub(super) new: Share,
    /// Part of the machine that none of the two, their database and the driver used.
    pub(super) others_percent: f64,
    pub(super) faults: Vec<String>,
}

impl Pair {
    pub(super) fn ratio(&self) -> f64 {
        self.new.cpu_per_thousand() / self.old.cpu_per_thousand().max(1e-12)
    }

    /// Measures pair `number`, and says what database it was.
    pub(super) async fn measure(
        number: u32,
        engine: Engine,
        target: &Path,
        builds: &[Build; 2],
        options: &Options,
    ) -> io::Result<(Self, String)> {
        let grounds = [
            ground(0, engine, target, builds, options).await?,
            ground(1, engine, target, builds, options).await?,
        ];
        let description = grounds[0].database.description.clone();
        let measured = on_grounds(number, &grounds, options).await;
        for ground in grounds {
            ground.database.remove().await?;
            std::fs::remove_dir_all(&ground.folder)?;
        }
        Ok((measured?, description))
    }
}

async fn ground(
    which: usize,
    engine: Engine,
    target: &Path,
    builds: &[Build; 2],
    options: &Options,
) -> io::Result<Ground> {
    let name = NAMES[which];
    let folder = database::folder(target, name)?;
    let database = match engine {
        Engine::Sqlite => Database::sqlite(&folder).await?,
        Engine::Postgres => Database::postgres(options.postgres_url.as_deref()).await?,
    };
    Ok(Ground {
        name,
        binary: builds[which].path.clone(),
        folder,
        database,
    })
}

async fn on_grounds(number: u32, grounds: &[Ground; 2], options: &Options) -> io::Result<Pair> {
    let board = Arc::new(Board::new());
    let sink = Sink::answering(Arc::clone(&board)).await?;
    let publishers = usize::from(options.publishers);
    let (old, new) = tokio::try_join!(
        Side::start(&grounds[0], sink.address, publishers),
        Side::start(&grounds[1], sink.address, publishers),
    )?;
    let mut sides = [old, new];
    let pair = in_turns(number, grounds, &mut sides, &board, options.messages).await?;
    let [old, new] = sides;
    tokio::try_join!(old.stop(), new.stop())?;
    Ok(pair)
}

async fn in_turns(
    number: u32,
    grounds: &[Ground; 2],
    sides: &mut [Side; 2],
    board: &Arc<Board>,
    messages: u64,
) -> io::Result<Pair> {
    let swap = usize::from(number.is_multiple_of(2));
    // Pages, plans and connections are warm before anything counts.
    for which in [swap, 1 - swap] {
        sides[which].turn(board, messages).await?;
    }
    // None is due while it is measured, and both begin right behind one.
    grounds[0].database.checkpoint().await?;
    let meter = Meter::new(None, None);
    let begun = meter.read()?;
    let before = [sides[0].account.own()?, sides[1].account.own()?];
    let mut shares = [Share {
        cost: Cost::default(),
        messages: 0,
        seconds: 0.0,
    }; 2];
    for turn in TURNS {
        let which = turn ^ swap;
        let earlier = sides[which].account.shared()?;
        shares[which].seconds += sides[which].turn(board, messages).await?;
        shares[which].messages += messages;
        shares[which].cost.database += sides[which].account.shared()? - earlier;
    }
    sleep(AFTERWARDS).await;
    for (which, share) in shares.iter_mut().enumerate() {
        let own = sides[which].account.own()?.since(before[which]);
        share.cost.server += own.server;
        share.cost.database += own.database;
    }
    let spent = meter.since(&begun)?;
    let ours = shares.iter().map(|share| share.cost.whole()).sum();
    let [old, new] = shares;
    Ok(Pair {
        old,
        new,
        others_percent: spent.others_beyond(ours),
        faults: board.faults(),
    })
}
