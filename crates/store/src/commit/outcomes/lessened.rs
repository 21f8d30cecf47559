//! An outcome whose record the database refuses, with less and less of the record: the
//! delivery moves on and its attempts are counted whatever becomes of that.

use bytes::Bytes;

use super::{NewAttempt, Outcome};

/// In place of what was refused.
const REFUSED: &str = "the database refused to store this part of the attempt";
/// The same in the form of headers.
const REFUSED_HEADERS: &str =
    r#"[["postrider","the database refused to store the headers of this answer"]]"#;

impl Outcome {
    /// The outcome with other texts, then also without the answer's body, then without any
    /// record at all.
    pub(crate) fn lessened(&self) -> impl Iterator<Item = Self> + use<> {
        let without_texts = self.attempt.clone().map(|attempt| NewAttempt {
            failure: attempt.failure.map(|(kind, _)| (kind, REFUSED.to_owned())),
            response_headers: attempt.response_headers.map(|_| REFUSED_HEADERS.to_owned()),
            ..attempt
        });
        let without_body = without_texts.clone().map(|attempt| NewAttempt {
            signature: String::new(),
            response_body: Bytes::from_static(REFUSED.as_bytes()),
            ..attempt
        });
        let outcome = self.clone();
        [without_texts, without_body, None]
            .into_iter()
            .map(move |attempt| Self {
                attempt,
                ..outcome.clone()
            })
    }
}
