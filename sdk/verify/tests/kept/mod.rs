//! Files of vectors that the tests themselves make.

/// Fails if the file at `path` is not `made`; with `POSTRIDER_WRITE_VECTORS` set it is
/// written first.
pub(crate) fn assert_kept(path: &str, made: &str) {
    if std::env::var_os("POSTRIDER_WRITE_VECTORS").is_some() {
        std::fs::write(path, made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "{path} differs: run with POSTRIDER_WRITE_VECTORS=1 and look at the change"
    );
}
