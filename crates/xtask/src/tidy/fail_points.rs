//! Fail points stand in one list, in the code, and on the page about reliability.

use postrider_store::FAIL_POINTS;

/// Where the page is, and who may pass points.
const PAGE: &str = "docs/reliability.md";
const ROOMS: &[&str] = &["crates/store/src/", "crates/delivery/src/"];
/// The list itself, and the macros that make points of operations' names.
const NOT_USES: &[&str] = &["crates/store/src/fail_points.rs", "crates/store/src/db.rs"];

/// Says which points are listed and not passed, passed and not listed, or not on the page.
/// `sources` are names and texts.
pub(super) fn check(sources: &[(String, String)], page: &str) -> Vec<String> {
    let ours: Vec<&(String, String)> = sources
        .iter()
        .filter(|(name, _)| ROOMS.iter().any(|room| name.starts_with(room)))
        .filter(|(name, _)| !NOT_USES.contains(&name.as_str()))
        .collect();
    let mut faults = Vec::new();
    for (point, meaning) in FAIL_POINTS {
        let operation = operation(point);
        let is_there = |text: &str| {
            text.contains(&format!("fail_point!(\"{point}\")"))
                || operation.is_some_and(|operation| text.contains(&format!("\"{operation}\"")))
        };
        if !ours.iter().any(|(_, text)| is_there(text)) {
            faults.push(format!("{}: nothing passes {point}", NOT_USES[0]));
        }
        if !page.contains(&format!("| `{point}` | {meaning} |")) {
            faults.push(format!(
                "{PAGE}: has no row for {point}, or another meaning"
            ));
        }
    }
    for (name, text) in ours {
        for passed in passed(text) {
            if !FAIL_POINTS.iter().any(|(point, _)| *point == passed) {
                faults.push(format!("{name}: the fail point {passed} is not listed"));
            }
        }
    }
    faults
}

/// The operation of the store that a point is before or after the commit of.
fn operation(point: &str) -> Option<&str> {
    let rest = point.strip_prefix("store::")?;
    rest.strip_suffix("::before")
        .or_else(|| rest.strip_suffix("::after"))
}

fn passed(text: &str) -> Vec<&str> {
    let calls = text.split("fail_point!(\"").skip(1);
    calls.filter_map(|rest| rest.split('"').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_is_passed_and_not_listed_is_found_and_so_are_the_others() {
        let source = "fn f() { fail_point!(\"store::nowhere\"); }";
        let sources = [("crates/store/src/a.rs".to_owned(), source.to_owned())];
        let faults = check(&sources, "");
        let not_listed = "crates/store/src/a.rs: the fail point store::nowhere is not listed";
        assert!(faults.iter().any(|fault| fault == not_listed), "{faults:?}");
        assert_eq!(faults.len(), 1 + 2 * FAIL_POINTS.len());
    }

    #[test]
    fn an_operation_of_the_store_passes_its_points_by_its_name() {
        assert_eq!(
            operation("store::claiming deliveries::after"),
            Some("claiming deliveries")
        );
        assert_eq!(operation("delivery::attempt::sent"), None);
    }
}
