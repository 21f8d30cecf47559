//! What the black-box tests share beyond the test kit. The tests themselves live
//! beside this folder, one folder per subject.

mod ledger;
mod load;
mod seed;
mod waits;

pub use ledger::{Closed, Ledger};
pub use load::{Acknowledged, Load};
pub use seed::Seed;
pub use waits::{ails, becomes_well, nothing_is_owed, now};
