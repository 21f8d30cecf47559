//! The protocol holds in every state that its bounds allow, and each of its rules is needed.

use postrider_model::{Action, Budget, Protocol, Rules, State, Write};
use stateright::{Checker, HasDiscoveries, Model, Path};

const NONE: Budget = Budget {
    crashes: 0,
    freezes: 0,
    failovers: 0,
    lapses: 0,
    failures: 0,
    releases: 0,
};

/// Every state: with no property broken, and more than `least` of them.
#[track_caller]
fn holds(nodes: u8, deliveries: u8, budget: Budget, least: usize) {
    check(
        Protocol::new(nodes, deliveries, budget, Rules::TODAY),
        least,
    );
}

#[track_caller]
fn check(protocol: Protocol, least: usize) {
    println!(
        "{} nodes, {} deliveries, {:?}",
        protocol.nodes, protocol.deliveries, protocol.budget
    );
    let checker = protocol
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{states} states, depth {depth}");
    checker.assert_properties();
    assert!(
        states >= least,
        "{states} states: something never happens any more"
    );
}

/// The shortest way to a state in which this property does not hold.
#[track_caller]
fn fault(budget: Budget, rules: Rules, property: &'static str) -> Path<State, Action> {
    find(Protocol::new(2, 2, budget, rules), property)
}

#[track_caller]
fn find(mut protocol: Protocol, property: &'static str) -> Path<State, Action> {
    // Paths are to be read: names stay as they are, and what is broken is broken on the way.
    protocol.renames = false;
    protocol.looks_ahead = false;
    let checker = protocol
        .checker()
        .finish_when(HasDiscoveries::AnyOf([property].into()))
        .spawn_bfs()
        .join();
    let path = checker.assert_any_discovery(property);
    println!("{property}: {path}");
    path
}

fn has(path: &Path<State, Action>, wanted: impl Fn(Action) -> bool) -> bool {
    path.clone().into_actions().into_iter().any(wanted)
}

#[test]
fn without_faults_every_delivery_is_made_once() {
    let budget = Budget {
        failures: 1,
        releases: 1,
        ..NONE
    };
    holds(2, 2, budget, 1_000);
    holds(3, 2, NONE, 30);
}

#[test]
fn a_crash_and_a_commit_that_hangs_lose_nothing() {
    holds(
        2,
        2,
        Budget {
            crashes: 1,
            freezes: 1,
            ..NONE
        },
        3_000,
    );
}

#[test]
fn a_crash_and_a_fail_over_lose_nothing_that_the_standby_has() {
    holds(
        2,
        2,
        Budget {
            crashes: 1,
            failovers: 1,
            ..NONE
        },
        25_000,
    );
}

#[test]
fn a_crash_and_a_commit_that_hangs_and_a_fail_over_lose_nothing() {
    holds(
        2,
        2,
        Budget {
            crashes: 1,
            freezes: 1,
            failovers: 1,
            ..NONE
        },
        180_000,
    );
}

#[test]
fn a_node_that_is_given_up_while_it_lives_loses_nothing() {
    holds(
        2,
        2,
        Budget {
            lapses: 1,
            freezes: 1,
            ..NONE
        },
        8_000,
    );
}

#[test]
fn a_take_over_that_a_fail_over_interrupts_spares_a_node_that_lives() {
    let budget = Budget {
        lapses: 1,
        failovers: 1,
        ..NONE
    };
    holds(2, 2, budget, 70_000);
}

/// A rescuer's mark is lost with the primary, and steps that do not ask for it free a node that
/// lives: what it holds is sent twice.
#[test]
fn a_take_over_that_does_not_ask_for_its_mark_frees_a_node_that_lives() {
    let rules = Rules {
        mark_asked: false,
        ..Rules::TODAY
    };
    let budget = Budget {
        lapses: 1,
        failovers: 1,
        ..NONE
    };
    fault(budget, rules, "nothing is written under a freed number");
}

#[test]
fn two_crashes_and_two_fail_overs_lose_nothing() {
    holds(
        2,
        1,
        Budget {
            crashes: 2,
            failovers: 1,
            ..NONE
        },
        4_000,
    );
    holds(
        2,
        1,
        Budget {
            failovers: 2,
            failures: 1,
            ..NONE
        },
        500,
    );
}

/// Fault A1 of the reports: a commit that became visible after its doubt was settled.
#[test]
fn yesterdays_rules_lose_a_commit_that_becomes_visible_late() {
    let budget = Budget { freezes: 1, ..NONE };
    let protocol = Protocol::new(2, 1, budget, Rules::YESTERDAY);
    let path = find(protocol, "what is owed can be found");
    assert!(has(&path, |action| matches!(
        action,
        Action::Freeze(_, Write::Publish { .. })
    )));
    assert!(has(&path, |action| action == Action::Thaw));
}

/// Fault A2: a standby that had the publish and not the outcome.
#[test]
fn yesterdays_rules_lose_what_a_fail_over_takes_back() {
    let budget = Budget {
        failovers: 1,
        ..NONE
    };
    let protocol = Protocol::new(2, 1, budget, Rules::YESTERDAY);
    let path = find(protocol, "what is owed can be found");
    assert!(has(&path, |action| matches!(
        action,
        Action::FailOver { .. }
    )));
    assert!(has(&path, |action| matches!(
        action,
        Action::Commit(_, Write::Record { .. })
    )));
}

#[test]
fn what_a_synchronous_standby_made_sure_of_survives_the_primary() {
    let budget = Budget {
        crashes: 1,
        freezes: 1,
        failovers: 1,
        ..NONE
    };
    let mut protocol = Protocol::new(2, 1, budget, Rules::TODAY);
    protocol.synchronous = true;
    check(protocol, 600);
}

/// A repeated key that was answered by a read: see G in the reports.
#[test]
fn a_repeated_key_that_writes_nothing_is_answered_too_early() {
    let rules = Rules {
        repeats_write: false,
        ..Rules::TODAY
    };
    let budget = Budget {
        freezes: 1,
        failovers: 1,
        ..NONE
    };
    let mut protocol = Protocol::new(2, 2, budget, rules);
    protocol.synchronous = true;
    let path = find(protocol, "what a synchronous standby made sure of is there");
    assert!(has(&path, |action| matches!(action, Action::Repeat(_))));
}

#[test]
fn a_roll_up_that_does_not_ask_for_the_one_before_it_closes_what_is_owed() {
    let rules = Rules {
        nonce: false,
        ..Rules::TODAY
    };
    fault(
        Budget {
            failovers: 1,
            ..NONE
        },
        rules,
        "a commit that is closed owes nothing",
    );
}

#[test]
fn a_roll_up_that_does_not_compare_what_it_marks_closes_what_is_owed() {
    let rules = Rules {
        reads_checked: false,
        ..Rules::TODAY
    };
    fault(
        Budget {
            failovers: 1,
            ..NONE
        },
        rules,
        "a commit that is closed owes nothing",
    );
}

#[test]
fn an_heir_that_does_not_wait_frees_too_early() {
    let rules = Rules {
        fence: false,
        ..Rules::TODAY
    };
    let budget = Budget {
        lapses: 1,
        freezes: 1,
        ..NONE
    };
    fault(budget, rules, "nothing is written under a freed number");
}

#[test]
fn numbers_that_come_again_after_a_fail_over_name_two_nodes() {
    let rules = Rules {
        unique_numbers: false,
        ..Rules::TODAY
    };
    let budget = Budget {
        crashes: 2,
        failovers: 1,
        ..NONE
    };
    fault(budget, rules, "no two nodes go by one number");
}
