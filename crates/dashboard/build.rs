//! Looks whether there is a bundle to embed. It is made by npm, which no build of the
//! server's starts by itself.

use std::path::Path;

/// Lets a release be built without the dashboard.
const WITHOUT: &str = "POSTRIDER_WITHOUT_DASHBOARD";
const BUNDLE: &str = "../../dashboard/dist";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={WITHOUT}");
    // Also when it comes into being: its folder changes then.
    let there = Path::new(BUNDLE).join("index.html").is_file();
    let watched = if there { BUNDLE } else { "../../dashboard" };
    if Path::new(watched).exists() {
        println!("cargo:rerun-if-changed={watched}");
    }
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let may_be_without = std::env::var(WITHOUT).is_ok_and(|value| value == "1");
    if is_release && !there && !may_be_without {
        println!(
            "cargo:error=a release has no dashboard: `make build` makes both; \
             to build the server alone, set {WITHOUT}=1"
        );
    }
}
