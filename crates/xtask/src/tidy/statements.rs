//! Where the store's SQL may stand: in a constant that its module lists in `STATEMENTS`, or in a
//! function of whose statements `crates/store/src/tests/variants.rs` makes some. Both are
//! prepared on both engines by a test, so that a wrong column does not wait for its route to
//! be called.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::is_rust;
use super::modules::{behind_item, is_test_only, is_word};

const STORE: &str = "crates/store/src/";
const VARIANTS: &str = "crates/store/src/tests/variants.rs";
/// What a statement begins with.
const VERBS: &[&str] = &[
    "select ",
    "insert into ",
    "update ",
    "delete from ",
    "with ",
];
/// The list of a module's statements, and what a wing or a folder makes of its modules'.
const LIST: &str = "STATEMENTS";
const REGISTRY: &str = "REGISTRY";
/// The test that prepares all of them.
const PREPARED: &str = "crates/store/src/tests/prepared.rs";
/// Where no table of ours is asked: backups of others, the settings of sessions.
const NOT_OURS: &[&str] = &["backup/", "engine/connect/session.rs", "tests/"];

/// What of a file has SQL in it, and what is listed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    constants: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// What each function names.
    names: BTreeMap<String, BTreeSet<String>>,
    /// Neither in a constant nor in a function.
    loose: usize,
    listed: BTreeSet<String>,
}

/// `sources` are names and texts.
pub(super) fn check(sources: &[(String, String)]) -> Vec<String> {
    let variants = sources
        .iter()
        .find(|(name, _)| name == VARIANTS)
        .map_or("", |(_, text)| text.as_str());
    let mut faults = Vec::new();
    for (name, text) in sources {
        let Some(rest) = name.strip_prefix(STORE) else {
            continue;
        };
        if !is_rust(rest) || NOT_OURS.iter().any(|other| rest.starts_with(other)) {
            continue;
        }
        let place = rest.trim_end_matches(".rs").trim_end_matches("/mod");
        let (room, module) = place.rsplit_once('/').unwrap_or(("", place));
        faults.extend(check_file(name, module, text, variants));
        for list in [LIST, REGISTRY] {
            let entry = format!("{module}::{list}");
            let index = if room.is_empty() {
                PREPARED.to_owned()
            } else {
                format!("{STORE}{room}/mod.rs")
            };
            let is_named = |text: &str| text.contains(&entry);
            // A folder's own file can name its list itself.
            let names_itself = list == LIST && text.contains("&[STATEMENTS");
            if text.contains(&format!("const {list}: "))
                && !names_itself
                && !sources
                    .iter()
                    .any(|(name, text)| *name == index && is_named(text))
            {
                faults.push(format!("{index}: does not name {entry}"));
            }
        }
    }
    faults
}

fn check_file(name: &str, module: &str, text: &str, variants: &str) -> Vec<String> {
    let Ok(tokens) = TokenStream::from_str(text) else {
        return vec![format!("{name}: cannot be read as Rust")];
    };
    let mut found = Found::default();
    found.walk(&tokens.into_iter().collect::<Vec<_>>(), None);
    let mut faults = Vec::new();
    if found.loose > 0 {
        faults.push(format!(
            "{name}: SQL that is in no constant and in no function"
        ));
    }
    found.constants.remove(REGISTRY);
    for constant in found.constants.difference(&found.listed) {
        faults.push(format!("{name}: {constant} is not in {LIST}"));
    }
    let made = found.made(|function| variants.contains(&format!("{module}::{function}(")));
    for function in &found.functions {
        if !made.contains(function) {
            faults.push(format!(
                "{name}: {function} makes a statement: make one with it in {VARIANTS} ({module}::{function}), or give its text a name"
            ));
        }
    }
    faults
}

impl Found {
    /// Functions that are called, and those that these call.
    fn made(&self, is_called: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let called = self.names.keys().filter(|name| is_called(name));
        let (mut made, mut open) = (BTreeSet::new(), called.collect::<Vec<_>>());
        while let Some(function) = open.pop() {
            if made.insert(function.clone()) {
                let names = &self.names[function];
                open.extend(self.names.keys().filter(|other| names.contains(*other)));
            }
        }
        made
    }

