//! What a run found, kept as a line of JSON, and the table that is made of the last ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The records, below the workspace's directory.
pub(super) const FILE: &str = "docs/reliability/runs.jsonl";
const PAGE: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- made by `cargo xtask crash table`: begin -->\n";
const END: &str = "<!-- end -->";

/// One run of one part on one engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) part: String,
    pub(super) engine: String,
    pub(super) commit: String,
    pub(super) date: String,
    pub(super) machine: String,
    pub(super) build: String,
    pub(super) seed: u64,
    pub(super) rounds: u64,
    pub(super) seconds: u64,
    pub(super) acknowledged: u64,
    pub(super) deliveries: u64,
    pub(super) lost: u64,
    /// Receipts after the first success, where a crash explains them.
    pub(super) twice: u64,
    /// What else was measured, in words.
    pub(super) figures: BTreeMap<String, String>,
    /// What must not be; empty if all is well.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn figure(&mut self, name: &str, value: impl Into<String>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// The sum of two rounds on different databases.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.rounds += other.rounds;
        self.seconds += other.seconds;
        self.acknowledged += other.acknowledged;
        self.deliveries += other.deliveries;
        self.lost += other.lost;
        self.twice += other.twice;
        self.faults.extend(other.faults);
        self
    }

    /// Nothing comes twice while no node of ours is killed.
    pub(super) fn must_not_be_twice(&mut self) {
        if self.twice > 0 {
            let text = format!("{} came twice though no node was killed", self.twice);
            self.faults.push(text);
        }
    }

    /// The last stop is in good order.
    pub(super) fn must_stop(&mut self, stopped: bool) {
        if !stopped {
            self.faults
                .push("the last stop was not in good order".to_owned());
        }
    }

    /// The result in one line.
    pub(super) fn line(&self) -> String {
        format!(
            "{} on {}: {} rounds, {} acknowledged, {} deliveries, {} lost, {} twice{} in {} s (seed {}){}",
            self.part,
            self.engine,
            self.rounds,
            self.acknowledged,
            self.deliveries,
            self.lost,
            self.twice,
            self.figures_in_words("; "),
            self.seconds,
            self.seed,
            if self.faults.is_empty() {
                ""
            } else {
                ", FAULTY"
            },
        )
    }

    fn figures_in_words(&self, glue: &str) -> String {
        let mut text = String::new();
        for (name, value) in &self.figures {
            let _ = write!(text, "{glue}{name} {value}");
        }
        text
    }

    /// Adds it to the file of all runs.
    pub(super) fn keep(&self, root: &Path) -> io::Result<()> {
        let path = root.join(FILE);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = File::options().create(true).append(true).open(path)?;
        // In one piece: other parts may run at the same time.
        let line = serde_json::to_string(self)? + "\n";
        file.write_all(line.as_bytes())
    }
}

/// Prints the table of the last run of each part on each engine, and with `write` puts it
/// into the page.
pub(super) fn table(root: &Path, write: bool) -> io::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join(FILE)).unwrap_or_default();
    let records: Vec<Record> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let table = markdown(&records);
    println!("{table}");
    if write {
        let page = std::fs::read_to_string(root.join(PAGE))?;
        let page = with_table(&page, &table)
            .ok_or_else(|| io::Error::other(format!("{PAGE} has no place for the table")))?;
        std::fs::write(root.join(PAGE), page)?;
    }
    Ok(Vec::new())
}

fn markdown(records: &[Record]) -> String {
    let mut last: Vec<&Record> = Vec::new();
    for record in records {
        last.retain(|other| (&other.part, &other.engine) != (&record.part, &record.engine));
        last.push(record);
    }
    let mut text = "| part | engine | rounds | acknowledged | deliveries | lost | twice | also | seed | commit | day |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for record in &last {
        let also = record.figures_in_words("; ");
        let faults = match record.faults.len() {
            0 => String::new(),
            count => format!("; **{count} faults**"),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {}{faults} | {} | {} | {} |",
            record.part,
            record.engine,
            record.rounds,
            record.acknowledged,
            record.deliveries,
            record.lost,
            record.twice,
            also.trim_start_matches("; "),
            record.seed,
            record.commit,
            record.date,
        );
    }
    if let Some(record) = last.last() {
        let _ = writeln!(text, "\n{}; {}.", record.machine, record.build);
    }
    text
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(part: &str, seed: u64) -> Record {
        let mut record = Record {
            part: part.to_owned(),
            engine: "sqlite".to_owned(),
            seed,
            ..Record::default()
        };
        record.figure("in hand p50", "7 ms");
        record
    }

    #[test]
    fn the_table_has_the_last_run_of_each_part() {
        let table = markdown(&[record("kill", 1), record("wal", 2), record("kill", 3)]);
        let rows: Vec<&str> = table
            .lines()
            .filter(|line| line.contains("sqlite"))
            .collect();
        assert_eq!(rows.len(), 2, "{table}");
        assert!(
            rows[0].contains("| wal |") && rows[1].contains("| 3 |"),
            "{table}"
        );
        assert!(rows[1].contains("in hand p50 7 ms"), "{table}");
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_page_keeps_what_is_around_its_table() {
        let one = record("kill", 9);
        let line = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), one);
        let page = format!("before\n{BEGIN}old\n{END}\nafter\n");
        let page = with_table(&page, "new\n").unwrap();
        assert_eq!(page, format!("before\n{BEGIN}\nnew\n\n{END}\nafter\n"));
        assert_eq!(with_table("no place", "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_the_table() {
        let page = std::fs::read_to_string(crate::root().join(PAGE)).unwrap();
        assert!(with_table(&page, "").is_some());
    }
}
