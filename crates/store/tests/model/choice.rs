//! Which of the model's steps a walk takes.

use std::collections::HashSet;

use postrider_model::{Action, Move, Write};

/// Whether the walk takes such steps: the others are a node's own business, or part of one. Of
/// two outcomes of one claim in one batch the model takes the first, the store either.
pub(crate) fn is_walked(action: Action) -> bool {
    match action {
        Action::Commit(_, Write::Record { moves, .. })
        | Action::Freeze(_, Write::Record { moves, .. })
            if is_about_one_twice(&moves) =>
        {
            false
        }
        Action::Commit(_, write) | Action::Freeze(_, write) => {
            matches!(
                write,
                Write::Publish { .. }
                    | Write::Record { .. }
                    | Write::Claim { .. }
                    | Write::Release { .. }
                    | Write::FreeClaim { .. }
                    | Write::Mark { .. }
            ) || matches!(action, Action::Commit(_, write) if is_accounting(write))
        }
        Action::Thaw
        | Action::Abort
        | Action::Forget(_)
        | Action::Enter(..)
        | Action::Crash(_)
        | Action::Lag
        | Action::FailOver { .. } => true,
        _ => false,
    }
}

fn is_about_one_twice(moves: &[Move]) -> bool {
    let mut seen = HashSet::new();
    !moves.iter().all(|one| seen.insert(one.delivery))
}

/// What hardly a walk would come to by chance: a roll-up that has rolled up, forgets, and looks.
pub(crate) fn is_rare(action: Action) -> bool {
    matches!(
        action,
        Action::Forget(_) | Action::Commit(_, Write::Adopt { .. } | Write::Roll { .. })
    )
}

/// Whether it keeps the account of what is owed.
fn is_accounting(write: Write) -> bool {
    matches!(
        write,
        Write::Roll { .. }
            | Write::FreeUnheld { .. }
            | Write::Adopt { .. }
            | Write::Index { .. }
            | Write::FreeGone { .. }
    )
}

/// Whether the store does the second with the first.
pub(crate) fn follows_on(first: Write, then: Write) -> bool {
    match first {
        Write::Mark { .. } => matches!(
            then,
            Write::FreeClaims { .. } | Write::FreeFresh { .. } | Write::Remove { .. }
        ),
        Write::Adopt { .. } => matches!(then, Write::Adopt { .. }),
        _ => matches!(then, Write::Index { .. } | Write::FreeGone { .. }),
    }
}
