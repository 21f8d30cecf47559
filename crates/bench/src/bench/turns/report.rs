//! The pairs as people read them.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::machine::Machine;
use super::super::stats::median;
use super::cost::Cost;
use super::interval::Interval;
use super::pair::{Pair, Share};

/// One of the two binaries.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Build {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// The pairs of one engine.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct EngineTurns {
    engine: &'static str,
    pub(super) database: String,
    pub(super) interval: Option<Interval>,
    pub(super) seconds: f64,
    pub(super) pairs: Vec<Pair>,
}

impl EngineTurns {
    pub(super) fn new(engine: &'static str) -> Self {
        Self {
            engine,
            database: String::new(),
            interval: None,
            seconds: 0.0,
            pairs: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, pair: Pair) {
        self.pairs.push(pair);
        let logarithms: Vec<f64> = self.pairs.iter().map(|pair| pair.ratio().ln()).collect();
        self.interval = Interval::of(&logarithms);
    }

    /// What the last pair showed, and all of them together.
    pub(super) fn progress(&self) -> String {
        let Some(pair) = self.pairs.last() else {
            return String::new();
        };
        let mut line = format!(
            "{} pair {} at {:.0} s: new/old {:.3}; CPU-s per 1,000: old {:.4}, new {:.4}; others {:.0} %",
            self.engine,
            self.pairs.len(),
            self.seconds,
            pair.ratio(),
            pair.old.cpu_per_thousand(),
            pair.new.cpu_per_thousand(),
            pair.others_percent,
        );
        if let Some(interval) = self.interval {
            let _ = write!(line, "; so far {}", interval.text());
        }
        for fault in &pair.faults {
            let _ = write!(line, "; FAULTY: {fault}");
        }
        line
    }

    fn row(&self) -> String {
        let middle = |of: &dyn Fn(&Pair) -> f64| median(self.pairs.iter().map(of).collect());
        let costs = |share: &dyn Fn(&Pair) -> Share| {
            let per_thousand = |part: fn(Cost) -> f64| {
                middle(&|pair| share(pair).per_thousand(part(share(pair).cost)))
            };
            format!(
                "{:.4} ({:.4} + {:.4})",
                per_thousand(Cost::whole),
                per_thousand(|cost| cost.server),
                per_thousand(|cost| cost.database),
            )
        };
        let cells = self.interval.map_or_else(
            || "- | - | -".to_owned(),
            |found| {
                format!(
                    "{:.4} | {:.4} | {:.4}",
                    found.ratio, found.lower, found.upper
                )
            },
        );
        format!(
            "| {} | {cells} | {} | {:.0} | {} | {} | {:.0} / {:.0} | {:.0} % |\n",
            self.engine,
            self.pairs.len(),
            self.seconds,
            costs(&|pair| pair.old),
            costs(&|pair| pair.new),
            middle(&|pair| pair.old.per_second()),
            middle(&|pair| pair.new.per_second()),
            middle(&|pair| pair.others_percent),
        )
    }
}

/// All that was found.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct TurnsReport {
    pub(super) machine: Machine,
    pub(super) builds: [Build; 2],
    pub(super) messages: u64,
    pub(super) publishers: u16,
    pub(super) engines: Vec<EngineTurns>,
}

const TITLES: &str = "| engine | new / old | lower | upper | pairs | seconds \
    | old: CPU-s per 1,000 (server + database) | new | old / new per s | others |\n\
    |---|---|---|---|---|---|---|---|---|---|\n";

impl TurnsReport {
    /// Everything, for the terminal; the table is ready for a page.
    pub(super) fn text(&self) -> String {
        let [old, new] = &self.builds;
        let mut text = format!("\n{TITLES}");
        for engine in &self.engines {
            text += &engine.row();
        }
        let _ = writeln!(
            text,
            "\nold: {} ({}); new: {} ({}). {} publishers, 1 KiB, {} messages a turn. {}.",
            old.name,
            old.path.display(),
            new.name,
            new.path.display(),
            self.publishers,
            self.messages,
            self.machine.line(),
        );
        for engine in &self.engines {
            let _ = writeln!(text, "{}: {}.", engine.engine, engine.database);
        }
        text
    }

    /// Lost, repeated and refused messages, and intervals that reach above `at_most`.
    pub(super) fn faults(&self, at_most: Option<f64>) -> Vec<String> {
        let mut faults = Vec::new();
        for engine in &self.engines {
            let name = engine.engine;
            for (number, pair) in engine.pairs.iter().enumerate() {
                let told = pair.faults.iter();
                faults.extend(told.map(|fault| format!("{name} pair {}: {fault}", number + 1)));
            }
            if let (Some(bar), Some(found)) = (at_most, engine.interval)
                && found.upper > bar
            {
                faults.push(format!("{name}: {} reaches above {bar}", found.text()));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(server: f64) -> Share {
        Share {
            cost: Cost {
                server,
                database: 1.0,
            },
            messages: 1_000,
            seconds: 2.0,
        }
    }

    fn turns(ratios: &[(f64, f64)]) -> EngineTurns {
        let mut turns = EngineTurns::new("SQLite");
        for (old, new) in ratios {
            turns.add(Pair {
                old: share(*old),
                new: share(*new),
                others_percent: 0.0,
                faults: Vec::new(),
            });
        }
        turns
    }

    fn report(turns: EngineTurns) -> TurnsReport {
        let build = || Build {
            name: "a build".to_owned(),
            path: PathBuf::new(),
        };
        TurnsReport {
            machine: Machine::look(std::path::Path::new(".")),
            builds: [build(), build()],
            messages: 1_000,
            publishers: 1,
            engines: vec![turns],
        }
    }

    #[test]
    fn server_and_database_are_counted_together() {
        let found = turns(&[(1.0, 3.0), (1.0, 3.0)]).interval.unwrap();
        assert!((found.ratio - 2.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn an_interval_that_reaches_above_the_bar_is_a_fault() {
        let report = report(turns(&[(1.0, 1.1), (1.0, 1.0), (1.0, 1.05)]));
        assert_eq!(report.faults(None).len(), 0);
        assert_eq!(report.faults(Some(1.5)).len(), 0);
        assert_eq!(report.faults(Some(1.02)).len(), 1);
    }

    #[test]
    fn what_was_lost_is_a_fault_and_names_its_pair() {
        let mut turns = turns(&[(1.0, 1.0), (1.0, 1.0)]);
        turns.pairs[1].faults.push("old: 1 of 9 lost".to_owned());
        let faults = report(turns).faults(None);
        assert_eq!(faults, ["SQLite pair 2: old: 1 of 9 lost"]);
    }
}
