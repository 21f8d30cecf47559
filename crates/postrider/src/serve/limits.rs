//! The limit of open descriptors: each send in flight may need one, each caller another.

/// Idle connections that are always allowed.
const FEWEST_IDLE: u64 = 64;
/// More idle connections help nobody.
const MOST_IDLE: u64 = 65_536;

/// Raises the limit as far as the system lets us, and says so if that is too little.
/// Returns how many connections may be idle beside what is in use: half of the rest.
pub(super) fn raise_descriptors(max_in_flight: usize) -> usize {
    let needed = max_in_flight as u64 * 2 + 1024;
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            if limit < needed {
                tracing::warn!(
                    limit,
                    needed,
                    "few open files allowed: raise `ulimit -n`, or lower POSTRIDER_MAX_IN_FLIGHT"
                );
            }
            limit
        }
        Err(error) => {
            tracing::warn!(error = %error, "cannot raise the limit of open files");
            needed
        }
    };
    idle_connections(limit, needed)
}

fn idle_connections(limit: u64, needed: u64) -> usize {
    let rest = limit.saturating_sub(needed) / 2;
    rest.clamp(FEWEST_IDLE, MOST_IDLE) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_take_half_of_what_the_rest_leaves() {
        for (limit, idle) in [(1024, 64), (3072, 64), (20_072, 8_500), (u64::MAX, 65_536)] {
            assert_eq!(idle_connections(limit, 3072), idle);
        }
    }
}
