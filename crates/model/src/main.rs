//! `cargo run --release -p postrider-model -- 3 3` checks the protocol beyond what the tests have
//! time for.

use std::process::ExitCode;

use postrider_model::{Budget, MOST, Protocol, Rules};
use stateright::report::WriteReporter;
use stateright::{Checker, HasDiscoveries, Model};

const USAGE: &str = "\
postrider-model NODES DELIVERIES [FAULT=COUNT]...

Checks every state of so many nodes and deliveries (3 at most), with so many faults at most.
FAULT is crashes (1 unless said otherwise), freezes (1), failovers (1), lapses (0); or
failures (0) and releases (0), which are none. Prints states, depth and time, and the
shortest way to whatever does not hold.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(protocol) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} nodes, {} deliveries, {:?}",
        protocol.nodes, protocol.deliveries, protocol.budget
    );
    let checker = protocol
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .report(&mut WriteReporter::new(&mut std::io::stdout()));
    let mut properties = checker.model().properties().into_iter();
    let broken = properties.any(|property| {
        property.expectation.discovery_is_failure() == checker.discovery(property.name).is_some()
    });
    if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn parse(arguments: &[String]) -> Option<Protocol> {
    let (nodes, deliveries) = match arguments {
        [] => (2, 2),
        [nodes, deliveries, ..] => (nodes.parse().ok()?, deliveries.parse().ok()?),
        [_] => return None,
    };
    let mut budget = Budget {
        crashes: 1,
        freezes: 1,
        failovers: 1,
        ..Budget::default()
    };
    for argument in arguments.iter().skip(2) {
        let (fault, count) = argument.split_once('=')?;
        let count = count.parse().ok()?;
        match fault {
            "crashes" => budget.crashes = count,
            "freezes" => budget.freezes = count,
            "failovers" => budget.failovers = count,
            "lapses" => budget.lapses = count,
            "failures" => budget.failures = count,
            "releases" => budget.releases = count,
            _ => return None,
        }
    }
    let within = |count: u8| count > 0 && usize::from(count) <= MOST;
    (within(nodes) && within(deliveries))
        .then(|| Protocol::new(nodes, deliveries, budget, Rules::TODAY))
}
