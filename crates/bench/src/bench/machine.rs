//! What the figures were measured on.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// Facts for the report; what cannot be found out is "unknown".
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) cores: usize,
    pub(crate) model: String,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
}

impl Machine {
    pub(crate) fn look(root: &Path) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory
            .split(' ')
            .next()
            .and_then(|kib| kib.parse::<f64>().ok());
        Self {
            date: ask(Command::new("date").arg("+%F")),
            commit: ask(Command::new("git").current_dir(root).args([
                "describe",
                "--always",
                "--dirty",
                "--exclude",
                "*",
            ])),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            model: field(&read("/proc/cpuinfo"), "model name"),
            memory_gib: kib.unwrap_or(0.0) / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }

    /// What it is, whatever is built on it.
    pub(crate) fn without_commit(&self) -> String {
        format!(
            "{} cores ({}), {:.1} GiB, Linux {}",
            self.cores, self.model, self.memory_gib, self.kernel
        )
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}: {} cores ({}), {:.1} GiB, Linux {}, commit {}",
            self.date, self.cores, self.model, self.memory_gib, self.kernel, self.commit
        )
    }
}

/// The kind of file system that holds `path`: the longest mount point above it.
pub(crate) fn file_system(path: &Path) -> io::Result<String> {
    let path = fs::canonicalize(path)?;
    let mounts = fs::read_to_string("/proc/mounts")?;
    Ok(file_system_in(&mounts, &path).unwrap_or_else(|| "unknown".to_owned()))
}

fn file_system_in(mounts: &str, path: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((Path::new(words.next()?), words.next()?))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.components().count())
        .map(|(_, kind)| kind.to_owned())
}

fn field(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn ask(command: &mut Command) -> String {
    command
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(unknown, |text| text.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_tells_the_file_system() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n";
        let kind = |path: &str| file_system_in(mounts, Path::new(path)).unwrap();
        assert_eq!(kind("/home/a"), "ext4");
        assert_eq!(kind("/tmp/a"), "tmpfs");
        assert_eq!(kind("/tmp/disk/a"), "xfs");
        assert_eq!(kind("/tmporary"), "ext4");
    }
}
