//! How long a function may be.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Longer functions are two functions.
const MOST_LINES: usize = 100;

pub(super) fn check(name: &str, text: &str) -> Vec<String> {
    let Ok(tokens) = TokenStream::from_str(text) else {
        return vec![format!("{name}: cannot be read as Rust")];
    };
    let mut faults = Vec::new();
    look(name, tokens, &mut faults);
    faults
}

/// Also within macros: whole suites are the body of one.
fn look(name: &str, tokens: TokenStream, faults: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            look(name, group.stream(), faults);
        }
        let (TokenTree::Ident(word), Some(TokenTree::Ident(function))) =
            (token, tokens.get(at + 1))
        else {
            continue;
        };
        if word != "fn" {
            continue;
        }
        let body = tokens[at..].iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(Some(group)),
            TokenTree::Punct(sign) if sign.as_char() == ';' => Some(None),
            _ => None,
        });
        let Some(Some(body)) = body else {
            continue;
        };
        let lines = body.span_close().end().line - word.span().start().line + 1;
        if lines > MOST_LINES {
            faults.push(format!(
                "{name}: {function} has {lines} lines: at most {MOST_LINES}, split it"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlong_function_is_found_wherever_it_stands() {
        let function = |lines: usize| format!("fn f() -> [u8; 1] {{{}}}", "\n".repeat(lines - 1));
        let long = function(MOST_LINES + 1);
        for text in [
            long.clone(),
            format!("impl A {{ {long} }}"),
            format!("suite! {{ async {long} }}"),
            format!("fn g(); {long}"),
        ] {
            let said = format!(
                "a.rs: f has {} lines: at most 100, split it",
                MOST_LINES + 1
            );
            assert_eq!(check("a.rs", &text), [said], "{text}");
        }
        assert_eq!(check("a.rs", &function(MOST_LINES)), Vec::<String>::new());
    }
}
