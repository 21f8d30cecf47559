//! A request as it was pasted: header lines, an empty line, the body.

/// Headers, as the verifier takes them, and the body byte for byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pasted {
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Pasted {
    /// Reads a whole request; a request line before the headers is passed over.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let mut headers = Vec::new();
        let mut rest = text;
        let mut number = 0;
        loop {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return Err(
                    "no empty line between headers and body: paste the headers, an empty line, \
                     and the body"
                        .to_owned(),
                );
            };
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            number += 1;
            if line.is_empty() {
                break;
            }
            match header(line) {
                Some(header) => headers.push(header),
                // `POST /path HTTP/1.1`
                None if number == 1 => {}
                None => return Err(format!("line {number} is no header: write `Name: value`")),
            }
        }
        if headers.is_empty() {
            return Err("no headers: paste them before the body, then an empty line".to_owned());
        }
        Ok(Self {
            headers,
            body: rest.to_vec(),
        })
    }

    /// From headers that were given one by one.
    pub(super) fn of_parts(lines: &[String], body: Vec<u8>) -> Result<Self, String> {
        let read = |line: &String| {
            header(line.as_bytes()).ok_or_else(|| format!("--header {line:?}: write `Name: value`"))
        };
        Ok(Self {
            headers: lines.iter().map(read).collect::<Result<_, _>>()?,
            body,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.header(name).is_some()
    }

    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

/// `Name: value`, with the spaces around the value that HTTP does not count.
fn header(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = str::from_utf8(name).ok()?.trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    Some((name.to_owned(), value.get(1..)?.trim_ascii().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_or_without_its_first_line_and_with_either_line_end() {
        for text in [
            "POST /hook HTTP/1.1\r\nA-B: c: d \r\nX:\r\n\r\n{\"n\":1}\n",
            "A-B: c: d\nX:\n\n{\"n\":1}\n",
        ] {
            let pasted = Pasted::read(text.as_bytes()).unwrap();
            let expected = [
                ("A-B".to_owned(), b"c: d".to_vec()),
                ("X".to_owned(), vec![]),
            ];
            assert_eq!(pasted.headers, expected);
            assert_eq!(pasted.body, b"{\"n\":1}\n");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_what_to_paste() {
        for (text, expected) in [
            ("", "no empty line"),
            ("A: b\n{\"n\":1}", "no empty line"),
            ("{\"n\":1}\n\n", "no headers"),
            ("A: b\nno header\n\n{}", "line 2 is no header"),
        ] {
            let error = Pasted::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
