//! Things that all test processes share are set up once, by whoever comes first.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

/// Holds a folder for one process until dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl FolderLock {
    /// Waits until no other process holds `folder`, which is made if missing.
    pub fn take(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = File::create(folder.join("lock"))?;
        file.lock()?;
        Ok(Self(file))
    }
}

/// Runs `make` in `folder` unless it succeeded there before with the same
/// `inputs`; other processes wait meanwhile.
pub fn once_per_fingerprint(
    folder: &Path,
    inputs: &[&str],
    make: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |error: io::Error| format!("{}: {error}", folder.display());
    let _lock = FolderLock::take(folder).map_err(wrong)?;
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    let fingerprint = format!("{:016x}", hasher.finish());
    let stamp = folder.join("stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == fingerprint) {
        return Ok(());
    }
    make()?;
    std::fs::write(&stamp, fingerprint).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_up_is_set_up_once_and_again_when_its_inputs_change() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = 0;
        for input in ["a", "a", "b"] {
            once_per_fingerprint(folder.path(), &[input], || {
                runs += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(runs, 2);
    }

    #[test]
    fn what_failed_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let failed = once_per_fingerprint(folder.path(), &["a"], || Err("no".to_owned()));
        assert_eq!(failed, Err("no".to_owned()));
        let mut ran = false;
        once_per_fingerprint(folder.path(), &["a"], || {
            ran = true;
            Ok(())
        })
        .unwrap();
        assert!(ran);
    }
}
