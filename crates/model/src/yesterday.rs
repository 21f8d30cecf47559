//! The rules of commit 32505f2, which the checker must find fault with: what is fresh is found
//! by looking at all deliveries that are younger than the oldest one held or in doubt.

use crate::state::{Delivery, Node, State, bit};
use crate::write::Write;

/// The oldest delivery that is held fresh or in doubt, or else the oldest that is younger than
/// thirty seconds.
pub(crate) fn floor(state: &State, node: &Node) -> Delivery {
    // Every publish begins with token 0; a claim raises it.
    let fresh = node
        .jobs
        .iter()
        .filter(|job| job.token == 0)
        .map(|job| job.delivery);
    fresh
        .chain(node.doubt)
        .chain([state.aged])
        .min()
        .unwrap_or_default()
}

/// The sweep, and the heartbeat that notes the floor.
pub(crate) fn writes(state: &State, node: &Node, entered: bool, writes: &mut Vec<Write>) {
    let floor = floor(state, node);
    // What is younger than thirty seconds may be on its way.
    let looked_at = (bit(state.aged) - 1) & !(bit(floor) - 1);
    writes.push(Write::SweepFresh {
        number: node.number,
        unheld: looked_at & !node.held(),
    });
    let noted = state.db.node(node.number).map(|row| row.floor);
    if entered && noted != Some(floor) {
        writes.push(Write::NoteFloor {
            number: node.number,
            floor,
        });
    }
}
