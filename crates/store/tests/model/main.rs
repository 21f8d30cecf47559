//! Random walks of the ownership model (`crates/model`), each step also taken by the store: after
//! every one of them each delivery stands as the model says, on both engines.
//!
//! A take-over is walked as a whole, as the store offers it, and so is the look of a roll-up that
//! has forgotten. A commit that hangs is one that comes when it is let go: what it touches is
//! locked meanwhile, so that nothing can tell the two apart. A fail-over puts the tables back,
//! under a store and nodes that go on.

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod choice;
mod compare;
mod store;
mod walk;

use walk::Walk;

/// Of the walks. On the last four a roll-up forgets and looks at what it owes: one of thirty does.
const SEEDS: [u64; 10] = [1, 2, 3, 4, 5, 6, 30, 40, 126, 204];
const STEPS: usize = 40;

both_engines! {
    async fn the_store_goes_where_random_walks_of_the_model_go(db) {
        let mut adopted = 0;
        for seed in SEEDS {
            let mut walk = Walk::begin(db, seed).await;
            for _ in 0..STEPS {
                if !walk.step().await {
                    break;
                }
            }
            adopted += walk.adopted;
        }
        assert!(adopted > 0, "no walk came to a roll-up that has forgotten");
    }
}
