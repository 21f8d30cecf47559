//! Gives names anew: places of nodes and deliveries, numbers, rows of the commit log.

use crate::state::{Db, Entry, MOST, Mask, NOBODY, Number, Row, Seq, State, bit, each};
use crate::write::Write;

const PLACES: Number = MOST as Number;

/// What goes where.
pub(crate) struct Names {
    /// The new place of each node.
    pub(crate) nodes: [u8; MOST],
    /// The new place of each delivery.
    pub(crate) deliveries: [u8; MOST],
    /// Which of each node's numbers are named anywhere, a bit each.
    pub(crate) runs: [u16; MOST],
}

impl Names {
    fn number(&self, number: &mut Number) {
        if *number != NOBODY {
            let (place, run) = (usize::from(*number % PLACES), *number / PLACES);
            let before = (self.runs[place] & ((1 << run) - 1)).count_ones() as u8;
            *number = self.nodes[place] + PLACES * before;
        }
    }

    fn set(&self, of: &mut Mask) {
        *of = each(*of).fold(0, |set, delivery| {
            set | bit(self.deliveries[usize::from(delivery)])
        });
    }

    fn delivery(&self, delivery: &mut u8) {
        *delivery = self.deliveries[usize::from(*delivery)];
    }

    fn db(&self, db: &mut Db) {
        for (at, mut row) in std::mem::take(&mut db.rows).into_iter().enumerate() {
            if let Row::Pending {
                owner: Some(owner), ..
            } = &mut row
            {
                self.number(owner);
            }
            db.rows[usize::from(self.deliveries[at])] = row;
        }
        for entry in &mut *db.journal {
            self.number(&mut entry.node);
            self.set(&mut entry.owned);
            self.set(&mut entry.moved);
        }
        for row in &mut *db.nodes {
            self.number(&mut row.number);
            row.of = row.number % PLACES;
        }
    }

    fn write(&self, write: &mut Write) {
        match write {
            Write::Publish { owned, .. } => self.set(owned),
            Write::FreeUnheld { unheld, .. } => self.set(unheld),
            Write::Claim { delivery, .. } | Write::Release { delivery, .. } => {
                self.delivery(delivery);
            }
            Write::Record { moves, .. } => {
                moves
                    .iter_mut()
                    .for_each(|one| self.delivery(&mut one.delivery));
            }
            _ => {}
        }
        each_of(write, &mut |number: &mut Number| self.number(number));
        if let Write::Record { moves, .. } = write {
            moves.sort_unstable_by_key(|one| (one.delivery, one.owner, one.token, one.fails));
        }
    }
}

/// Gives places and numbers anew everywhere. The nodes stand in their new places already.
pub(crate) fn rename(state: &mut State, names: &Names) {
    names.db(&mut state.db);
    state.standby.iter_mut().for_each(|db| names.db(db));
    let mut old = [0; MOST];
    for (at, place) in names.nodes.iter().enumerate() {
        old[usize::from(*place)] = at;
    }
    for (node, was) in state.nodes.iter_mut().zip(old) {
        if node.up {
            names.number(&mut node.number);
        }
        // The next number is one that nobody names.
        node.started = names.runs[was].count_ones() as u8;
        for job in &mut *node.jobs {
            names.number(&mut job.owner);
            names.delivery(&mut job.delivery);
        }
        node.open
            .iter_mut()
            .for_each(|open| names.set(&mut open.left));
        node.rescuer
            .iter_mut()
            .for_each(|rescuer| names.number(&mut rescuer.dead));
    }
    if let Some(frozen) = &mut state.frozen {
        names.write(&mut frozen.write);
        frozen
            .fence
            .iter_mut()
            .for_each(|fence| names.number(fence));
    }
    names.set(&mut state.acknowledged);
}

/// Every number that a transaction names. Of those that hang: no other is ever kept.
pub(crate) fn each_of(write: &mut Write, with: &mut impl FnMut(&mut Number)) {
    match write {
        Write::Record { number, moves, .. } => {
            with(number);
            moves.iter_mut().for_each(|one| with(&mut one.owner));
        }
        Write::Release { owner, .. } => with(owner),
        Write::Publish { number, .. }
        | Write::Claim { number, .. }
        | Write::Roll { number, .. }
        | Write::FreeUnheld { number, .. }
        | Write::Adopt { number, .. } => with(number),
        _ => {}
    }
}

