//! Our own verifier, beside which the others are judged.

use crate::cases::Case;

/// Whether our verifier accepts a case.
pub(crate) fn accepts(case: &Case) -> bool {
    postrider_verify::Verifier::new(&case.secret)
        .expect("a secret")
        .verify_now(&case.headers, &case.body)
        .is_ok()
}
