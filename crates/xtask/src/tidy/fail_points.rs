//! Fail points stand in one list, in the code, and on the page about reliability.

/// Where the page is, and who may pass points.
const PAGE: &str = "docs/reliability.md";
const ROOMS: &[&str] = &["crates/store/src/", "crates/delivery/src/"];
const LIST: &str = "crates/store/src/engine/fail_points.rs";

/// Says which points are listed and not passed, passed and not listed, or not on the page.
/// `sources` are names and texts.
pub(super) fn check(sources: &[(String, String)], page: &str) -> Vec<String> {
    let ours: Vec<&(String, String)> = sources
        .iter()
        .filter(|(name, _)| ROOMS.iter().any(|room| name.starts_with(room)))
        .filter(|(name, _)| name != LIST)
        .collect();
    let list = sources.iter().find(|(name, _)| name == LIST);
    let listed = listed(list.map_or("", |(_, text)| text));
    let mut faults = Vec::new();
    for (point, meaning) in &listed {
        let operation = operation(point);
        let is_there = |text: &str| {
            text.contains(&format!("fail_point!(\"{point}\")"))
                || operation.is_some_and(|operation| text.contains(&format!("\"{operation}\"")))
        };
        if !ours.iter().any(|(_, text)| is_there(text)) {
            faults.push(format!("{LIST}: nothing passes {point}"));
        }
        if !page.contains(&format!("| `{point}` | {meaning} |")) {
            faults.push(format!(
                "{PAGE}: has no row for {point}, or another meaning"
            ));
        }
    }
    for (name, text) in ours {
        for passed in passed(text) {
            if !listed.iter().any(|(point, _)| *point == passed) {
                faults.push(format!("{name}: the fail point {passed} is not listed"));
            }
        }
    }
    faults
}

/// Points with their meanings: pairs of texts.
fn listed(text: &str) -> Vec<(&str, &str)> {
    let list = text.split_once("FAIL_POINTS").map_or("", |(_, rest)| rest);
    let list = list.split_once("];").map_or("", |(list, _)| list);
    let texts: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let pairs = texts.chunks_exact(2);
    pairs.map(|pair| (pair[0], pair[1])).collect()
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
        let list =
            "pub const FAIL_POINTS: &[(&str, &str)] = &[(\"store::a\", \"A.\"), (\"b\", \"B.\")];";
        let source = "fn f() { fail_point!(\"store::nowhere\"); fail_point!(\"b\"); }";
        let sources = [(LIST, list), ("crates/store/src/a.rs", source)];
        let sources = sources.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(
            check(&sources, "| `b` | B. |"),
            [
                "crates/store/src/engine/fail_points.rs: nothing passes store::a",
                "docs/reliability.md: has no row for store::a, or another meaning",
                "crates/store/src/a.rs: the fail point store::nowhere is not listed",
            ]
        );
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
