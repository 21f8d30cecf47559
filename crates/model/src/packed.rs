//! Small things hashed as one number each: a checker hashes states by the million.

use std::hash::{Hash, Hasher};

use crate::state::{Budget, Entry, Job, NodeRow, Open, Row};

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(match *self {
            Self::Absent => 0,
            Self::Ended => 1,
            Self::Pending { owner, token, due } => {
                let owner = owner.map_or(255, u32::from);
                2 | u32::from(due) << 2 | owner << 8 | u32::from(token) << 16
            }
        });
    }
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let flags = u64::from(self.rolled) << 1 | u64::from(self.owes);
        let bytes = [self.seq, self.node, self.owned, self.moved];
        state.write_u64(flags << 32 | u64::from(u32::from_le_bytes(bytes)));
    }
}

impl Hash for NodeRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let flags = u64::from(self.marked) << 1 | u64::from(self.freed);
        let bytes = [self.number, self.of, self.nonce, self.floor];
        state.write_u64(flags << 32 | u64::from(u32::from_le_bytes(bytes)));
    }
}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = [
            self.delivery,
            self.owner,
            self.token,
            self.phase.code() as u8,
        ];
        state.write_u32(u32::from_le_bytes(bytes));
    }
}

impl Hash for Open {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u16(u16::from_le_bytes([self.seq, self.left]));
    }
}

impl Hash for Budget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (one, two) = ([self.crashes, self.freezes], [self.failovers, self.lapses]);
        let bytes = [
            one[0],
            one[1],
            two[0],
            two[1],
            self.failures,
            self.releases,
            0,
            0,
        ];
        state.write_u64(u64::from_le_bytes(bytes));
    }
}
