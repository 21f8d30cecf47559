//! Where headers are read from.

use std::collections::HashMap;

/// A set of headers, as a web framework hands them over.
///
/// Implemented for arrays, slices, vectors and hash maps of names and values,
/// and with the feature `http` for `http::HeaderMap`. For another type, return
/// **every** value of the name: a verifier refuses duplicates, and a source
/// that hides them takes that defence away.
pub trait HeaderSource {
    /// All values of the header called `name` (given in lower case), compared
    /// without regard to ASCII case, in any order.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;
}

impl<T: HeaderSource + ?Sized> HeaderSource for &T {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (**self).values(name)
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> HeaderSource for [(N, V)] {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        named(name, self.iter().map(|(name, value)| (name, value)))
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>, const K: usize> HeaderSource for [(N, V); K] {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.as_slice().values(name)
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> HeaderSource for Vec<(N, V)> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.as_slice().values(name)
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>, S> HeaderSource for HashMap<N, V, S> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        named(name, self.iter())
    }
}

#[cfg(feature = "http")]
impl HeaderSource for http::HeaderMap {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).into_iter().map(AsRef::as_ref)
    }
}

fn named<'a, N: AsRef<[u8]> + 'a, V: AsRef<[u8]> + 'a>(
    wanted: &'a str,
    pairs: impl Iterator<Item = (&'a N, &'a V)>,
) -> impl Iterator<Item = &'a [u8]> {
    pairs
        .filter(move |(name, _)| name.as_ref().eq_ignore_ascii_case(wanted.as_bytes()))
        .map(|(_, value)| value.as_ref())
}
