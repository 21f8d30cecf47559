//! What nobody may guess: the one place of the server that draws it.

use std::fmt::Write as _;

use rand::RngExt as _;

/// `N` random bytes, of a generator that the system seeds and that is fit for secrets.
#[expect(
    clippy::disallowed_methods,
    reason = "what nobody may guess is drawn here"
)]
pub fn entropy<const N: usize>() -> [u8; N] {
    rand::rng().random()
}

/// `N` random bytes, as two hexadecimal digits each.
pub fn random_hex<const N: usize>() -> String {
    hex(&entropy::<N>())
}

/// Two hexadecimal digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let text = String::with_capacity(2 * bytes.len());
    bytes.iter().fold(text, |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `prefix` and `length` characters of `alphabet`, each as likely as any other. Made in one
/// piece, so that no copy of it stays in memory.
#[expect(
    clippy::disallowed_methods,
    reason = "what nobody may guess is drawn here"
)]
pub(crate) fn random_text(prefix: &str, alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    let one = || char::from(alphabet[rng.random_range(0..alphabet.len())]);
    let mut text = String::with_capacity(prefix.len() + length);
    text.push_str(prefix);
    text.extend(std::iter::repeat_with(one).take(length));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each_and_no_draw_comes_twice() {
        assert_eq!(hex(&[0, 1, 0xab, 0xff]), "0001abff");
        assert_eq!(hex(&[]), "");
        assert_eq!(random_hex::<16>().len(), 32);
        assert_ne!(random_hex::<16>(), random_hex::<16>());
        assert_ne!(entropy::<32>(), entropy::<32>());
    }

    #[test]
    fn random_text_is_of_its_alphabet_and_takes_all_of_it() {
        let text = random_text("z_", b"xyz", 1000);
        assert_eq!((text.len(), text.capacity()), (1002, 1002));
        let text = text.strip_prefix("z_").unwrap();
        for letter in ['x', 'y', 'z'] {
            assert!(text.contains(letter), "{letter}");
        }
        assert!(text.chars().all(|letter| "xyz".contains(letter)));
    }
}