/// Every number that is named anywhere.
pub(crate) fn each_number(state: &State, with: &mut impl FnMut(Number)) {
    let mut with = |number: Number| {
        if number != NOBODY {
            with(number);
        }
    };
    for db in [Some(&state.db), state.standby.as_ref()]
        .into_iter()
        .flatten()
    {
        for row in &db.rows {
            if let Row::Pending {
                owner: Some(owner), ..
            } = row
            {
                with(*owner);
            }
        }
        db.journal.iter().for_each(|entry| with(entry.node));
        db.nodes.iter().for_each(|row| with(row.number));
    }
    for node in &state.nodes {
        if node.up {
            with(node.number);
        }
        node.jobs.iter().for_each(|job| with(job.owner));
        node.rescuer.iter().for_each(|rescuer| with(rescuer.dead));
    }
    if let Some(frozen) = state.frozen {
        let mut write = frozen.write;
        each_of(&mut write, &mut |number: &mut Number| with(*number));
        frozen.fence.iter().for_each(|fence| with(*fence));
    }
}

/// Numbers rows of the commit log by what they are, so that it makes no difference in which order
/// they came.
pub(crate) fn name_rows(state: &mut State) {
    let mut rows: [(u64, Seq); 16] = [(u64::MAX, 0); 16];
    let mut known = 0_u16;
    let mut count = 0;
    let mut all = |db: &Db| {
        for entry in &*db.journal {
            if known >> entry.seq & 1 == 0 {
                known |= 1 << entry.seq;
                rows[count] = (likeness(state, *entry), entry.seq);
                count += 1;
            }
        }
    };
    all(&state.db);
    state.standby.iter().for_each(&mut all);
    rows[..count].sort_unstable();
    let mut new: [Option<Seq>; 16] = [None; 16];
    for (at, (_, seq)) in rows[..count].iter().enumerate() {
        new[usize::from(*seq)] = Some(at as Seq);
    }
    let count = count as Seq;
    // A row that is not written yet comes after those that are; one that is gone is no one's.
    let of = |seq: Seq| new[usize::from(seq)].unwrap_or(count);
    let set = |seqs: u16| {
        (0..16)
            .filter(|seq| seqs >> seq & 1 != 0)
            .filter_map(|seq| new[seq])
            .fold(0, |set: u16, seq| set | 1 << seq)
    };
    for db in [Some(&mut state.db), state.standby.as_mut()]
        .into_iter()
        .flatten()
    {
        db.journal
            .iter_mut()
            .for_each(|entry| entry.seq = of(entry.seq));
    }
    for node in &mut state.nodes {
        node.open
            .iter_mut()
            .for_each(|open| open.seq = of(open.seq));
    }
    if let Some(frozen) = &mut state.frozen {
        match &mut frozen.write {
            Write::Publish { seq, .. }
            | Write::Record { seq, .. }
            | Write::FreeUnheld { seq, .. }
            | Write::Adopt { seq, .. } => *seq = of(*seq),
            Write::Roll { rolled, closed, .. } => {
                (*rolled, *closed) = (set(*rolled), set(*closed));
            }
            _ => {}
        }
    }
}

/// Everything that anybody says of this row, but for its number.
fn likeness(state: &State, entry: Entry) -> u64 {
    let seq = entry.seq;
    let there = |db: &Db| {
        db.entry(seq).map_or(0, |entry| {
            1 | u64::from(entry.rolled) << 1 | u64::from(entry.owes) << 2
        })
    };
    let mut key = u64::from(entry.node) << 6 | u64::from(entry.owned) << 3 | u64::from(entry.moved);
    key = key << 3 | there(&state.db);
    key = key << 3 | state.standby.as_ref().map_or(0, there);
    for node in &state.nodes {
        let mut open = node.open.iter().filter(|open| open.seq == seq);
        key = key << 4 | open.next().map_or(0, |open| 8 | u64::from(open.left));
    }
    let named = state.frozen.map_or(0, |frozen| match frozen.write {
        Write::FreeUnheld { seq: named, .. } | Write::Adopt { seq: named, .. } => {
            u64::from(named == seq)
        }
        Write::Roll { rolled, closed, .. } => {
            u64::from(rolled >> seq & 1) << 1 | u64::from(closed >> seq & 1)
        }
        _ => 0,
    });
    key << 2 | named
}
