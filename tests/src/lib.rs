//! Black-box tests live beside this file, one folder per subject.
