//! PostgreSQL is killed, stopped at once, has its back-ends ended, refuses connections: the
//! server goes on by itself.

use std::io;
use std::time::Duration;

use postrider_testkit::{PostgresServer, Stop, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::going::Going;
use super::record::Record;
use super::tally::draw;
use super::world::World;

/// How long all is well before each blow, and how long the database is away at most, in ms.
const WELL: u64 = 1_000;
const AWAY: u64 = 3_000;
const SETTLING: Duration = Duration::from_mins(3);

/// What happens to the database in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Immediate,
    Terminate,
    Refuse,
}

const BLOWS: [Blow; 4] = [Blow::Kill, Blow::Immediate, Blow::Terminate, Blow::Refuse];

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let postgres = PostgresServer::start_with(&["fsync=on"]).await;
    let (world, server) = World::on(TestDatabase::on(&postgres), context, &[]).await?;
    let ledger = world.publish();
    let mut going = Going::default();
    for round in 0..context.rounds {
        sleep(Duration::from_millis(WELL)).await;
        let blow = BLOWS[(round % BLOWS.len() as u64) as usize];
        let away = Duration::from_millis(draw(&(context.seed, "away", round)) % AWAY);
        strike(&postgres, blow, away).await;
        going
            .on_again(&world, &format!("round {round}, {blow:?}"))
            .await;
        if (round + 1) % 10 == 0 {
            eprintln!(
                "{} of {} rounds, {} acknowledged, {} delivered, again within {:.2} s at most",
                round + 1,
                context.rounds,
                world.books.count(),
                world.tally.delivered(),
                going.longest()
            );
        }
    }
    ledger.close().await?;
    world.settle(SETTLING).await;
    let (mut record, _) = world.close(context, "database", context.rounds);
    going.tell(&mut record);
    record.figure("refused or unanswered", world.books.refused().to_string());
    record.must_not_be_twice();
    record.must_stop(server.stop().await?);
    Ok(record)
}

async fn strike(postgres: &PostgresServer, blow: Blow, away: Duration) {
    match blow {
        Blow::Kill | Blow::Immediate => {
            let how = if blow == Blow::Kill {
                Stop::Kill
            } else {
                Stop::Immediate
            };
            postgres.stop(how).await;
            sleep(away).await;
            postgres.start().await;
        }
        Blow::Terminate => {
            postgres.terminate().await;
        }
        Blow::Refuse => {
            postgres.limit_connections(0).await;
            postgres.terminate().await;
            sleep(away).await;
            postgres.limit_connections(-1).await;
        }
    }
}
