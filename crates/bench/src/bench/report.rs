//! The figures as people read them: a table for the terminal and one for the README.

use std::fmt::Write as _;

use super::engine::{EngineFigures, RATE};
use super::machine::Machine;
use super::measure::Measured;
use super::stats::{Latency, median};

/// All that a bench found.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) publishers: usize,
    pub(super) messages: u64,
    pub(super) direct: Vec<Measured>,
    pub(super) engines: Vec<EngineFigures>,
    pub(super) faults: Vec<String>,
}

/// One engine's line of the tables.
struct Row {
    cells: Vec<String>,
}

const TITLES: &[&str] = &[
    "engine",
    "delivered/s",
    "of the ceiling",
    "CPU-s per 1,000 (server + database)",
    "driver CPU-s per 1,000",
    "x load",
    "p50 / p99 ms at full load",
    "p50 / p99 ms at 200/s",
    "beside a hanging endpoint",
    "(p50, p99 times)",
    "RSS MiB (peak)",
];

impl Report {
    /// The best direct run.
    fn best(&self) -> Option<&Measured> {
        let faster =
            |one: &&Measured, other: &&Measured| one.per_second.total_cmp(&other.per_second);
        self.direct.iter().max_by(faster)
    }

    /// Deliveries per second of the best direct run.
    pub(super) fn ceiling(&self) -> f64 {
        self.best().map_or(0.0, |run| run.per_second)
    }

    /// What one message costs publishers and sink when nothing is between them.
    fn driver(&self) -> String {
        let cost = self.best().map_or(0.0, Measured::driver_per_thousand);
        format!("driver {cost:.3} CPU-s per 1,000")
    }

    /// Everything, for the terminal; the table is ready for the README.
    pub(super) fn text(&self) -> String {
        let direct: Vec<String> = self
            .direct
            .iter()
            .map(|run| format!("{:.0}", run.per_second))
            .collect();
        let mut text = format!(
            "\n{}\nceiling: {:.0}/s direct (best of {}), {}; {} publishers, 1 KiB, {} messages a run\n",
            self.machine.line(),
            self.ceiling(),
            direct.join(", "),
            self.driver(),
            self.publishers,
            self.messages,
        );
        let rows: Vec<Row> = self.engines.iter().map(|engine| self.row(engine)).collect();
        for (engine, row) in self.engines.iter().zip(&rows) {
            let _ = write!(text, "\n{}: {}\n", engine.engine, engine.database);
            for (title, cell) in TITLES.iter().zip(&row.cells).skip(1) {
                let _ = writeln!(text, "  {title:<38}{cell}");
            }
        }
        text + &self.disturbances() + "\n" + &self.markdown(&rows)
    }

    fn row(&self, figures: &EngineFigures) -> Row {
        let full = median_run(&figures.full);
        let per_second = full.map_or(0.0, |run| run.per_second);
        let paced = medians(&figures.paced);
        let beside = medians(&figures.beside_hanging);
        let (beside_text, times) = if figures.beside_hanging.is_empty() {
            ("not measured".to_owned(), "-".to_owned())
        } else {
            let times = |with: f64, without: f64| with / without.max(1e-9);
            let p50 = times(beside.p50, paced.p50);
            let p99 = times(beside.p99, paced.p99);
            (pair(beside), format!("{p50:.2}, {p99:.2}"))
        };
        let cells = vec![
            figures.engine.to_owned(),
            format!("{per_second:.0}"),
            format!("{:.3}", per_second / self.ceiling().max(1e-9)),
            full.map_or_else(String::new, cpu),
            format!("{:.3}", full.map_or(0.0, Measured::driver_per_thousand)),
            format!("{:.2}", full.map_or(0.0, Measured::times_load)),
            full.map_or_else(String::new, |run| pair(run.latency)),
            pair(paced),
            beside_text,
            times,
            format!("{:.0} ({:.0})", figures.rss_mib, figures.peak_rss_mib),
        ];
        Row { cells }
    }

    /// Names what was measured while others used the machine.
    fn disturbances(&self) -> String {
        let mut text = String::new();
        let mut name = |what: &str, runs: &[Measured]| {
            let count = runs.iter().filter(|run| run.disturbed).count();
            if count > 0 {
                let _ = write!(text, "\ndisturbed: {count} of {} runs: {what}", runs.len());
            }
        };
        name("direct", &self.direct);
        for figures in &self.engines {
            let engine = figures.engine;
            name(&format!("{engine} full load"), &figures.full);
            name(&format!("{engine} at {RATE}/s"), &figures.paced);
            name(
                &format!("{engine} beside a hanging endpoint"),
                &figures.beside_hanging,
            );
        }
        if !text.is_empty() {
            text += "; measure again on a machine that does nothing else\n";
        }
        text
    }

    fn markdown(&self, rows: &[Row]) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let titles: Vec<String> = TITLES.iter().map(|title| (*title).to_owned()).collect();
        let mut text = line(&titles);
        text += &line(&vec!["---".to_owned(); titles.len()]);
        for row in rows {
            text += &line(&row.cells);
        }
        let _ = write!(
            text,
            "\nCeiling: {:.0}/s (best of {} direct runs), {}. {}.",
            self.ceiling(),
            self.direct.len(),
            self.driver(),
            self.machine.line()
        );
        for figures in &self.engines {
            let _ = write!(text, " {}.", figures.database);
        }
        text + "\n"
    }
}

/// The run in the middle, by deliveries per second.
fn median_run(runs: &[Measured]) -> Option<&Measured> {
    let middle = median(runs.iter().map(|run| run.per_second).collect());
    runs.iter()
        .find(|run| run.per_second.total_cmp(&middle).is_eq())
}

fn medians(runs: &[Measured]) -> Latency {
    let latencies: Vec<Latency> = runs.iter().map(|run| run.latency).collect();
    Latency::median(&latencies)
}

fn pair(latency: Latency) -> String {
    format!("{:.2} / {:.2}", latency.p50, latency.p99)
}

fn cpu(run: &Measured) -> String {
    let per_thousand = |seconds: f64| seconds * 1000.0 / run.messages.max(1) as f64;
    format!(
        "{:.3} ({:.3} + {:.3})",
        run.cpu_per_thousand(),
        per_thousand(run.cpu.server),
        per_thousand(run.cpu.database)
    )
}
