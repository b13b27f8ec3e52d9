//! GHL down: it is left alone, not hammered, and found again when it is back.

use super::{
    governed::{Scene, location},
    server::{Ghl, Mood, Window},
    *,
};
use crate::upstream::quota::tests::policy;
use futures_util::future::join_all;
use std::cell::Cell;

const OUTAGE: Duration = Duration::from_secs(300);

/// What callers saw of five minutes without GHL.
struct Seen {
    /// Calls that were let through at least once.
    tried: u64,
    /// Requests GHL got.
    received: u64,
    scene: Scene,
}

async fn outage(policy: Policy, mood: Mood) -> Seen {
    let scene = Scene::with(Ghl::new(Window::Fixed, 100_000), policy);
    scene.ghl.mood(mood);
    let tried = Cell::new(0);
    let end = scene.start + OUTAGE;
    join_all((0..20).map(|_| async {
        while Instant::now() < end {
            let result = scene.call(Lane::Interactive, Duration::from_secs(10)).await;
            let refused = matches!(result, Err(CallError::BreakerOpen { .. } | CallError::QuotaSpent { .. }));
            tried.set(tried.get() + u64::from(!refused));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }))
    .await;
    Seen { tried: tried.get(), received: scene.ghl.received(), scene }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_amplified_even_without_a_breaker() {
    let without_breaker = Policy { breaker_failures: u32::MAX, ..policy() };
    for mood in [Mood::Failing(503), Mood::Unreachable] {
        let seen = outage(without_breaker.clone(), mood).await;
        assert!(seen.tried > 1_000, "{}", seen.tried);
        let factor = seen.received as f64 / seen.tried as f64;
        assert!((1.05..=1.2).contains(&factor), "{mood:?}: {factor}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_leaves_it_alone_and_finds_it_again() {
    for mood in [Mood::Failing(500), Mood::Failing(503), Mood::Unreachable, Mood::Silent] {
        let seen = outage(policy(), mood).await;
        // What was on its way when it opened, and then probes at 2, 4, 8, 16, 32, 60, 60, 60 s.
        assert!(seen.received <= 20 + 10 + 9, "{mood:?}: {}", seen.received);
        assert_ne!(seen.scene.report().breaker, "closed", "{mood:?}");
        seen.scene.ghl.mood(Mood::Well);
        tokio::time::sleep(Duration::from_secs(60)).await;
        seen.scene.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap();
        assert_eq!(seen.scene.report().breaker, "closed", "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_says_when_to_come_again_and_nothing_is_sent_meanwhile() {
    let scene = Scene::with(Ghl::new(Window::Fixed, 100), Policy { retries: 0, ..policy() });
    scene.ghl.mood(Mood::Failing(500));
    for _ in 0..5 {
        let error = scene.call(Lane::Operation, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.code(), "status");
    }
    let error = scene.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap_err();
    let CallError::BreakerOpen { retry_after } = error else { panic!("{error:?}") };
    assert!(retry_after <= Duration::from_secs(2));
    assert_eq!((scene.ghl.received(), scene.report().breaker), (5, "open"));
    let elsewhere = LocationId::parse("sandboxLocation00002").unwrap();
    let call = Call::get("ghl.test", ["test"]).of_location(&elsewhere);
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(5));
    assert_eq!(scene.upstream.call(call, &context).await.unwrap_err().code(), "status", "each location has its own");
    tokio::time::sleep(retry_after).await;
    scene.ghl.mood(Mood::Well);
    let both =
        [scene.call(Lane::Interactive, Duration::from_secs(5)), scene.call(Lane::Interactive, Duration::from_secs(5))];
    let codes = join_all(both).await.into_iter().map(|result| result.map_or_else(|error| error.code(), |_| "ok"));
    assert_eq!(codes.collect::<Vec<_>>(), ["ok", "breaker"], "one probe at a time");
    assert_eq!(scene.upstream.quota(&location()).unwrap().breaker, "closed");
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_haste_opens_nothing() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100));
    scene.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap();
    scene.ghl.mood(Mood::Silent);
    for _ in 0..20 {
        let error = scene.call(Lane::Interactive, Duration::from_millis(300)).await.unwrap_err();
        assert_eq!(error, CallError::Deadline);
    }
    assert_eq!(scene.report().breaker, "closed");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_for_a_moment_is_made_again_and_a_write_is_not() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100).latency(50, 50));
    scene.ghl.mood(Mood::Failing(502));
    let healed = async {
        tokio::time::sleep(Duration::from_millis(75)).await;
        scene.ghl.mood(Mood::Well);
    };
    let read = scene.call(Lane::Interactive, Duration::from_secs(5));
    let (answer, ()) = futures_util::future::join(read, healed).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(scene.ghl.received(), 2);
    assert!(scene.upstream.inner.metrics.render_text().contains("upstream_retries_total{service=\"ghl\"} 1"));
    scene.ghl.mood(Mood::Failing(502));
    scene.call(Lane::Operation, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(scene.ghl.received(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_outage_at_the_start_is_told_as_one_and_not_as_a_spent_quota() {
    let scene = Scene::with(Ghl::new(Window::Fixed, 100), policy());
    scene.ghl.mood(Mood::Silent);
    // A profile's calls, and the same again: none of them was ever answered.
    for _ in 0..2 {
        let results = join_all((0..3).map(|_| scene.call(Lane::Interactive, Duration::from_secs(15)))).await;
        for result in results {
            let error = result.unwrap_err();
            assert!(!matches!(error, CallError::QuotaSpent { .. }), "{error:?}");
        }
    }
    assert_ne!(scene.report().breaker, "closed");
}