    fn walk(&mut self, tokens: &[TokenTree], function: Option<&str>) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some((constant, value)) = constant(tokens, at) {
                let value = &tokens[value.0..value.1];
                if constant == LIST {
                    names(value, &mut self.listed);
                } else if has_sql(value) {
                    self.constants.insert(constant);
                }
                at += 1;
                while at < tokens.len() && !is_end(&tokens[at]) {
                    at += 1;
                }
                continue;
            }
            if is_test_only(tokens, at) && !lists(tokens, at) {
                at = behind_item(tokens, at);
                continue;
            }
            if let Some((name, body)) = named_function(tokens, at) {
                let body: Vec<TokenTree> = body.stream().into_iter().collect();
                names(&body, self.names.entry(name.clone()).or_default());
                self.walk(&body, Some(&name));
                at = behind_item(tokens, at);
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    self.walk(&group.stream().into_iter().collect::<Vec<_>>(), function);
                }
                token if is_sql(token) => match function {
                    Some(function) => {
                        self.functions.insert(function.to_owned());
                    }
                    None => self.loose += 1,
                },
                _ => {}
            }
            at += 1;
        }
    }
}

/// `const NAME: .. = value;` at `at`, with where its value begins and ends.
fn constant(tokens: &[TokenTree], at: usize) -> Option<(String, (usize, usize))> {
    let (first, TokenTree::Ident(name)) = (tokens.get(at)?, tokens.get(at + 1)?) else {
        return None;
    };
    if !is_word(Some(first), "const") || name == "fn" {
        return None;
    }
    let rest = &tokens[at..];
    let equals = rest.iter().position(|token| is_sign(token, '='))?;
    let end = rest.iter().position(is_end)?;
    (equals < end).then(|| (name.to_string(), (at + equals + 1, at + end)))
}

fn named_function(tokens: &[TokenTree], at: usize) -> Option<(String, &Group)> {
    let TokenTree::Ident(name) = tokens.get(at + 1)? else {
        return None;
    };
    if !is_word(tokens.get(at), "fn") {
        return None;
    }
    tokens[at..].iter().find_map(|token| match token {
        TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
            Some((name.to_string(), body))
        }
        _ => None,
    })
}

/// Whether the item at `at`, for tests alone, is the list.
fn lists(tokens: &[TokenTree], at: usize) -> bool {
    tokens[at..]
        .iter()
        .take_while(|token| !is_end(token))
        .any(|token| is_word(Some(token), LIST))
}

fn names(tokens: &[TokenTree], into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                into.insert(name.to_string());
            }
            TokenTree::Group(group) => {
                names(&group.stream().into_iter().collect::<Vec<_>>(), into);
            }
            _ => {}
        }
    }
}

fn has_sql(tokens: &[TokenTree]) -> bool {
    tokens.iter().any(|token| match token {
        TokenTree::Group(group) => has_sql(&group.stream().into_iter().collect::<Vec<_>>()),
        token => is_sql(token),
    })
}

/// Whether it is a text that begins as a statement does.
fn is_sql(token: &TokenTree) -> bool {
    let TokenTree::Literal(literal) = token else {
        return false;
    };
    let text = literal.to_string();
    let Some(text) = text.strip_prefix('"') else {
        return false;
    };
    let text = text.trim_start_matches("\\n").trim_start_matches('\n');
    VERBS.iter().any(|verb| text.starts_with(verb))
}

fn is_end(token: &TokenTree) -> bool {
    is_sign(token, ';')
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str, variants: &str) -> Vec<String> {
        check_file("x/lane.rs", "lane", text, variants)
    }

    #[test]
    fn a_statement_that_nobody_prepares_is_found() {
        for (text, said) in [
            ("const A: &str = \"select 1\";", "A is not in STATEMENTS"),
            (
                "const A: &str = concatcp!(\"select \", B);",
                "A is not in STATEMENTS",
            ),
            ("fn f() { Sql::new(\"update x set y = 1\"); }", "f makes"),
            ("impl S { fn f() { g(&[\"delete from x\"]) } }", "f makes"),
            ("m! { \"insert into x\" }", "in no constant"),
        ] {
            let found = faults(text, "lane::g(");
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains(said), "{found:?}");
        }
    }

    #[test]
    fn what_is_listed_or_made_is_fine_and_so_is_what_only_looks_like_it() {
        let listed = "const A: &str = \"select 1\"; fn f() { Sql::new(A) } \
             #[cfg(test)] pub(crate) const STATEMENTS: Statements = Statements { both: &[A], ..NONE };";
        let made = "fn list(o: u8) -> Sql { Sql::new(\"select x\").push(\"with y\") }";
        let others =
            "fn f() { warn!(\"selected\"); } #[cfg(test)] mod tests { fn g() { x(\"select 1\") } }";
        for text in [listed, made, others] {
            assert_eq!(
                faults(text, "v(lane::list(1))"),
                Vec::<String>::new(),
                "{text}"
            );
        }
    }
}
