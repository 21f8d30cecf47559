//! States that are alike are made one: what can make no difference any more is forgotten, names
//! that nobody compares with others are given anew, and order is kept where there is none.

use crate::state::{Db, Entry, Number, Row, State, bit};
use crate::symmetry::order_nodes;
use crate::write::Write;
use crate::{Protocol, Rules};

pub(crate) fn tidy(protocol: &Protocol, state: &mut State) {
    if state.left.failovers == 0 {
        state.standby = None;
    }
    forget_journal(protocol, state);
    let gone = |state: &State, number| {
        let in_db = |db: &Db| db.node(number).is_some();
        !in_db(&state.db) && !state.standby.as_ref().is_some_and(in_db)
    };
    for at in 0..state.nodes.len() {
        let heir = state.nodes[at].heir;
        if heir.is_some_and(|heir| gone(state, heir.dead)) {
            state.nodes[at].heir = None;
        }
        if protocol.rules.journal {
            state.nodes[at].doubt = None;
        }
    }
    if state.left.failovers == 0 {
        // Nothing that is there goes any more.
        let rows = state.db.rows.iter().enumerate();
        let absent = rows.filter(|(_, row)| **row == Row::Absent);
        let lost = absent.fold(0, |mask, (at, _)| mask | bit(at as u8));
        state.acknowledged &= lost;
    }
    if protocol.rules.unique_numbers {
        state.db.next_number = 0;
    }
    if protocol.renames {
        forget_accounts(state);
        forget_tokens(state);
        lower_nonces(state);
        lower_tokens(state);
    }
    sort(state);
    if protocol.renames && protocol.rules == Rules::TODAY {
        order_nodes(state, protocol.nodes);
        sort(state);
    }
}

/// Lists whose order means nothing.
fn sort(state: &mut State) {
    for node in &mut state.nodes {
        node.jobs.sort_unstable();
        node.open.sort_unstable_by_key(|open| open.seq);
    }
    for db in [Some(&mut state.db), state.standby.as_mut()]
        .into_iter()
        .flatten()
    {
        db.nodes.sort_unstable_by_key(|row| row.number);
        db.journal.sort_unstable_by_key(|entry| entry.seq);
    }
}

/// Rows that owe nothing, and that no roller reads any more.
fn forget_journal(protocol: &Protocol, state: &mut State) {
    let mut numbers = [None::<Number>; crate::state::MOST];
    for (number, node) in numbers.iter_mut().zip(&state.nodes) {
        *number = node.up.then_some(node.number);
    }
    let runs = |number| numbers.contains(&Some(number));
    let renames = protocol.renames;
    let rolling =
        matches!(state.frozen, Some(frozen) if matches!(frozen.write, Write::Roll { .. }));
    let dbs = [Some(&mut state.db), state.standby.as_mut()];
    for db in dbs.into_iter().flatten() {
        for entry in db
            .journal
            .iter_mut()
            .filter(|entry| renames && !runs(entry.node))
        {
            entry.rolled = true;
        }
        for row in db
            .nodes
            .iter_mut()
            .filter(|row| renames && !runs(row.number))
        {
            row.nonce = 0;
        }
        let means = |entry: &Entry| protocol.rules.journal && (entry.owes || !entry.rolled);
        db.journal.retain(means);
        if renames && !rolling {
            forget_outcomes(db);
        }
    }
}

/// Outcomes of deliveries that none of their node's rows owes: no account enters them.
fn forget_outcomes(db: &mut Db) {
    let mut owed = [0; 32];
    for entry in db.journal.iter().filter(|entry| entry.owes) {
        owed[usize::from(entry.node)] |= entry.owned;
    }
    let counts = |entry: &Entry| entry.owes || entry.moved & owed[usize::from(entry.node)] != 0;
    db.journal.retain(counts);
}

/// What a roller has in memory that it can never use.
fn forget_accounts(state: &mut State) {
    let (db, standby, frozen) = (&state.db, state.standby.as_ref(), state.frozen);
    for node in &mut state.nodes {
        let owes = |db: &Db, seq| db.entry(seq).is_some_and(|entry| entry.owes);
        let there = |seq| owes(db, seq) || standby.is_some_and(|db| owes(db, seq));
        node.open.retain(|open| there(open.seq));
        let left = |db: &Db| db.node(node.number).map(|row| row.nonce);
        let follows = [
            left(db),
            standby.and_then(left),
            frozen.and_then(|frozen| frozen.write.nonce(node.number)),
        ];
        if node.nonce.is_some() && !follows.contains(&node.nonce) {
            node.nonce = None;
            node.open = crate::List::default();
        }
    }
}

/// Of a job whose delivery has ended, or is lost, nothing but itself makes a difference.
fn forget_tokens(state: &mut State) {
    for node in &mut state.nodes {
        for job in &mut *node.jobs {
            let at = usize::from(job.delivery);
            let rows = [
                Some(state.db.rows[at]),
                state.standby.as_ref().map(|db| db.rows[at]),
            ];
            if !rows.into_iter().flatten().any(Row::is_pending) {
                (job.owner, job.token) = (node.number, 0);
            }
        }
    }
}

/// Only which nonces are the same makes a difference.
fn lower_nonces(state: &mut State) {
    for at in 0..state.db.nodes.len() {
        let number = state.db.nodes[at].number;
        let mut known: [Option<u8>; 4] = [None; 4];
        let mut lower = |nonce: &mut u8| {
            let place = known
                .iter()
                .position(|one| one.is_none_or(|one| one == *nonce));
            if let Some(place) = place {
                known[place] = Some(*nonce);
                *nonce = place as u8;
            }
        };
        lower(&mut state.db.nodes[at].nonce);
        for node in state.nodes.iter_mut().filter(|node| node.number == number) {
            node.nonce.iter_mut().for_each(&mut lower);
        }
        let standby = state
            .standby
            .iter_mut()
            .filter_map(|db| db.node_mut(number));
        standby.for_each(|row| lower(&mut row.nonce));
        let frozen = state
            .frozen
            .as_mut()
            .and_then(|frozen| frozen.write.nonce_mut(number));
        frozen.into_iter().for_each(lower);
    }
}

/// Only whether tokens are the same, and how far apart, makes a difference.
fn lower_tokens(state: &mut State) {
    for delivery in 0..state.db.rows.len() {
        let mut least = u8::MAX;
        each_token(state, delivery, |token| least = least.min(*token));
        if least != u8::MAX && least != 0 {
            each_token(state, delivery, |token| *token -= least);
        }
    }
}

fn each_token(state: &mut State, delivery: usize, mut with: impl FnMut(&mut u8)) {
    let standby = state.standby.as_mut().map(|db| &mut db.rows[delivery]);
    for row in [Some(&mut state.db.rows[delivery]), standby]
        .into_iter()
        .flatten()
    {
        if let Row::Pending { token, .. } = row {
            with(token);
        }
    }
    for job in state.nodes.iter_mut().flat_map(|node| &mut *node.jobs) {
        if usize::from(job.delivery) == delivery {
            with(&mut job.token);
        }
    }
    match state.frozen.as_mut().map(|frozen| &mut frozen.write) {
        Some(Write::Record { moves, .. }) => {
            let named = moves
                .iter_mut()
                .filter(|one| usize::from(one.delivery) == delivery);
            named.for_each(|one| with(&mut one.token));
        }
        Some(
            Write::Release {
                delivery: named,
                token,
                ..
            }
            | Write::Claim {
                delivery: named,
                token,
                ..
            },
        ) if usize::from(*named) == delivery => with(token),
        _ => {}
    }
}
