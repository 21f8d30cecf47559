//! How many of each there are at a time.

use std::collections::HashMap;
use std::hash::Hash;

/// One less of `key`; what there is none of is not kept.
pub(crate) fn leave<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
