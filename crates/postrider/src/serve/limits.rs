//! The limit of open descriptors: each send in flight may need one, each caller another.

/// Raises the limit as far as the system lets us, and says so if that is too little.
pub(super) fn raise_descriptors(max_in_flight: usize) {
    let needed = max_in_flight as u64 * 2 + 1024;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < needed => tracing::warn!(
            limit,
            needed,
            "few open files allowed: raise `ulimit -n`, or lower POSTRIDER_MAX_IN_FLIGHT"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(error = %error, "cannot raise the limit of open files"),
    }
}
