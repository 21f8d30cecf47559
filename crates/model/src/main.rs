//! `cargo run --release -p postrider-model -- 3 3` checks the protocol beyond what the tests have
//! time for.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use postrider_model::{Budget, MOST, Protocol, Rules};
use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, HasDiscoveries, Model};

const USAGE: &str = "\
postrider-model NODES DELIVERIES [FAULT=COUNT]... [seconds=COUNT]

Checks every state of so many nodes and deliveries (3 at most), with so many faults at most,
those first that take the fewest steps; with `seconds`, as many as it comes to in that time.
FAULT is crashes (1 unless said otherwise), freezes (1), failovers (1), lapses (0); or
failures (0) and releases (0), which are none. Prints states, depth and time as it goes and at
its end, and the shortest way to whatever does not hold.";

/// Tells how far it is, every ten seconds and at the end.
#[derive(Default)]
struct Progress {
    took: Duration,
    next: Duration,
}

impl Reporter<Protocol> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        self.took = data.duration;
        if self.took < self.next && !data.done {
            return;
        }
        self.next = self.took + Duration::from_secs(10);
        println!(
            "{}{} states, {} steps between them, depth {}, {:.1} s",
            if data.done { "Done: " } else { "" },
            data.unique_states,
            data.total_states,
            data.max_depth,
            data.duration.as_secs_f64(),
        );
    }

    fn report_discoveries(
        &mut self,
        _: &Protocol,
        discoveries: BTreeMap<&'static str, ReportDiscovery<Protocol>>,
    ) {
        for (property, found) in discoveries {
            println!("{} \"{property}\": {}", found.classification, found.path);
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(250)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((protocol, seconds)) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} nodes, {} deliveries, {:?}",
        protocol.nodes, protocol.deliveries, protocol.budget
    );
    let mut builder = protocol
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures);
    if let Some(seconds) = seconds {
        builder = builder.timeout(Duration::from_secs(seconds));
    }
    let mut progress = Progress::default();
    let checker = builder.spawn_bfs().report(&mut progress);
    if seconds.is_some_and(|seconds| progress.took.as_secs() >= seconds) {
        println!("Not every state was looked at.");
    }
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

fn parse(arguments: &[String]) -> Option<(Protocol, Option<u64>)> {
    let mut seconds = None;
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
        if fault == "seconds" {
            seconds = Some(count.parse().ok()?);
            continue;
        }
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
        .map(|protocol| (protocol, seconds))
}
