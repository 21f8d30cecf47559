//! Finds one string in the outermost object of a JSON body, without a parser
//! and without recursion. It is used on bodies whose signature was right, and
//! still reads anything without a panic.

use crate::parse::MAX_ID;

/// The value of `key`, if it is a string of 1 to 256 visible ASCII characters
/// without escapes. What is behind it is not looked at.
pub(crate) fn string<'a>(body: &'a [u8], key: &str) -> Option<&'a str> {
    let mut scanner = Scanner { rest: body };
    scanner.space();
    scanner.take(b'{')?;
    loop {
        scanner.space();
        let name = scanner.string()?;
        scanner.space();
        scanner.take(b':')?;
        scanner.space();
        if name == key.as_bytes() {
            let value = scanner.string()?;
            let fits = (1..=MAX_ID).contains(&value.len());
            let plain = value
                .iter()
                .all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
            return std::str::from_utf8(value).ok().filter(|_| fits && plain);
        }
        scanner.value()?;
        scanner.space();
        scanner.take(b',')?;
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let length = self.rest.iter().take_while(|byte| space(byte)).count();
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[wanted])?;
        Some(())
    }

    /// What stands between two quotes, escapes and all.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let mut escaped = false;
        let end = self.rest.iter().position(|byte| match byte {
            b'"' if !escaped => true,
            _ => {
                escaped = *byte == b'\\' && !escaped;
                false
            }
        })?;
        let text = self.rest.get(..end);
        self.skip(end + 1);
        text
    }

    /// Passes over one value: a string, or everything up to the comma or brace
    /// that ends it on its own level.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest.first()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b',' | b'}' | b']' if depth == 0 => return Some(()),
                _ => {}
            }
            self.skip(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn a_string_of_the_outermost_object_is_found_wherever_it_stands() {
        for body in [
            r#"{"id":"evt_1"}"#,
            r#" { "object" : "event" , "id" : "evt_1" , "x": 1 }"#,
            r#"{"data":{"id":"inner","list":[{"id":"}"},"]"]},"n":-1.5e3,"t":true,"id":"evt_1"}"#,
            r#"{"quote":"\"id\":\"no\"","back":"\\","id":"evt_1"}"#,
            "{\"\":null,\n\t\"id\":\r\n\"evt_1\"",
        ] {
            assert_eq!(string(body.as_bytes(), "id"), Some("evt_1"), "{body}");
        }
    }

    #[test]
    fn what_is_no_plain_string_there_is_not_taken() {
        let long = format!(r#"{{"id":"{}"}}"#, "a".repeat(257));
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"["id","evt_1"]"#,
            r#"{"id":1}"#,
            r#"{"id":null}"#,
            r#"{"id":""}"#,
            r#"{"id":"a b"}"#,
            r#"{"id":"\u0041"}"#,
            r#"{"id":"evt"#,
            r#"{"id""#,
            r#"{"data":{"id":"inner"}}"#,
            r#"{"a":[[[[[["#,
            r#"{"a":"\"#,
            "id=evt_1&type=x",
            &long,
        ] {
            assert_eq!(string(body.as_bytes(), "id"), None, "{body}");
        }
    }
}
