//! Nodes and deliveries have no names but their places: states that differ only in which is which
//! are one.

use std::array::from_fn;

use crate::names::{Names, rename};
use crate::state::{Db, Entry, MOST, Mask, NOBODY, Number, Row, State, each};
use crate::write::Write;

const PLACES: Number = MOST as Number;

/// Puts nodes and deliveries in an order that follows from what they are, and gives the numbers
/// that somebody still names anew, the oldest first.
pub(crate) fn order(state: &mut State, nodes: u8) {
    let mut keys = Keys::of(state);
    let places_of_nodes = places(&keys.nodes, nodes);
    // From here on nodes that are alike are told from each other, by their places: deliveries
    // that differ in nothing but which of them has them differ.
    keys.nodes = places_of_nodes.map(u64::from);
    keys.deliveries = from_fn(|at| keys.delivery(state, at as u8));
    let names = Names {
        nodes: places_of_nodes,
        deliveries: places(&keys.deliveries, state.published),
        runs: keys.runs,
    };
    for (at, node) in std::mem::take(&mut state.nodes).into_iter().enumerate() {
        state.nodes[usize::from(names.nodes[at])] = node;
    }
    rename(state, &names);
}

/// Where each goes: the first `count` of them by their keys. Stable, so that what is alike stays
/// where it is.
fn places(keys: &[u64; MOST], count: u8) -> [u8; MOST] {
    let mut order: [u8; MOST] = from_fn(|at| at as u8);
    order[..usize::from(count)].sort_by_key(|at| keys[usize::from(*at)]);
    let mut places = [0; MOST];
    for (place, at) in order.iter().enumerate() {
        places[usize::from(*at)] = place as u8;
    }
    places
}

/// Of each node's numbers those that are named anywhere, a bit each.
fn runs(state: &State) -> [u16; MOST] {
    let mut named = [0; MOST];
    crate::names::each_number(state, &mut |number: Number| {
        named[usize::from(number % PLACES)] |= 1 << (number / PLACES);
    });
    named
}

fn hang(state: &State) -> [u16; 2] {
    match state.frozen.map(|frozen| frozen.write) {
        Some(Write::Roll { rolled, closed, .. }) => [rolled, closed],
        Some(Write::FreeUnheld { seq, .. } | Write::Adopt { seq, .. }) => [0, 1 << seq],
        _ => [0, 0],
    }
}

/// What each is, told without any place. Each tells of the others what the last round knew.
#[derive(Default)]
struct Keys {
    nodes: [u64; MOST],
    deliveries: [u64; MOST],
    /// Of each node's numbers those that are named anywhere, a bit each.
    runs: [u16; MOST],
    /// Rows of the commit log that a commit that hangs rolls up, and that it closes or looks at.
    hang: [u16; 2],
}

impl Keys {
    fn of(state: &State) -> Self {
        let mut keys = Self {
            runs: runs(state),
            hang: hang(state),
            ..Self::default()
        };
        for _ in 0..2 {
            keys.deliveries = from_fn(|at| keys.delivery(state, at as u8));
            keys.nodes = from_fn(|at| keys.node(state, at as u8));
        }
        keys
    }

    fn name(&self, number: Number) -> u64 {
        if number == NOBODY {
            return 1;
        }
        mix(&[self.nodes[usize::from(number % PLACES)], self.run(number)])
    }

    /// Which of its node's numbers it is.
    fn run(&self, number: Number) -> u64 {
        if number == NOBODY {
            return 99;
        }
        let named = self.runs[usize::from(number % PLACES)];
        u64::from((named & ((1 << (number / PLACES)) - 1)).count_ones())
    }

    fn set(&self, of: Mask) -> u64 {
        each(of).fold(0, |sum: u64, delivery| {
            sum.wrapping_add(self.deliveries[usize::from(delivery)] | 1)
        })
    }

    fn entry(&self, entry: Option<&Entry>) -> u64 {
        entry.map_or(0, |entry| {
            let hangs = self.hang.map(|rows| u64::from(rows >> entry.seq & 1));
            let flags = u64::from(entry.rolled) << 1 | u64::from(entry.owes);
            let flags = flags << 2 | hangs[0] << 1 | hangs[1];
            let (owned, moved) = (self.set(entry.owned), self.set(entry.moved));
            mix(&[self.name(entry.node), owned, moved, flags])
        })
    }

    fn row(&self, row: Row) -> u64 {
        match row {
            Row::Absent => 1,
            Row::Ended => 2,
            Row::Pending { owner, token, due } => mix(&[
                owner.map_or(0, |owner| self.name(owner)),
                u64::from(token) << 1 | u64::from(due),
            ]),
        }
    }

