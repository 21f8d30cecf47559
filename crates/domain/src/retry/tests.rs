use super::*;

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);
const HOUR: u64 = 3600;

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn failed(seconds: u64, attempts: u32) -> NextInput {
    NextInput {
        first_at: START,
        finished_at: after(seconds),
        scheduled_at: after(seconds),
        attempts,
        retry_after: None,
        jitter: 0.5,
    }
}

fn asked(seconds: u64, attempts: u32, retry_after: u64) -> NextInput {
    NextInput {
        retry_after: Some(Duration::from_secs(retry_after)),
        ..failed(seconds, attempts)
    }
}

#[test]
fn the_default_delays_are_5_s_times_3_each_up_to_6_h() {
    let policy = RetryPolicy::default();
    let delays: Vec<u64> = (1..=10)
        .map(|attempts| match policy.next(&failed(0, attempts)) {
            Next::At(at, NextReason::Policy) => at.since(START).as_secs(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        delays,
        [5, 15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600]
    );
}

#[test]
fn any_number_of_attempts_gives_the_longest_delay_at_most() {
    let next = RetryPolicy::default().next(&failed(10, u32::MAX));
    assert_eq!(next, Next::At(after(10 + 6 * HOUR), NextReason::Policy));
    let next = RetryPolicy::default().next(&failed(10, 0));
    assert_eq!(next, Next::At(after(15), NextReason::Policy));
}

#[test]
fn jitter_moves_a_delay_by_a_tenth_at_most_and_odd_jitter_does_no_harm() {
    let at = |jitter| {
        let input = NextInput {
            jitter,
            ..failed(0, 9)
        };
        match RetryPolicy::default().next(&input) {
            Next::At(at, _) => at.since(START).as_secs(),
            Next::Exhausted => panic!("not at its end"),
        }
    };
    assert_eq!([at(0.0), at(0.5), at(1.0)], [19440, 21600, 23760]);
    assert_eq!([at(-9.0), at(9.0), at(f64::NAN)], [19440, 23760, 21600]);
}

#[test]
fn the_last_attempt_falls_on_the_horizon_and_none_after_it() {
    let policy = RetryPolicy::default();
    let horizon = after(72 * HOUR);
    let at_the_end = Next::At(horizon, NextReason::Horizon);
    assert_eq!(policy.next(&failed(70 * HOUR, 20)), at_the_end);
    assert_eq!(policy.next(&failed(66 * HOUR, 20)), at_the_end);
    assert_eq!(policy.next(&failed(72 * HOUR - 1, 20)), at_the_end);
    assert_eq!(policy.next(&failed(72 * HOUR, 20)), Next::Exhausted);
    assert_eq!(policy.next(&failed(90 * HOUR, 20)), Next::Exhausted);
}

#[test]
fn an_attempt_due_at_the_horizon_was_the_last_even_if_the_clock_ran_back() {
    let input = NextInput {
        scheduled_at: after(72 * HOUR),
        ..failed(72 * HOUR - 5, 20)
    };
    assert_eq!(RetryPolicy::default().next(&input), Next::Exhausted);
}

#[test]
fn a_delivery_that_an_outage_made_late_ends_after_its_one_late_attempt() {
    let input = NextInput {
        scheduled_at: after(HOUR),
        ..failed(100 * HOUR, 3)
    };
    assert_eq!(RetryPolicy::default().next(&input), Next::Exhausted);
}

#[test]
fn a_schedule_that_never_succeeds_ends_exactly_at_its_horizon() {
    let policy = RetryPolicy::default();
    let mut input = failed(0, 1);
    let mut reasons = Vec::new();
    while let Next::At(at, reason) = policy.next(&input) {
        assert!(at > input.finished_at);
        reasons.push(reason);
        input.scheduled_at = at;
        input.finished_at = at.plus(Duration::from_millis(20));
        input.attempts += 1;
    }
    assert_eq!(input.scheduled_at, after(72 * HOUR));
    assert_eq!(reasons.last(), Some(&NextReason::Horizon));
    assert_eq!(reasons.len(), 20);
}

#[test]
fn retry_after_counts_when_it_is_later_than_the_policy() {
    let policy = RetryPolicy::default();
    assert_eq!(
        policy.next(&asked(0, 1, 100)),
        Next::At(after(100), NextReason::RetryAfter)
    );
    assert_eq!(
        policy.next(&asked(0, 1, 3)),
        Next::At(after(5), NextReason::Policy)
    );
}

#[test]
fn retry_after_counts_up_to_6_h_and_not_past_the_horizon() {
    let policy = RetryPolicy::default();
    assert_eq!(
        policy.next(&asked(0, 1, u64::MAX)),
        Next::At(after(6 * HOUR), NextReason::RetryAfter)
    );
    assert_eq!(
        policy.next(&asked(71 * HOUR, 1, 2 * HOUR)),
        Next::At(after(72 * HOUR), NextReason::Horizon)
    );
}

#[test]
fn a_schedule_counts_from_the_previous_attempt_and_knows_no_horizon() {
    let policy = RetryPolicy::from_schedule_text("1, 60,604800").unwrap();
    let policy_at = |seconds| Next::At(after(seconds), NextReason::Policy);
    assert_eq!(policy.next(&failed(10, 1)), policy_at(11));
    assert_eq!(
        policy.next(&failed(900 * HOUR, 2)),
        policy_at(900 * HOUR + 60)
    );
    assert_eq!(policy.next(&failed(20, 3)), policy_at(604_820));
    assert_eq!(policy.next(&failed(20, 4)), Next::Exhausted);
    let jittered = NextInput {
        jitter: 1.0,
        ..failed(20, 3)
    };
    assert_eq!(policy.next(&jittered), policy_at(604_820));
}

#[test]
fn a_schedule_honours_retry_after_too() {
    let policy = RetryPolicy::from_schedule_text("1").unwrap();
    assert_eq!(
        policy.next(&asked(0, 1, 30)),
        Next::At(after(30), NextReason::RetryAfter)
    );
    assert_eq!(policy.next(&asked(0, 2, 30)), Next::Exhausted);
}

#[test]
fn an_empty_schedule_is_one_attempt() {
    let policy = RetryPolicy::from_schedule_text(" ").unwrap();
    assert_eq!(policy, RetryPolicy::Schedule(vec![]));
    assert_eq!(policy.next(&failed(0, 1)), Next::Exhausted);
}

#[test]
fn missing_fields_of_an_exponential_policy_take_their_defaults() {
    let policy: RetryPolicy = serde_json::from_str(r#"{"type":"exponential"}"#).unwrap();
    assert_eq!(policy, RetryPolicy::default());
    let policy: RetryPolicy =
        serde_json::from_str(r#"{"type":"exponential","initialSeconds":7,"factor":2}"#).unwrap();
    assert_eq!(
        policy,
        RetryPolicy::Exponential {
            initial: Duration::from_secs(7),
            factor: 2.0,
            max_interval: Duration::from_hours(6),
            horizon: Duration::from_hours(72),
        }
    );
}

#[test]
fn a_policy_survives_its_json() {
    for text in [
        r#"{"type":"exponential","initialSeconds":5,"factor":3.0,"maxIntervalSeconds":21600,"horizonSeconds":259200}"#,
        r#"{"type":"schedule","seconds":[0,5,60]}"#,
        r#"{"type":"schedule","seconds":[]}"#,
    ] {
        let policy: RetryPolicy = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&policy).unwrap(), text);
    }
}

#[test]
fn a_policy_out_of_bounds_is_refused_with_the_field_the_value_and_the_remedy() {
    for (text, want) in [
        (
            r#"{"type":"exponential","initialSeconds":0}"#,
            "initialSeconds 0",
        ),
        (
            r#"{"type":"exponential","initialSeconds":86401}"#,
            "from 1 to 86400",
        ),
        (r#"{"type":"exponential","factor":0.5}"#, "factor 0.5"),
        (r#"{"type":"exponential","factor":10.5}"#, "from 1 to 10"),
        (
            r#"{"type":"exponential","maxIntervalSeconds":604801}"#,
            "maxIntervalSeconds 604801",
        ),
        (
            r#"{"type":"exponential","initialSeconds":60,"maxIntervalSeconds":59}"#,
            "less than initialSeconds 60",
        ),
        (
            r#"{"type":"exponential","horizonSeconds":59}"#,
            "horizonSeconds 59",
        ),
        (
            r#"{"type":"exponential","horizonSeconds":1209601}"#,
            "from 60 to 1209600",
        ),
        (
            r#"{"type":"schedule","seconds":[604801]}"#,
            "604801 seconds",
        ),
        (r#"{"type":"schedule","seconds":[-1]}"#, "-1"),
        (r#"{"type":"schedule"}"#, "seconds"),
        (r#"{"type":"linear"}"#, "linear"),
        (r"{}", "type"),
    ] {
        let error = serde_json::from_str::<RetryPolicy>(text).unwrap_err();
        assert!(error.to_string().contains(want), "{text}: {error}");
    }
    let long = RetryPolicy::Schedule(vec![Duration::ZERO; 101]);
    assert!(long.validate().unwrap_err().msg.contains("at most 100"));
    for text in ["5,x", "1,,2", "-1", "1.5", "604801"] {
        assert!(RetryPolicy::from_schedule_text(text).is_err(), "{text}");
    }
}
