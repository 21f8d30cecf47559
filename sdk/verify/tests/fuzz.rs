//! Every parser against inputs that were mutated at random from genuine ones: no panic, and
//! no end in sight of memory or time. The number of inputs for each is bounded;
//! `POSTRIDER_FUZZ_INPUTS=10000000 cargo test --release -p postrider-verify --test fuzz`
//! sets another.

#[path = "../fuzz/entries.rs"]
#[allow(unreachable_pub, reason = "shared with programs of another workspace")]
mod entries;
#[allow(dead_code, reason = "other tests use the rest")]
mod random;

use entries::{ENTRIES, Entry};
use random::Random;

const INPUTS: u64 = 20_000;
/// The most bytes that mutation lets an input grow to.
const LONGEST: usize = 4096;
/// What parsers look for.
const WORDS: &[&[u8]] = &[
    b",",
    b"=",
    b":",
    b".",
    b" ",
    b"\n",
    b"v1,",
    b"v1a,",
    b"v1=",
    b"v0=",
    b"t=",
    b"sha256=",
    b"{",
    b"}",
    b"{id}",
    b"{timestamp}",
    b"{body}",
    b"\"",
    b"\\",
    b"\"id\":",
    b"0",
    b"-1",
    b"+",
    b"9223372036854775807",
    b"9223372036854775808",
    b"whsec_",
    b"whpk_",
    b"whsk_",
    b"==",
    b"\xff",
    b"\0",
    b"\xc3\xa9",
    b"webhook-id:",
    b"svix-id:",
    b"stripe-signature:",
    b"x-hub-signature-256:",
];

fn below(random: &mut Random, bound: usize) -> usize {
    (random.next() % bound.max(1) as u64) as usize
}

/// One small change.
fn mutate(random: &mut Random, input: &mut Vec<u8>) {
    let at = below(random, input.len() + 1);
    match below(random, 8) {
        0 if !input.is_empty() => input[at.min(at.saturating_sub(1))] ^= 1 << below(random, 8),
        1 if !input.is_empty() => {
            let index = at.saturating_sub(1);
            input[index] = random.next() as u8;
        }
        2 => input.truncate(at),
        3 if at < input.len() => {
            input.remove(at);
        }
        4 => {
            let end = (at + below(random, 64)).min(input.len());
            let piece = input[at..end].to_vec();
            let to = below(random, input.len() + 1);
            input.splice(to..to, piece);
        }
        5 => input.insert(at, random.next() as u8),
        _ => {
            let word = WORDS[below(random, WORDS.len())];
            input.splice(at..at, word.iter().copied());
        }
    }
    input.truncate(LONGEST);
}

fn run(entry: &Entry, count: u64) {
    let mut random = Random(count ^ entry.name.len() as u64);
    let seeds = (entry.seeds)();
    for seed in &seeds {
        (entry.run)(seed);
    }
    let mut input = Vec::new();
    for number in 0..count {
        // Mostly one more change of what came before; now and then from the beginning.
        if number % 8 == 0 {
            input.clone_from(&seeds[below(&mut random, seeds.len())]);
        }
        for _ in 0..=below(&mut random, 3) {
            mutate(&mut random, &mut input);
        }
        (entry.run)(&input);
    }
}

#[test]
fn no_parser_panics_on_any_mutation() {
    let count = std::env::var("POSTRIDER_FUZZ_INPUTS").ok();
    let count = count.map_or(INPUTS, |count| count.parse().expect("a number"));
    for entry in ENTRIES {
        run(entry, count);
        println!("{}: {count} inputs", entry.name);
    }
}

#[test]
fn the_seeds_are_genuine() {
    for entry in ENTRIES {
        assert!(!(entry.seeds)().is_empty(), "{}", entry.name);
    }
}
