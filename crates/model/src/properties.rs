//! What must hold in every state.

use stateright::Property;

use crate::Protocol;
use crate::state::{Breach, NOBODY, Row, State, bit};
use crate::yesterday::floor;

/// Each with the sentence that says it.
pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("what is owed can be found", owed_is_found),
        Property::always("a commit that is closed owes nothing", |protocol, state| {
            !protocol.rules.journal || closed_owes_nothing(state)
        }),
        Property::always("an outcome moves only what it names", |_, state: &State| {
            state.breach != Some(Breach::MovedAnothers)
        }),
        Property::always(
            "nothing is written under a freed number",
            |_, state: &State| state.breach != Some(Breach::WrittenAfterFreed),
        ),
        Property::always("no two nodes hold a delivery alike", no_two_hold_alike),
        Property::always("no two nodes go by one number", |_, state: &State| {
            let mut up = state.nodes.iter().filter(|node| node.up);
            up.all(|node| {
                state
                    .nodes
                    .iter()
                    .filter(|other| other.up && other.number == node.number)
                    .count()
                    == 1
            })
        }),
        Property::always(
            "what a synchronous standby made sure of is there",
            |_, state: &State| {
                let mut rows = state.db.rows.iter().enumerate();
                rows.all(|(at, row)| state.acknowledged & bit(at as u8) == 0 || *row != Row::Absent)
            },
        ),
        Property::sometimes("all is delivered", |protocol: &Protocol, state: &State| {
            let ended = state
                .db
                .rows
                .iter()
                .filter(|row| matches!(row, Row::Ended))
                .count();
            ended == usize::from(protocol.deliveries)
        }),
        Property::always("without faults nothing is sent twice", once_without_faults),
        Property::always("without more faults all is delivered", |protocol, state| {
            // A doomed primary is looked at in the run that has no standby.
            !protocol.looks_ahead || protocol.is_doomed(state) || protocol.settles(state)
        }),
    ]
}

/// Each pending delivery stands in an index, or in a running node's memory, or somebody comes
/// across it.
fn owed_is_found(protocol: &Protocol, state: &State) -> bool {
    let mut rows = state.db.rows.iter().enumerate();
    rows.all(|(delivery, row)| {
        let Some(owner) = row.fresh() else {
            return true;
        };
        let delivery = delivery as u8;
        let owing = state
            .db
            .journal
            .iter()
            .any(|entry| entry.owes && entry.owned & bit(delivery) != 0);
        let held = state.nodes.iter().any(|node| {
            node.jobs
                .iter()
                .any(|job| job.delivery == delivery && row.is_held_as(job.owner, job.token))
        });
        if protocol.rules.journal {
            return owing || held;
        }
        let swept = state
            .nodes
            .iter()
            .any(|node| node.up && node.number == owner && delivery >= floor(state, node));
        let taken_over = !state.runs(owner)
            && state
                .db
                .node(owner)
                .is_some_and(|row| delivery >= row.floor);
        held || swept || taken_over
    })
}

/// Whatever is in nobody's index stands in a row of the commit log that owes, whoever holds it.
fn closed_owes_nothing(state: &State) -> bool {
    let owing = state.db.journal.iter().filter(|entry| entry.owes);
    let owing = owing.fold(0, |mask, entry| mask | entry.owned);
    let mut rows = state.db.rows.iter().enumerate();
    rows.all(|(delivery, row)| row.fresh().is_none() || owing & bit(delivery as u8) != 0)
}

fn no_two_hold_alike(_: &Protocol, state: &State) -> bool {
    let nodes = state.nodes.iter().enumerate();
    nodes.clone().all(|(at, node)| {
        let others = nodes.clone().filter(|(other, _)| *other != at);
        let mut jobs = others.flat_map(|(_, other)| &*other.jobs);
        jobs.all(|theirs| {
            node.jobs.iter().all(|ours| {
                ours.owner == NOBODY
                    || (ours.delivery, ours.owner, ours.token)
                        != (theirs.delivery, theirs.owner, theirs.token)
            })
        })
    })
}

/// While nothing has gone wrong, what is in memory is what the database says, and once.
fn once_without_faults(protocol: &Protocol, state: &State) -> bool {
    let (left, budget) = (state.left, protocol.budget);
    let faultless = (left.crashes, left.freezes, left.failovers, left.lapses)
        == (
            budget.crashes,
            budget.freezes,
            budget.failovers,
            budget.lapses,
        );
    if !faultless {
        return true;
    }
    let mut held = 0;
    state.nodes.iter().flat_map(|node| &*node.jobs).all(|job| {
        let first = held & bit(job.delivery) == 0;
        held |= bit(job.delivery);
        first && state.db.rows[usize::from(job.delivery)].is_held_as(job.owner, job.token)
    })
}
