//! Processor time from Linux's `/proc` (proc(5)): ours, the server's, the database's, and
//! everybody else's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use super::clock;

/// Whose time is counted.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    server: Option<u32>,
    postmaster: Option<u32>,
    ticks_per_second: f64,
    cores: f64,
}

/// What was used from one moment to another, in CPU-seconds.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Spent {
    /// The driver: publishers and sink.
    pub(super) load: f64,
    pub(super) server: f64,
    /// All processes of the PostgreSQL server, whoever they work for.
    pub(super) database: f64,
    /// Per cent of the whole machine that none of the above used, the hypervisor's part of
    /// it included.
    pub(super) others_percent: f64,
    /// CPU-seconds that the whole machine had.
    #[serde(skip)]
    whole: f64,
}

impl Spent {
    /// `others_percent`, when `ours` CPU-seconds were none of others'.
    pub(super) fn others_beyond(&self, ours: f64) -> f64 {
        (self.others_percent - 100.0 * ours / self.whole.max(0.001)).max(0.0)
    }
}

/// Ticks used up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    at: Instant,
    load: u64,
    server: u64,
    database: u64,
    machine: u64,
}

impl Meter {
    /// `server` and `postmaster` are process ids; a database elsewhere has none.
    pub(super) fn new(server: Option<u32>, postmaster: Option<u32>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            server,
            postmaster,
            ticks_per_second: ticks_per_second(),
            cores: cores as f64,
        }
    }

    pub(super) fn read(&self) -> io::Result<Reading> {
        let process = |pid: u32| Ok::<_, io::Error>(Stat::of(&pid.to_string())?.own);
        Ok(Reading {
            at: clock::now(),
            load: Stat::of("self")?.own,
            server: self.server.map_or(Ok(0), process)?,
            database: self.postmaster.map_or(Ok(0), family)?,
            machine: machine(&fs::read_to_string("/proc/stat")?),
        })
    }

    /// What was used since `start`.
    pub(super) fn since(&self, start: &Reading) -> io::Result<Spent> {
        let end = self.read()?;
        let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / self.ticks_per_second;
        let load = seconds(start.load, end.load);
        let server = seconds(start.server, end.server);
        let database = seconds(start.database, end.database);
        let others = seconds(start.machine, end.machine) - load - server - database;
        let whole = end.at.saturating_duration_since(start.at).as_secs_f64() * self.cores;
        Ok(Spent {
            load,
            server,
            database,
            others_percent: (100.0 * others / whole.max(0.001)).max(0.0),
            whole,
        })
    }
}

/// The parts of `/proc/PID/stat` that matter here, in ticks.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u64,
    /// Of children that have ended and were waited for.
    ended: u64,
}

impl Stat {
    fn of(pid: &str) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat: {text}")))
    }

    /// The name in brackets may hold anything, brackets included: count from the last one.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: number(1)? as u32,
            own: number(11)? + number(12)?,
            ended: number(13)? + number(14)?,
        })
    }
}

/// Ticks of a process and its children, those that have ended included.
fn family(parent: u32) -> io::Result<u64> {
    let head = Stat::of(&parent.to_string())?;
    let mut ticks = head.own + head.ended;
    for pid in children(parent)? {
        // One that ends while this loop runs is counted with its parent the next time.
        ticks += Stat::of(&pid.to_string()).map_or(0, |stat| stat.own);
    }
    Ok(ticks)
}

/// The processes whose parent is `parent`.
pub(super) fn children(parent: u32) -> io::Result<Vec<u32>> {
    let pids =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| Stat::of(&pid.to_string()).is_ok_and(|stat| stat.parent == parent);
    Ok(pids.filter(is_child).collect())
}

/// CPU-seconds that a process has used since its start, its ended threads included, as
/// exactly as the kernel tells: its threads' nanoseconds, unless ticks say that some have ended.
pub(super) fn seconds_of(pid: u32) -> io::Result<f64> {
    let ticks = Stat::of(&pid.to_string())?.own as f64 / ticks_per_second();
    let threads = fs::read_dir(format!("/proc/{pid}/task"))?.filter_map(Result::ok);
    let nanos: u64 = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    Ok(ticks.max(nanos as f64 / 1e9))
}

/// Ticks in which the machine was not idle: user, nice, system, irq, softirq and steal.
fn machine(stat: &str) -> u64 {
    let first = stat.lines().next().unwrap_or_default();
    let fields = first.split_ascii_whitespace().skip(1).take(8).enumerate();
    fields
        .filter(|(at, _)| !matches!(at, 3 | 4))
        .filter_map(|(_, ticks)| ticks.parse::<u64>().ok())
        .sum()
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    let ask = || {
        let output = Command::new("getconf").arg("CLK_TCK").output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    *TICKS.get_or_init(|| ask().unwrap_or(100.0))
}

/// The parent of `pid`, if it runs here under the name `name`.
pub(super) fn parent_of(pid: u32, name: &str) -> Option<u32> {
    let found = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let stat = Stat::of(&pid.to_string()).ok()?;
    (found.trim() == name).then_some(stat.parent)
}

/// Memory of a process in MiB, now and at most: `VmRSS` and `VmHWM`.
pub(crate) fn memory(pid: u32) -> io::Result<(f64, f64)> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(Path::new(&path))?;
    Ok((kib(&text, "VmRSS:") / 1024.0, kib(&text, "VmHWM:") / 1024.0))
}

fn kib(status: &str, field: &str) -> f64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_holds_brackets_is_read() {
        let text = "42 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 5 0 0 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.own, stat.ended), (7, 120, 7));
        assert_eq!(Stat::parse("42 (short) S 7"), None);
    }

    #[test]
    fn the_idle_machine_and_the_waiting_one_are_not_busy() {
        let text = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(machine(text), 63);
    }

    #[test]
    fn memory_is_read_in_mib() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";
        assert!((kib(status, "VmRSS:") - 2048.0).abs() < 1e-9);
        assert!((kib(status, "VmHWM:") - 4096.0).abs() < 1e-9);
        assert!(memory(std::process::id()).unwrap().0 > 0.0);
    }

    #[test]
    fn what_a_process_used_is_told_to_the_nanosecond() {
        let before = seconds_of(std::process::id()).unwrap();
        assert!(before > 0.0);
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        assert!(children(std::process::id()).unwrap().contains(&child.id()));
        assert!(seconds_of(child.id()).unwrap() < 1.0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seconds_of(child.id()).is_err());
        assert!(seconds_of(std::process::id()).unwrap() >= before);
    }

    #[test]
    fn our_own_time_is_counted_and_the_same_for_both_ways_to_ask() {
        let meter = Meter::new(Some(std::process::id()), None);
        let start = meter.read().unwrap();
        let spent = meter.since(&start).unwrap();
        assert!(spent.load >= 0.0 && spent.database.abs() < 1e-9);
    }
}
