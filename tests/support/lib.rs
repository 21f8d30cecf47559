//! What the black-box tests share beyond the test kit. The tests themselves live
//! beside this folder, one folder per subject.

mod load;
mod seed;

pub use load::{Acknowledged, Load};
pub use seed::Seed;
