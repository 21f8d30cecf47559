//! Paths that a source file names, also within macros. Read as tokens: comments and texts do
//! not count, and what stands under `#[cfg(test)]` is left out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a file names and has, as far as arrows between modules go.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Paths that begin with `crate` or `super`.
    pub(super) paths: Vec<Vec<String>>,
    /// Paths of `pub use`, for the file at a crate's root.
    pub(super) exported: Vec<Vec<String>>,
    /// Methods of `impl Store`.
    pub(super) methods: Vec<String>,
    /// Methods that are called of `self` or of something called `store`.
    pub(super) calls: Vec<String>,
}

/// The type whose methods lie in many modules.
const SPREAD: &str = "Store";

impl Named {
    pub(super) fn read(tokens: TokenStream) -> Self {
        let mut named = Self::default();
        named.walk(&tokens.into_iter().collect::<Vec<_>>());
        named
    }

    fn walk(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if is_test_only(tokens, at) {
                at = behind_item(tokens, at);
                continue;
            }
            if is_word(tokens.get(at), "crate") || is_word(tokens.get(at), "super") {
                let mut begun = Vec::new();
                at = tree(tokens, at, &mut begun, &mut self.paths);
                continue;
            }
            if is_word(tokens.get(at), "pub") && is_word(tokens.get(at + 1), "use") {
                tree(tokens, at + 2, &mut Vec::new(), &mut self.exported);
            }
            self.implementation(tokens, at);
            self.call(tokens, at);
            if let TokenTree::Group(group) = &tokens[at] {
                self.walk(&group.stream().into_iter().collect::<Vec<_>>());
            }
            at += 1;
        }
    }

    /// `impl Store { .. }`
    fn implementation(&mut self, tokens: &[TokenTree], at: usize) {
        if !(is_word(tokens.get(at), "impl") && is_word(tokens.get(at + 1), SPREAD)) {
            return;
        }
        let Some(TokenTree::Group(body)) = tokens.get(at + 2) else {
            return;
        };
        let body: Vec<TokenTree> = body.stream().into_iter().collect();
        for pair in body.windows(2) {
            if let [first, TokenTree::Ident(name)] = pair
                && is_word(Some(first), "fn")
            {
                self.methods.push(name.to_string());
            }
        }
    }

    /// `self.name(..)` or `store.name(..)`
    fn call(&mut self, tokens: &[TokenTree], at: usize) {
        let [
            of,
            dot,
            TokenTree::Ident(name),
            TokenTree::Group(arguments),
            ..,
        ] = &tokens[at..]
        else {
            return;
        };
        let is_ours = is_word(Some(of), "self") || is_word(Some(of), "store");
        if is_ours && is_sign(dot, '.') && arguments.delimiter() == Delimiter::Parenthesis {
            self.calls.push(name.to_string());
        }
    }
}

/// Reads a path, or a tree of them, that begins at `at` and has `begun` so. Returns where it
/// ends.
fn tree(
    tokens: &[TokenTree],
    mut at: usize,
    begun: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => {
                begun.push(name.to_string());
                at += 1;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_sign(token, ',')) {
                    if !part.is_empty() {
                        tree(part, 0, &mut begun.clone(), found);
                    }
                }
                return at + 1;
            }
            _ => break,
        }
        let joined = tokens.get(at).is_some_and(|token| is_sign(token, ':'))
            && tokens.get(at + 1).is_some_and(|token| is_sign(token, ':'));
        if !joined {
            break;
        }
        at += 2;
    }
    found.push(begun.clone());
    at
}

/// Whether `#[cfg(test)]` stands here.
pub(in crate::tidy) fn is_test_only(tokens: &[TokenTree], at: usize) -> bool {
    let [hash, TokenTree::Group(attribute), ..] = &tokens[at..] else {
        return false;
    };
    is_sign(hash, '#')
        && attribute.delimiter() == Delimiter::Bracket
        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Where the item ends whose first attribute is at `at`.
pub(in crate::tidy) fn behind_item(tokens: &[TokenTree], at: usize) -> usize {
    let rest = &tokens[at..];
    let is_one_line = rest
        .iter()
        .find_map(|token| match token {
            TokenTree::Ident(word) if word == "use" || word == "const" => Some(true),
            TokenTree::Ident(word) if word == "fn" || word == "mod" || word == "impl" => {
                Some(false)
            }
            _ => None,
        })
        .unwrap_or_default();
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => !is_one_line && group.delimiter() == Delimiter::Brace,
        other => is_sign(other, ';'),
    };
    let length = rest.iter().position(ends).unwrap_or(rest.len() - 1);
    at + length + 1
}

pub(in crate::tidy) fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == word)
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == sign)
}
