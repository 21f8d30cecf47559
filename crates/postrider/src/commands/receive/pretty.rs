//! Indents JSON without touching what it says: numbers, escapes and the order of keys stay
//! as they were sent.

use serde::de::IgnoredAny;

/// `body` with line breaks and indentation; `None` if it is not JSON.
pub(super) fn json(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut printer = Printer::default();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                printer.out.push('"');
                printer.string(&mut chars);
            }
            '{' | '[' => {
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                printer.out.push(char);
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => printer.out.push(end),
                    None => printer.line(1),
                }
            }
            '}' | ']' => {
                printer.line(-1);
                printer.out.push(char);
            }
            ',' => {
                printer.out.push(',');
                printer.line(0);
            }
            ':' => printer.out.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => printer.out.push(other),
        }
    }
    Some(printer.out)
}

#[derive(Default)]
struct Printer {
    out: String,
    depth: usize,
}

impl Printer {
    /// Begins a line, `deeper` by one level, or not.
    fn line(&mut self, deeper: isize) {
        self.depth = self.depth.saturating_add_signed(deeper);
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// Copies the rest of a string, its closing quote included.
    fn string(&mut self, chars: &mut impl Iterator<Item = char>) {
        while let Some(char) = chars.next() {
            self.out.push(char);
            match char {
                '"' => return,
                '\\' => self.out.extend(chars.next()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn what_is_said_stays_as_it_was_sent() {
        let sent = br#" {"z":1.0e400,"a":"\u00e9 \"{[,:]}\" \\","z":[ ], "n":[1,{"x":null}]}"#;
        let expected = r#"{
  "z": 1.0e400,
  "a": "\u00e9 \"{[,:]}\" \\",
  "z": [],
  "n": [
    1,
    {
      "x": null
    }
  ]
}"#;
        assert_eq!(json(sent).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for body in [&b"hello"[..], b"{", b"\xff", b""] {
            assert_eq!(json(body), None);
        }
    }
}
