//! Judges the messages of a file with the libraries that receivers use, signs each of them
//! as well, and writes both down: verdicts and signatures, one object a line.

use std::collections::BTreeMap;
use std::io::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;

use crate::Problem;

#[derive(Deserialize)]
struct Case {
    scheme: String,
    secret: String,
    id: String,
    timestamp: i64,
    headers: BTreeMap<String, String>,
    body: String,
    received: String,
}

pub fn run(input: &str, output: &str) -> Result<(), Problem> {
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(input)?)?;
    let mut output = std::io::BufWriter::new(std::fs::File::create(output)?);
    for (index, case) in cases.iter().enumerate() {
        if case.scheme != "standard" {
            continue;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &case.headers {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            headers.insert(name, HeaderValue::from_str(value)?);
        }
        let (body, received) = (case.body.as_bytes(), case.received.as_bytes());
        let svix = svix::webhooks::Webhook::new(&case.secret)?;
        let standard = standardwebhooks::Webhook::new(&case.secret)?;
        for (library, accepted, signature) in [
            (
                "svix",
                svix.verify(received, &headers).is_ok(),
                svix.sign(&case.id, case.timestamp, body)?,
            ),
            (
                "standardwebhooks",
                standard.verify(received, &headers).is_ok(),
                standard.sign(&case.id, case.timestamp, body)?,
            ),
        ] {
            let line = json!({
                "library": library, "index": index, "accepted": accepted, "signature": signature,
            });
            writeln!(output, "{line}")?;
        }
    }
    Ok(output.flush()?)
}
