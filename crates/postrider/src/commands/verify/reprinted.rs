//! A body as programs that parse it and print it again might have left it, to find the one
//! that was signed.

use std::fmt::Write;

/// Ways of printing, and what each makes of the body. All keep the order of keys.
pub(super) fn variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mark = b"\xef\xbb\xbf";
    let plain = [
        (
            "without the line end behind it",
            body.trim_ascii_end().to_vec(),
        ),
        ("with a line end behind it", [body, b"\n"].concat()),
        ("with Unix line ends", without_returns(body)),
        (
            "without its byte order mark",
            body.strip_prefix(mark).unwrap_or(body).to_vec(),
        ),
    ];
    let plain = plain.into_iter().map(|(how, body)| (how.to_owned(), body));
    let mut variants: Vec<_> = plain.collect();
    if let Ok(text) = str::from_utf8(body) {
        reprint(text, &mut variants);
    }
    variants
}

fn reprint(text: &str, variants: &mut Vec<(String, Vec<u8>)>) {
    let letters = [
        ("", text.to_owned()),
        (" and letters in place of \\u escapes", unescaped(text)),
        (
            " and \\u escapes in place of letters outside ASCII",
            escaped(text),
        ),
    ];
    let spaces = [
        ("no spaces", "", ""),
        ("a space behind each comma and colon", " ", " "),
        ("a space behind each colon", "", " "),
    ];
    for (letters, text) in &letters {
        for (spaces, comma, colon) in spaces {
            let how = format!("printed with {spaces}{letters}");
            variants.push((how, respaced(text, comma, colon).into_bytes()));
        }
    }
}

fn without_returns(body: &[u8]) -> Vec<u8> {
    let returns = |pair: &(usize, &u8)| *pair.1 == b'\r' && body.get(pair.0 + 1) == Some(&b'\n');
    let kept = body.iter().enumerate().filter(|pair| !returns(pair));
    kept.map(|(_, byte)| *byte).collect()
}

/// JSON without the spaces between its parts, and with others behind commas and colons.
fn respaced(text: &str, comma: &str, colon: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    let (mut quoted, mut escape) = (false, false);
    for letter in text.chars() {
        if quoted {
            printed.push(letter);
            quoted = letter != '"' || escape;
            escape = letter == '\\' && !escape;
            continue;
        }
        match letter {
            ' ' | '\t' | '\r' | '\n' => {}
            ',' => {
                printed.push(',');
                printed.push_str(comma);
            }
            ':' => {
                printed.push(':');
                printed.push_str(colon);
            }
            _ => {
                printed.push(letter);
                quoted = letter == '"';
            }
        }
    }
    printed
}

/// Letters outside ASCII as `\uXXXX`, as Python prints them.
fn escaped(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            printed.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(printed, "\\u{unit:04x}");
            }
        }
    }
    printed
}

/// `\uXXXX` as the letter itself, where it is outside ASCII.
fn unescaped(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        printed.push_str(before);
        let (letter, length) = match units(escape) {
            Some((letter, length)) if !letter.is_ascii() => (Some(letter), length),
            // The escape and what it escapes, or the last character.
            _ => (None, escape.chars().take(2).map(char::len_utf8).sum()),
        };
        let (taken, behind) = escape.split_at(length);
        match letter {
            Some(letter) => printed.push(letter),
            None => printed.push_str(taken),
        }
        rest = behind;
    }
    printed.push_str(rest);
    printed
}

/// The letter that one or two `\uXXXX` at the beginning stand for, and their length.
fn units(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let pair = [unit(0)?, unit(6).unwrap_or_default()];
    let letter = char::decode_utf16(pair).next()?.ok()?;
    Some((letter, 6 * letter.len_utf16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(received: &str, signed: &str) -> bool {
        let variants = variants(received.as_bytes());
        received == signed || variants.iter().any(|(_, body)| body == signed.as_bytes())
    }

    #[test]
    fn what_common_programs_make_of_a_body_is_undone() {
        // Python's json.dumps without and with spaces, JavaScript's JSON.stringify, and an
        // indent of two.
        let compact = r#"{"b":[1.0,"x, y: z\"\\"],"a":"Zo\u00eb \ud83d\ude80"}"#;
        let python = r#"{"b": [1.0, "x, y: z\"\\"], "a": "Zo\u00eb \ud83d\ude80"}"#;
        let letters = r#"{"b":[1.0,"x, y: z\"\\"],"a":"Zoë 🚀"}"#;
        let pretty =
            "{\n  \"b\": [\n    1.0,\n    \"x, y: z\\\"\\\\\"\n  ],\n  \"a\": \"Zoë 🚀\"\n}";
        for received in [compact, python, letters, pretty] {
            for signed in [compact, python, letters] {
                assert!(found(received, signed), "{received} of {signed}");
            }
        }
        assert!(found("{}\r\n", "{}"));
        assert!(found("{}", "{}\n"));
        assert!(found("a\r\nb", "a\nb"));
        assert!(found("\u{feff}{}", "{}"));
        assert!(!found(r#"{"a":1}"#, r#"{"a":2}"#));
    }

    #[test]
    fn nothing_that_a_body_may_hold_is_too_odd() {
        for body in [
            "",
            "\\",
            "\\u",
            "\\u12",
            "\\ud800",
            "\\ud800\\u0041",
            "\"",
            "\\é",
            "\\uéé",
        ] {
            assert!(variants(body.as_bytes()).len() > 4, "{body}");
        }
        assert_eq!(variants(b"\xff").len(), 4);
    }
}
