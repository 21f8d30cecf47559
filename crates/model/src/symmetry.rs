//! Nodes have no names but their place: states that differ only in which node is which are one.

use std::hash::{Hash, Hasher};

use crate::state::{Db, MOST, Number, State};
use crate::write::Write;

const PLACES: Number = MOST as Number;

/// Puts the nodes in an order that follows from what they are.
pub(crate) fn order_nodes(state: &mut State, nodes: u8) {
    let mut order: [u8; MOST] = std::array::from_fn(|at| at as u8);
    let mut keys = [0; MOST];
    for at in 0..nodes {
        keys[usize::from(at)] = key(state, at);
    }
    // Stable, so that what is alike stays where it is.
    order[..usize::from(nodes)].sort_by_key(|at| keys[usize::from(*at)]);
    if order.is_sorted() {
        return;
    }
    let mut places = [0; MOST];
    for (place, at) in order.iter().enumerate() {
        places[usize::from(*at)] = place as u8;
    }
    let old = std::mem::take(&mut state.nodes);
    for (at, node) in old.into_iter().enumerate() {
        state.nodes[usize::from(places[at])] = node;
    }
    rename(state, &mut |number: &mut Number| {
        *number = *number / PLACES * PLACES + places[usize::from(*number % PLACES)];
    });
}

/// What a node is, told without any node's place.
fn key(state: &State, at: u8) -> u64 {
    let mut hasher = Mixer(0);
    let node = &state.nodes[usize::from(at)];
    let own = |number: Number| (number % PLACES == at, number / PLACES);
    (node.up, node.leased, node.started, own(node.number)).hash(&mut hasher);
    (node.open, node.nonce).hash(&mut hasher);
    for job in &*node.jobs {
        (job.delivery, own(job.owner), job.token, job.phase).hash(&mut hasher);
    }
    node.heir
        .map(|heir| (own(heir.dead), heir.next))
        .hash(&mut hasher);
    for db in [Some(&state.db), state.standby.as_ref()]
        .into_iter()
        .flatten()
    {
        for row in &db.rows {
            let owner = row.fresh().or(row.claimed().map(|claim| claim.0));
            owner.map(own).hash(&mut hasher);
        }
        for entry in &*db.journal {
            (entry.seq, own(entry.node)).hash(&mut hasher);
        }
        for row in db.nodes.iter().filter(|row| row.of == at) {
            (row.number / PLACES, row.marked, row.freed, row.nonce).hash(&mut hasher);
        }
    }
    if let Some(mut frozen) = state.frozen {
        frozen
            .write
            .each_number(&mut |number: &mut Number| own(*number).hash(&mut hasher));
    }
    hasher.finish()
}

fn rename(state: &mut State, with: &mut impl FnMut(&mut Number)) {
    for db in [Some(&mut state.db), state.standby.as_mut()]
        .into_iter()
        .flatten()
    {
        rename_in(db, with);
    }
    for node in &mut state.nodes {
        with(&mut node.number);
        node.jobs.iter_mut().for_each(|job| with(&mut job.owner));
        node.heir.iter_mut().for_each(|heir| with(&mut heir.dead));
    }
    if let Some(frozen) = &mut state.frozen {
        frozen.write.each_number(with);
        frozen.fence.iter_mut().for_each(with);
    }
}

fn rename_in(db: &mut Db, with: &mut impl FnMut(&mut Number)) {
    for row in &mut db.rows {
        if let crate::state::Row::Pending {
            owner: Some(owner), ..
        } = row
        {
            with(owner);
        }
    }
    db.journal
        .iter_mut()
        .for_each(|entry| with(&mut entry.node));
    for row in &mut *db.nodes {
        with(&mut row.number);
        row.of = row.number % PLACES;
    }
}

impl Write {
    /// Every number that it names.
    fn each_number(&mut self, with: &mut impl FnMut(&mut Number)) {
        match self {
            Self::Record { number, moves, .. } => {
                with(number);
                moves.iter_mut().for_each(|one| with(&mut one.owner));
            }
            Self::Release { owner, .. } => with(owner),
            Self::Publish { number, .. }
            | Self::Claim { number, .. }
            | Self::Roll { number, .. }
            | Self::FreeUnheld { number, .. }
            | Self::Adopt { number, .. } => with(number),
            // None of the others hangs.
            _ => {}
        }
    }
}

/// A quick hash: keys are compared, never kept.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
