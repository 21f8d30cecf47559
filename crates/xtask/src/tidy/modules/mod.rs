//! Which module of a crate names which other: no cycles among those at its top, and the
//! store's wings in one order.

mod graph;
mod paths;

pub(super) use self::paths::{behind_item, is_test_only, is_word};

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use self::graph::Graph;

/// Crates whose top modules have no cycle.
const ACYCLIC: &[&str] = &["api", "delivery", "postrider", "store"];

/// The store's wings: each names only those before it.
const WINGS: &[&str] = &[
    "engine",
    "stored",
    "cache",
    "expiry",
    "outbox",
    "commit",
    "due",
    "tenant",
    "access",
    "history",
    "task",
    "retention",
    "backup",
    "open",
];

pub(super) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for name in ACYCLIC {
        let folder = format!("crates/{name}/src");
        let graph = Graph::of(&root.join(&folder))?;
        faults.extend(cycles(&folder, &graph));
        if *name == "store" {
            faults.extend(back_arrows(&folder, &graph, WINGS));
        }
    }
    Ok(faults)
}

/// Modules that reach themselves, those of one cycle in one line.
fn cycles(folder: &str, graph: &Graph) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut faults = Vec::new();
    for module in graph.modules() {
        let cycle: BTreeSet<&str> = graph
            .modules()
            .filter(|other| graph.reaches(module, other) && graph.reaches(other, module))
            .collect();
        if cycle.len() > 1 && told.insert(cycle.clone()) {
            let arrows: Vec<String> = graph
                .arrows()
                .filter(|arrow| cycle.contains(arrow.from) && cycle.contains(arrow.to))
                .map(|arrow| arrow.to_string())
                .collect();
            faults.push(format!(
                "{folder}: a cycle of modules: {}",
                arrows.join("; ")
            ));
        }
    }
    faults
}

/// Arrows to a wing that is not before the one that names it.
fn back_arrows(folder: &str, graph: &Graph, order: &[&str]) -> Vec<String> {
    let place = |module: &str| order.iter().position(|wing| *wing == module);
    let mut faults = Vec::new();
    for module in graph.modules().filter(|module| place(module).is_none()) {
        faults.push(format!(
            "{folder}/{module}: give it its place in crates/xtask/src/tidy/modules/mod.rs"
        ));
    }
    for arrow in graph.arrows() {
        if place(arrow.to) > place(arrow.from) {
            faults.push(format!("{folder}: an arrow back: {arrow}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(files: &[(&str, &str)]) -> Graph {
        Graph::of_texts(files.iter().copied()).unwrap()
    }

    #[test]
    fn a_planted_cycle_is_found_with_its_arrows() {
        let files = [
            (
                "lib.rs",
                "mod a; mod b; mod c; pub use c::{Deep, deeper::Deepest};",
            ),
            ("a.rs", "use crate::{b::B, Other};"),
            ("b/mod.rs", "fn f() { let x = vec![crate::Deep::new()]; }"),
            ("c.rs", "/// crate::b\nfn f() -> super::a::A {} // crate::b"),
        ];
        let found = cycles("x", &graph(&files));
        let said = "x: a cycle of modules: a → b (a.rs); b → c (b/mod.rs); c → a (c.rs)";
        assert_eq!(found, [said]);
        assert_eq!(cycles("x", &graph(&files[..3])), Vec::<String>::new());
    }

    #[test]
    fn tests_may_name_what_they_like() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "#[cfg(test)]\nmod tests { use crate::a::A; }\n#[cfg(test)] use crate::a::{C, D};",
            ),
            ("b/tests.rs", "use crate::a::A;"),
        ];
        assert_eq!(cycles("x", &graph(&files)), Vec::<String>::new());
    }

    #[test]
    fn a_planted_back_arrow_is_found_and_so_is_a_wing_without_a_place() {
        let files = [
            ("lib.rs", "mod low; mod high; mod new; pub use high::High;"),
            ("low/mod.rs", "macro_rules! m { () => { $crate::High }; }"),
            ("high.rs", "use crate::low;"),
            ("new.rs", ""),
        ];
        assert_eq!(
            back_arrows("x", &graph(&files), &["low", "high"]),
            [
                "x/new: give it its place in crates/xtask/src/tidy/modules/mod.rs",
                "x: an arrow back: low → high (low/mod.rs)",
            ]
        );
    }

    #[test]
    fn a_method_that_is_called_is_an_arrow_too() {
        let files = [
            ("lib.rs", "mod low; mod high;"),
            (
                "low.rs",
                "impl Store { pub fn look(&self) { self.read_all(); other.write_all(); } }",
            ),
            (
                "high.rs",
                "impl Store { pub(crate) async fn read_all(&self) {} fn write_all(&self) {} }",
            ),
        ];
        assert_eq!(
            back_arrows("x", &graph(&files), &["low", "high"]),
            ["x: an arrow back: low → high (low.rs)"]
        );
    }
}
