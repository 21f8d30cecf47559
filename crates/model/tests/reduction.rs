//! Making one of states that are alike hides none: whatever the model reaches with every name and
//! every memory kept, it reaches without, in the state that stands for it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use postrider_model::{Action, Budget, Protocol, Rules, State};

const FAULTS: Budget = Budget {
    crashes: 1,
    freezes: 1,
    failovers: 1,
    lapses: 0,
    failures: 0,
    releases: 0,
};

fn hash(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Every state that is at most so many steps away, level by level; all if `depth` is `None`.
fn reached(protocol: &Protocol, depth: Option<usize>, mut visit: impl FnMut(&State)) {
    let first = protocol.first();
    let (mut seen, mut level) = (HashSet::from([hash(&first)]), vec![first]);
    let mut actions = Vec::new();
    for _ in 0..depth.unwrap_or(usize::MAX) {
        let mut next = Vec::new();
        for state in &level {
            visit(state);
            protocol.steps(state, &mut actions);
            for action in actions.drain(..) {
                next.extend(new(protocol, state, action, &mut seen));
            }
        }
        if next.is_empty() {
            return;
        }
        level = next;
    }
    level.iter().for_each(visit);
}

fn new(
    protocol: &Protocol,
    state: &State,
    action: Action,
    seen: &mut HashSet<u64>,
) -> Option<State> {
    let after = protocol.after(state, action)?;
    seen.insert(hash(&after)).then_some(after)
}

/// States with a standby are not compared: what of a doomed primary is forgotten is made good by
/// the fail-over that follows, and what it leads to is compared.
#[track_caller]
fn compare(nodes: u8, deliveries: u8, budget: Budget, depth: usize) {
    let merging = Protocol::new(nodes, deliveries, budget, Rules::TODAY);
    let mut merged = HashSet::new();
    reached(&merging, None, |state| {
        merged.insert(hash(&merging.merged(state)));
    });
    let mut whole = merging.clone();
    whole.renames = false;
    let (mut compared, mut behind) = (0, 0);
    reached(&whole, Some(depth), |state| {
        if state.standby.is_none() {
            let stands = merging.merged(state);
            // With more that can go wrong more is looked at.
            let more = [0, 1].map(|more| State {
                left: Budget {
                    freezes: stands.left.freezes + more,
                    ..stands.left
                },
                ..stands.clone()
            });
            assert!(
                more.iter().any(|state| merged.contains(&hash(state))),
                "not reached: {stands:?}\nwhich stands for {state:?}"
            );
            compared += 1;
            behind += u32::from(budget.failovers > state.left.failovers);
        }
    });
    println!(
        "{compared} states stand among {}, {behind} after a fail-over",
        merged.len()
    );
    assert!(compared > 1_000 && (behind > 0 || budget.failovers == 0));
}

#[test]
fn one_delivery_with_every_fault() {
    compare(2, 1, FAULTS, 12);
}

#[test]
fn two_deliveries_with_a_fail_over() {
    let budget = Budget {
        crashes: 0,
        freezes: 0,
        ..FAULTS
    };
    compare(2, 2, budget, 11);
}

#[test]
fn two_deliveries_with_a_crash_and_a_commit_that_hangs() {
    let budget = Budget {
        failovers: 0,
        ..FAULTS
    };
    compare(2, 2, budget, 8);
}

#[test]
fn two_deliveries_with_every_fault() {
    compare(2, 2, FAULTS, 8);
}
