//! States that are alike are made one: what can make no difference any more is forgotten, names
//! that nobody compares with others are given anew, and order is kept where there is none.

use crate::Protocol;
use crate::doomed::{forget_doomed, show_fresh};
use crate::names::{each_of, name_rows};
use crate::state::{Db, Entry, Frozen, MOST, Mask, NOBODY, Number, Row, State, bit, each};
use crate::step::forget;
use crate::symmetry::order;
use crate::write::Write;

pub(crate) fn tidy(protocol: &Protocol, state: &mut State) {
    if state.left.failovers == 0 {
        state.standby = None;
    }
    let doomed = protocol.is_doomed(state);
    if doomed {
        forget_doomed(state);
    }
    forget_journal(protocol, state);
    if protocol.merges() {
        if !doomed {
            begin_anew(protocol, state);
            forget_accounts(state);
        }
        forget_roll_up(state);
        forget_outcomes(state);
        forget_nodes(state);
    }
    let gone = |state: &State, number| {
        let in_db = |db: &Db| db.node(number).is_some();
        !in_db(&state.db) && !state.standby.as_ref().is_some_and(in_db)
    };
    for at in 0..state.nodes.len() {
        let rescuer = state.nodes[at].rescuer;
        if rescuer.is_some_and(|rescuer| gone(state, rescuer.dead)) {
            state.nodes[at].rescuer = None;
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
    if protocol.merges() {
        forget_tokens(state);
        lower_nonces(state);
        lower_tokens(state);
        order(state, protocol.nodes);
        name_rows(state);
    }
    if doomed {
        show_fresh(state);
    }
    sort(state);
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

/// Rows that owe nothing, and that no roll-up reads any more.
fn forget_journal(protocol: &Protocol, state: &mut State) {
    let mut numbers = [None::<Number>; crate::state::MOST];
    for (number, node) in numbers.iter_mut().zip(&state.nodes) {
        *number = node.up.then_some(node.number);
    }
    let runs = |number| numbers.contains(&Some(number));
    let renames = protocol.merges();
    if let Some(frozen) = state.frozen.as_mut().filter(|_| renames) {
        // Of a mark that no account compares nothing counts but that it is another.
        let mut write = frozen.write;
        each_of(&mut write, &mut |number: &mut Number| {
            if !runs(*number)
                && let Some(nonce) = frozen.write.nonce_mut(*number)
            {
                *nonce = 1;
            }
        });
    }
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
        let rows = db.rows;
        let fresh = |entry: &Entry| {
            let mut owned = each(entry.owned);
            owned.any(|one| rows[usize::from(one)].fresh() == Some(entry.node))
        };
        let means = |entry: &Entry| {
            // Whoever looks at what a node left finds only what is fresh.
            let found = !renames || runs(entry.node) || fresh(entry);
            protocol.rules.journal && found && (entry.owes || !entry.rolled)
        };
        db.journal.retain(means);
    }
}

/// Outcomes of deliveries that none of their node's rows owes: no account enters them. Rolling
/// them up can lose an account all the same, if its commit hangs or goes back, so that they stay
/// for as long as there is one to be lost.
fn forget_outcomes(state: &mut State) {
    let accounts = accounts(state);
    let dbs = [Some(&mut state.db), state.standby.as_mut()];
    for db in dbs.into_iter().flatten() {
        let owed = owed(db);
        let counts = |entry: &Entry| accounts & 1 << entry.node != 0 || is_read(&owed, *entry);
        db.journal.retain(counts);
    }
}

/// What each number's rows owe.
fn owed(db: &Db) -> [Mask; 32] {
    let mut owed = [0; 32];
    for entry in db.journal.iter().filter(|entry| entry.owes) {
        owed[usize::from(entry.node)] |= entry.owned;
    }
    owed
}

/// Whether an account learns anything from it.
fn is_read(owed: &[Mask; 32], entry: Entry) -> bool {
    entry.owes || entry.moved & owed[usize::from(entry.node)] != 0
}

/// The numbers whose accounts a roll-up could lose.
fn accounts(state: &State) -> u32 {
    let lost = state.left.failovers > 0 || state.left.freezes > 0 || state.frozen.is_some();
    let nodes = state
        .nodes
        .iter()
        .filter(|node| lost && !node.open.is_empty());
    nodes.fold(0, |numbers, node| numbers | 1 << node.number)
}

/// What a roll-up does that hangs and from which no account learns anything: that it comes or not
/// makes no difference, and it keeps others waiting at most. Its account is lost already.
fn forget_roll_up(state: &mut State) {
    let db = &state.db;
    let open = |seq| db.entry(seq).is_some_and(|entry| entry.owes);
    let counts = match state.frozen.map(|frozen| frozen.write) {
        Some(Write::Roll { rolled, closed, .. }) => {
            let owed = owed(db);
            db.journal.iter().any(|entry| {
                rolled >> entry.seq & 1 != 0 && is_read(&owed, *entry)
                    || closed >> entry.seq & 1 != 0 && entry.owes
            })
        }
        Some(Write::FreeUnheld {
            number,
            seq,
            unheld,
            ..
        }) => {
            let mut unheld = each(unheld);
            open(seq) || unheld.any(|one| db.rows[usize::from(one)].fresh() == Some(number))
        }
        Some(Write::Adopt { seq, .. }) => open(seq),
        _ => true,
    };
    if !counts {
        state.frozen = None;
    }
}

/// What a roll-up has in memory that it can never use.
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

/// What a roll-up does as soon as it can do nothing else, at once: it waits for nobody, and nobody
/// sees it.
fn begin_anew(protocol: &Protocol, state: &mut State) {
    let (db, standby) = (&state.db, state.standby.as_ref());
    for node in &mut state.nodes {
        let there = |db: &Db| db.node(node.number).is_some();
        // Without a row it enters under another number before it can go on.
        let cut_off = !there(db) && !standby.is_some_and(there);
        if cut_off || protocol.must_forget(db, node) {
            forget(node);
        }
        if state.left.failovers == 0 {
            // Nothing can come between its transactions any more.
            node.nonce = None;
        }
    }
}

/// Rows of numbers that nobody goes by and that own nothing: rescuers have nothing to do but to
/// remove them, which changes nothing for anybody.
fn forget_nodes(state: &mut State) {
    let mut named = 0_u32;
    for node in state.nodes.iter().filter(|node| node.up) {
        named |= 1 << node.number;
    }
    if let Some(mut frozen) = state.frozen {
        each_of(&mut frozen.write, &mut |number: &mut Number| {
            named |= 1 << *number;
        });
    }
    // The standby's first: a rescuer of one that is left there can come over from this database.
    let dbs = [state.standby.as_mut(), Some(&mut state.db)];
    for db in dbs.into_iter().flatten() {
        let mut owners = named;
        for row in &db.rows {
            if let Row::Pending {
                owner: Some(owner), ..
            } = row
            {
                owners |= 1 << *owner;
            }
        }
        db.nodes.retain(|row| owners & 1 << row.number != 0);
        for row in &*db.nodes {
            named |= 1 << row.number;
        }
    }
}

/// Of a job that can match no row any more nothing but itself makes a difference. Tokens only
/// grow, and no number comes again.
fn forget_tokens(state: &mut State) {
    let mut running = 0_u32;
    for node in state.nodes.iter().filter(|node| node.up) {
        running |= 1 << node.number;
    }
    let fits = |row: Row, owner: Number, token: u8| match row {
        Row::Pending { token: there, .. } => {
            row.is_held_as(owner, token) || running & 1 << owner != 0 && there < token
        }
        _ => false,
    };
    let (rows, standby) = (state.db.rows, state.standby.as_ref().map(|db| db.rows));
    let frozen = state.frozen.map(|frozen| frozen.write);
    for job in state.nodes.iter_mut().flat_map(|node| &mut *node.jobs) {
        let at = usize::from(job.delivery);
        // A claim that hangs may bring it back, also after its node.
        let hangs = matches!(frozen, Some(Write::Claim { number, token, delivery })
            if (delivery, number, token) == (job.delivery, job.owner, job.token));
        let fits = |rows: [Row; MOST]| fits(rows[at], job.owner, job.token);
        if !hangs && !fits(rows) && !standby.is_some_and(fits) {
            (job.owner, job.token) = (NOBODY, 0);
        }
    }
    // A fail-over takes a commit that hangs along: only this database can ever have it.
    if let Some(Frozen {
        write: Write::Record { moves, .. },
        ..
    }) = &mut state.frozen
    {
        for one in moves.iter_mut() {
            if !fits(rows[usize::from(one.delivery)], one.owner, one.token) {
                (one.owner, one.token) = (NOBODY, 0);
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
        if usize::from(job.delivery) == delivery && job.owner != NOBODY {
            with(&mut job.token);
        }
    }
    match state.frozen.as_mut().map(|frozen| &mut frozen.write) {
        Some(Write::Record { moves, .. }) => {
            let named = moves
                .iter_mut()
                .filter(|one| usize::from(one.delivery) == delivery && one.owner != NOBODY);
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
