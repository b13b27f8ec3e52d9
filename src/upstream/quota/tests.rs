//! The ledgers and the gate together: whatever comes, whenever it is answered, no window of GHL's ever holds too much.

use super::*;
use proptest::prelude::*;

/// GHL's published limits, and our defaults.
pub(in crate::upstream) fn policy() -> Policy {
    Policy {
        burst_limit: 100,
        burst_window: Duration::from_secs(10),
        day_limit: 200_000,
        operation_reserve_percent: 10,
        bulk_reserve_percent: 30,
        retries: 2,
        retry_budget_percent: 10,
        breaker_failures: 5,
        breaker_hold: Duration::from_secs(2),
    }
}

/// One call of a made-up day: when it comes, in which lane, how long it takes there and back.
#[derive(Debug, Clone)]
struct Come {
    after_ms: u64,
    lane: Lane,
    there_ms: u64,
    back_ms: u64,
    /// Whether its caller hangs up as soon as GHL has it.
    dropped: bool,
}

fn come() -> impl Strategy<Value = Come> {
    let lane = prop_oneof![Just(Lane::Interactive), Just(Lane::Operation), Just(Lane::Bulk)];
    let gap = prop_oneof![4 => Just(0_u64), 4 => 0..200_u64, 1 => 0..8_000_u64];
    (gap, lane, 0..700_u64, 0..700_u64, prop::bool::weighted(0.1))
        .prop_map(|(after_ms, lane, there_ms, back_ms, dropped)| Come { after_ms, lane, there_ms, back_ms, dropped })
}

/// Moments at which GHL counted a call.
async fn counted(limit: u64, window: Duration, comes: &[Come]) -> Vec<Instant> {
    let gate = Arc::new(Gate::new(Arc::new(policy()), &Clock::system()));
    let counted = Mutex::new(Vec::new());
    let mut at = Instant::now();
    let calls = comes.iter().map(|come| {
        at += Duration::from_millis(come.after_ms);
        let (gate, counted) = (&gate, &counted);
        async move {
            tokio::time::sleep_until(at).await;
            let deadline = Instant::now() + Duration::from_secs(36_000);
            let ticket = gate.acquire(Wish { lane: come.lane, endpoint: "test", deadline }).await.unwrap();
            tokio::time::sleep(Duration::from_millis(come.there_ms)).await;
            let left = {
                let mut counted = counted.lock().unwrap();
                counted.push(Instant::now());
                let since = counted.partition_point(|at: &Instant| *at + window <= Instant::now());
                limit.saturating_sub((counted.len() - since) as u64)
            };
            if come.dropped {
                return;
            }
            tokio::time::sleep(Duration::from_millis(come.back_ms)).await;
            let headers = [
                ("x-ratelimit-max", limit),
                ("x-ratelimit-remaining", left),
                ("x-ratelimit-interval-milliseconds", window.as_millis() as u64),
            ];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec();
            ticket.answered(&Answer { status: 200, headers, body: bytes::Bytes::new() });
        }
    });
    futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
    counted.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_ever_holds_more_than_the_limit(
        limit in 4..40_u64,
        window_ms in 500..12_000_u64,
        comes in prop::collection::vec(come(), 1..160),
    ) {
        let window = Duration::from_millis(window_ms);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let times = runtime.block_on(counted(limit, window, &comes));
        prop_assert_eq!(times.len(), comes.len());
        for (first, begin) in times.iter().enumerate() {
            let within = times.partition_point(|at| *at < *begin + window) - first;
            prop_assert!(within as u64 <= limit, "{} in a window of {:?} that admits {}", within, window, limit);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_missing_leave_what_is_known() {
    let gate = Arc::new(Gate::new(Arc::new(policy()), &Clock::system()));
    let wish = Wish { lane: Lane::Interactive, endpoint: "test", deadline: Instant::now() + Duration::from_secs(1) };
    let told = |headers: &[(&str, &str)]| Answer {
        status: 500,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: bytes::Bytes::new(),
    };
    gate.acquire(wish).await.unwrap().answered(&told(&[("x-ratelimit-max", "25"), ("x-ratelimit-remaining", "4")]));
    for answer in [told(&[]), told(&[("x-ratelimit-max", "none")])] {
        gate.acquire(wish).await.unwrap().answered(&answer);
    }
    let report = gate.report(&LocationId::parse("sandboxLocation00001").unwrap(), &Clock::system());
    assert!(report.learned);
    // 21 were spent when the first answered, ours among them.
    assert_eq!((report.burst.limit, report.burst.used, report.burst.left), (25, 23, 2));
}

#[test]
fn a_time_that_is_told_has_milliseconds() {
    let now: Timestamp = "2026-03-02T23:59:00.5Z".parse().unwrap();
    assert_eq!(later(now, Duration::from_nanos(500_000_105)).to_string(), "2026-03-02T23:59:01Z");
}

#[test]
fn a_day_ends_at_midnight_utc_unless_told() {
    let now: Timestamp = "2026-03-02T23:59:00Z".parse().unwrap();
    assert_eq!(until_midnight(now), Duration::from_secs(61));
}