    fn delivery(&self, state: &State, at: u8) -> u64 {
        let has = |mask: Mask| u64::from(mask >> at & 1);
        let mut key = 0;
        for db in dbs(state) {
            let mut entries = 0_u64;
            for entry in &*db.journal {
                let part = has(entry.owned) << 1 | has(entry.moved);
                if part != 0 {
                    entries = entries.wrapping_add(mix(&[self.entry(Some(entry)), part]));
                }
            }
            key = mix(&[key, self.row(db.rows[usize::from(at)]), entries]);
        }
        let mut held = 0_u64;
        for (node, name) in state.nodes.iter().zip(self.nodes) {
            for job in node.jobs.iter().filter(|job| job.delivery == at) {
                let token = u64::from(job.token) << 8 | job.phase.code();
                held = held.wrapping_add(mix(&[name, self.name(job.owner), token]));
            }
            for open in &*node.open {
                held = held.wrapping_add(mix(&[name, 3 + has(open.left)]));
            }
        }
        let frozen = state.frozen.map_or(0, |frozen| match frozen.write {
            Write::Publish { owned, .. } => has(owned),
            Write::FreeUnheld { unheld, .. } => has(unheld),
            Write::Record { moves, .. } => {
                moves
                    .iter()
                    .filter(|one| one.delivery == at)
                    .fold(0, |sum: u64, one| {
                        let token = u64::from(one.token) << 1 | u64::from(one.fails);
                        sum.wrapping_add(mix(&[self.name(one.owner), token]))
                    })
            }
            Write::Claim {
                delivery, token, ..
            }
            | Write::Release {
                delivery, token, ..
            } if delivery == at => 2 + u64::from(token),
            _ => 0,
        });
        mix(&[key, held, frozen, has(state.acknowledged)])
    }

    fn node(&self, state: &State, at: u8) -> u64 {
        let node = &state.nodes[usize::from(at)];
        let own = |number: Number| number != NOBODY && number % PLACES == at;
        let flags = u64::from(node.up) << 1 | u64::from(node.leased);
        let nonce = node.nonce.map_or(0, |nonce| 1 + u64::from(nonce));
        let rescuer = node.rescuer.map_or(0, |rescuer| {
            mix(&[self.name(rescuer.dead), rescuer.next as u64])
        });
        let mut parts = 0_u64;
        let mut add = |part: &[u64]| parts = parts.wrapping_add(mix(part));
        for job in &*node.jobs {
            let token = u64::from(job.token) << 8 | job.phase.code();
            let run = self.run(job.owner);
            add(&[self.deliveries[usize::from(job.delivery)], run, token]);
        }
        for open in &*node.open {
            let there = self.entry(state.db.entry(open.seq));
            let standby = state.standby.as_ref().and_then(|db| db.entry(open.seq));
            add(&[self.set(open.left), there, self.entry(standby)]);
        }
        for other in &state.nodes {
            if let Some(rescuer) = other.rescuer.filter(|rescuer| own(rescuer.dead)) {
                add(&[5, self.run(rescuer.dead), rescuer.next as u64]);
            }
        }
        for (which, db) in dbs(state).enumerate() {
            let which = which as u64;
            for (row, key) in db.rows.iter().zip(self.deliveries) {
                let owner = row.fresh().or(row.claimed().map(|claim| claim.0));
                if let Some(owner) = owner.filter(|owner| own(*owner)) {
                    add(&[which, key, self.run(owner)]);
                }
            }
            for entry in db.journal.iter().filter(|entry| own(entry.node)) {
                add(&[which, self.entry(Some(entry)), self.run(entry.node)]);
            }
            for row in db.nodes.iter().filter(|row| own(row.number)) {
                let flags = u64::from(row.marked) << 1 | u64::from(row.freed);
                let name = self.run(row.number);
                add(&[which, name, flags, u64::from(row.nonce)]);
            }
        }
        if let Some(frozen) = state.frozen {
            let mut write = frozen.write;
            crate::names::each_of(&mut write, &mut |number: &mut Number| {
                if own(*number) {
                    add(&[7, self.run(*number)]);
                }
            });
        }
        let run = if node.up { self.run(node.number) } else { 0 };
        mix(&[flags, nonce, rescuer, run, parts])
    }
}

fn dbs(state: &State) -> impl Iterator<Item = &Db> {
    [Some(&state.db), state.standby.as_ref()]
        .into_iter()
        .flatten()
}

/// A quick hash: keys are compared, never kept.
fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, part| {
        let hash = (hash.rotate_left(5) ^ part).wrapping_mul(0x517c_c1b7_2722_0a95);
        hash ^ hash >> 29
    })
}
