//! Verifications per second on one core, beside other crates, in one run: rounds take turns,
//! so that what else the machine does falls on all alike, and each crate's best round counts.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use postrider_verify::{SigningKey, Verifier};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(200);
/// Verifications between two looks at the clock.
const BATCH: u32 = 32;

/// A crate's check of one message.
type Check<'a> = (&'static str, Box<dyn Fn(&HeaderMap, &[u8]) -> bool + 'a>);

fn message(body: &[u8]) -> HeaderMap {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let key = SigningKey::parse(SECRET).expect("a fixed secret");
    let signature = key.sign("msg_2fVsBQIhrscChlQIMVb5sSYspob", now.cast_signed(), body);
    let value = |text: &str| HeaderValue::from_str(text).expect("visible ASCII");
    let mut headers = HeaderMap::new();
    // What comes with every request, for each crate to look past.
    headers.insert("host", value("example.com"));
    headers.insert("content-type", value("application/json"));
    headers.insert("content-length", value(&body.len().to_string()));
    headers.insert("user-agent", value("Bench"));
    headers.insert("webhook-id", value("msg_2fVsBQIhrscChlQIMVb5sSYspob"));
    headers.insert("webhook-timestamp", value(&now.to_string()));
    headers.insert("webhook-signature", value(&signature));
    headers
}

/// Verifications per second in one round.
fn round(check: &Check<'_>, headers: &HeaderMap, body: &[u8]) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < ROUND {
        for _ in 0..BATCH {
            let genuine = (check.1)(black_box(headers), black_box(body));
            assert!(genuine, "{} refuses a genuine message", check.0);
        }
        count += BATCH;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Prints a line for a size of body, and gives how much faster we are than the fastest other.
fn compare(checks: &[Check<'_>], size: usize) -> f64 {
    let body = vec![b'a'; size];
    let headers = message(&body);
    let mut best = vec![0.0_f64; checks.len()];
    for _ in 0..ROUNDS {
        for (best, check) in best.iter_mut().zip(checks) {
            *best = best.max(round(check, &headers, &body));
        }
    }
    let fastest_other = best.iter().skip(1).copied().fold(0.0, f64::max);
    let ratio = best[0] / fastest_other;
    print!("{:>6} KiB", size / 1024);
    for rate in &best {
        print!("{rate:>18.0}");
    }
    println!("{ratio:>12.2}");
    ratio
}

fn main() -> ExitCode {
    let ours = Verifier::new(SECRET).expect("a fixed secret");
    let svix = svix::webhooks::Webhook::new(SECRET).expect("a fixed secret");
    let standard = standardwebhooks::Webhook::new(SECRET).expect("a fixed secret");
    let checks: [Check<'_>; 3] = [
        ("postrider-verify", Box::new(|headers, body| ours.verify_now(headers, body).is_ok())),
        ("svix", Box::new(|headers, body| svix.verify(body, headers).is_ok())),
        ("standardwebhooks", Box::new(|headers, body| standard.verify(body, headers).is_ok())),
    ];
    println!("verifications per second on one core, best of {ROUNDS} rounds, and ours / fastest other");
    print!("{:>10}", "body");
    for (name, _) in &checks {
        print!("{name:>18}");
    }
    println!("{:>12}", "ratio");
    let ratios = [1024, 64 * 1024].map(|size| compare(&checks, size));
    if ratios.iter().all(|ratio| *ratio >= 1.0) {
        ExitCode::SUCCESS
    } else {
        eprintln!("postrider-verify is slower than another crate");
        ExitCode::FAILURE
    }
}
