//! What the black-box tests share beyond the test kit. The tests themselves live
//! beside this folder, one folder per subject.

mod load;

pub use load::{Acknowledged, Load};
