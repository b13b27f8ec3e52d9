//! The quota, from the caller's side of [`Upstream`]: all of it is used and never more, whoever waits is served first,
//! and who would wait in vain is told at once.

use super::{
    server::{Ghl, Mood, Window},
    *,
};
use crate::upstream::quota::tests::policy;
use futures_util::future::{join, join_all};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
};

/// Upstream and server, and a call to it.
pub(super) struct Scene {
    pub(super) ghl: Arc<Ghl>,
    pub(super) upstream: Upstream,
    pub(super) start: Instant,
}

pub(super) fn location() -> LocationId {
    LocationId::parse("sandboxLocation00001").unwrap()
}

impl Scene {
    pub(super) fn of(ghl: Ghl) -> Self {
        Self::with(ghl, policy())
    }

    pub(super) fn with(ghl: Ghl, policy: Policy) -> Self {
        let ghl = Arc::new(ghl);
        let transport = Arc::clone(&ghl) as Arc<dyn Transport>;
        let upstream = Upstream::new(Service::Ghl, transport, Duration::from_secs(5), Metrics::new());
        let governor = Governor::new(policy, Clock::system(), Jitter::seeded(11));
        Self { ghl, upstream: upstream.governed(governor), start: Instant::now() }
    }

    pub(super) async fn call(&self, lane: Lane, within: Duration) -> Result<Answer, CallError> {
        self.named("test", lane, within).await
    }

    async fn named(&self, name: &'static str, lane: Lane, within: Duration) -> Result<Answer, CallError> {
        let repeat = if lane == Lane::Operation { Repeat::AfterLook } else { Repeat::Safe };
        let call = Call::new("ghl.test", Method::Get, repeat, [name]).of_location(&location());
        self.upstream.call(call, &CallContext::new(lane, within)).await
    }

    /// So many workers of a lane call one after the other until `end`.
    pub(super) async fn backlog(&self, lane: Lane, workers: usize, end: Instant) {
        join_all((0..workers).map(|_| async {
            while Instant::now() < end {
                // Whoever is told to wait does so.
                if let Err(CallError::QuotaSpent { retry_after, .. } | CallError::BreakerOpen { retry_after }) =
                    self.call(lane, Duration::from_secs(60)).await
                {
                    tokio::time::sleep(retry_after).await;
                }
            }
        }))
        .await;
    }

    pub(super) fn report(&self) -> QuotaReport {
        self.upstream.quota(&location()).unwrap()
    }

    /// Spends the whole window at once, in the given lane's name.
    async fn spend_window(&self) {
        self.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap();
        let rest = (1..self.ghl.limit).map(|_| self.call(Lane::Interactive, Duration::from_secs(5)));
        assert!(join_all(rest).await.iter().all(Result::is_ok));
    }
}

fn refused(result: Result<Answer, CallError>) -> (Duration, bool) {
    match result {
        Err(CallError::QuotaSpent { retry_after, day }) => (retry_after, day),
        other => panic!("{other:?}"),
    }
}

const WINDOWS: u32 = 61;

#[tokio::test(start_paused = true)]
async fn a_backlog_uses_the_quota_and_never_runs_into_it() {
    for (kind, limit, latency_ms) in [
        (Window::Fixed, 100, (20, 60)),
        (Window::Sliding, 100, (20, 60)),
        (Window::Sliding, 100, (90, 150)),
        // Smaller than configured: to be learned before it hurts.
        (Window::Fixed, 25, (20, 60)),
        (Window::Sliding, 25, (20, 60)),
    ] {
        let scene = Scene::of(Ghl::new(kind, limit).latency(latency_ms.0, latency_ms.1));
        let span = scene.ghl.window * WINDOWS;
        scene.backlog(Lane::Operation, 150, scene.start + span).await;
        assert_eq!(scene.ghl.refused(), 0, "{kind:?} {limit}");
        assert!(scene.ghl.densest() <= limit as usize, "{kind:?} {limit}");
        let possible = limit as f64 * f64::from(WINDOWS);
        let used = scene.ghl.admitted_until(scene.start + span) as f64 / possible;
        assert!(used >= 0.97, "{kind:?} {limit}: {used}");
        let report = scene.report();
        assert!(report.learned && report.burst.limit == limit, "{report:?}");
        assert_eq!(report.by_lane[1].calls, scene.ghl.received());
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_served_at_once_beside_a_backlog() {
    for limit in [100, 25] {
        let scene = Scene::of(Ghl::new(Window::Sliding, limit).latency(20, 20));
        let end = scene.start + Duration::from_secs(300);
        let waits = RefCell::new(Vec::new());
        let people = async {
            // The backlog has taken all there is by then.
            tokio::time::sleep(Duration::from_secs(60)).await;
            while Instant::now() < end {
                let asked = Instant::now();
                scene.call(Lane::Interactive, Duration::from_secs(10)).await.unwrap();
                waits.borrow_mut().push(asked.elapsed() - Duration::from_millis(40));
                tokio::time::sleep(Duration::from_millis(7_500)).await;
            }
        };
        join(scene.backlog(Lane::Operation, 100, end), people).await;
        let waits = waits.into_inner();
        let pace = scene.ghl.window / limit as u32;
        assert!(waits[0] <= pace * 3, "{limit}: {:?}", waits[0]);
        let worst = waits[2..].iter().max().unwrap();
        assert!(*worst <= Duration::from_millis(2), "{limit}: a reserve is left: {waits:?}");
        assert_eq!(scene.ghl.refused(), 0);
        let rate = scene.ghl.admitted() as f64 / (limit as f64 * 30.0);
        assert!(rate > 0.85, "{limit}: only the reserve is left unused: {rate}");
    }
}

#[tokio::test(start_paused = true)]
async fn bulk_work_leaves_its_share_always() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100));
    scene.backlog(Lane::Bulk, 100, scene.start + Duration::from_secs(100)).await;
    assert!(scene.ghl.densest() <= 70, "{}", scene.ghl.densest());
    assert!(scene.ghl.admitted() >= 670, "{}", scene.ghl.admitted());
}

#[tokio::test(start_paused = true)]
async fn what_others_spend_of_the_same_quota_is_believed() {
    for kind in [Window::Fixed, Window::Sliding] {
        let scene = Scene::of(Ghl::new(kind, 100));
        let end = scene.start + Duration::from_secs(600);
        let others = async {
            while Instant::now() < end {
                scene.ghl.somebody_elses();
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        join(scene.backlog(Lane::Operation, 100, end), others).await;
        let (refused, admitted) = (scene.report().rate_limited, scene.ghl.admitted());
        assert!(refused <= 6, "{kind:?}: {refused} of {admitted}");
        assert!(admitted >= 5_400, "{kind:?}: {admitted} of 6000");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_would_wait_in_vain_is_told_at_once() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100));
    scene.spend_window().await;
    let asked = Instant::now();
    let (retry_after, day) = refused(scene.call(Lane::Interactive, Duration::from_secs(3)).await);
    assert_eq!((asked.elapsed(), day), (Duration::ZERO, false));
    assert!((9..=10).contains(&retry_after.as_secs()), "{retry_after:?}");
    tokio::time::sleep(retry_after).await;
    scene.call(Lane::Interactive, Duration::from_secs(3)).await.unwrap();
    assert_eq!(scene.ghl.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_would_be_too_far_behind_are_told_and_the_others_served() {
    let scene = Scene::of(Ghl::new(Window::Sliding, 25));
    scene.spend_window().await;
    let (served, told) = (Cell::new(0), Cell::new(0));
    join_all((0..60).map(|_| async {
        let asked = Instant::now();
        match scene.call(Lane::Interactive, Duration::from_secs(15)).await {
            Ok(_) => served.set(served.get() + 1),
            Err(error) => {
                assert!(matches!(error, CallError::QuotaSpent { day: false, .. }), "{error:?}");
                assert_eq!(asked.elapsed(), Duration::ZERO);
                told.set(told.get() + 1);
            }
        }
    }))
    .await;
    assert_eq!((served.get(), told.get(), scene.ghl.refused()), (25, 35, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_dropped_leaves_its_place_to_the_next() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 25));
    scene.spend_window().await;
    let wait = |lane, name| {
        let scene = &scene;
        Box::pin(async move { drop(scene.named(name, lane, Duration::from_secs(60)).await.unwrap()) })
    };
    let mut gone: Vec<_> = (0..30).map(|_| wait(Lane::Interactive, "gone")).collect();
    let mut bulk = wait(Lane::Bulk, "bulk");
    let mut first = wait(Lane::Operation, "first");
    let mut second = wait(Lane::Operation, "second");
    let mut person = wait(Lane::Interactive, "person");
    poll_fn(|context| {
        for waiter in gone.iter_mut().chain([&mut bulk, &mut first, &mut second, &mut person]) {
            assert!(waiter.as_mut().poll(context).is_pending());
        }
        std::task::Poll::Ready(())
    })
    .await;
    assert_eq!(scene.report().waiting, 34);
    gone.clear();
    assert_eq!(scene.report().waiting, 4);
    join_all([bulk, second, first, person]).await;
    assert_eq!(scene.report().waiting, 0);
    assert_eq!(scene.ghl.sent()[25..], ["person", "first", "second", "bulk"]);
    assert!(scene.start.elapsed() < Duration::from_secs(25));
    assert_eq!(scene.ghl.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_429_the_window_is_full_and_one_call_looks() {
    let scene = Scene::with(Ghl::new(Window::Fixed, 100), Policy { retries: 0, ..policy() });
    scene.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap();
    scene.ghl.mood(Mood::Failing(429));
    let storm = Instant::now() + Duration::from_secs(65);
    let counts = async {
        let mut counts = Vec::new();
        for second in [1, 61] {
            tokio::time::sleep_until(storm - Duration::from_secs(65 - second)).await;
            counts.push(scene.ghl.received());
            assert_eq!(scene.report().burst.left, 0);
        }
        counts
    };
    let ((), counts) = join(scene.backlog(Lane::Operation, 50, storm), counts).await;
    // What was on its way when the first 429 came, and then one for each window.
    assert!(counts[0] <= 1 + 26 && (5..=6).contains(&(counts[1] - counts[0])), "{counts:?}");
    assert_eq!(scene.report().rate_limited, scene.ghl.received() - 1);
    scene.ghl.mood(Mood::Well);
    scene.backlog(Lane::Operation, 50, Instant::now() + Duration::from_secs(30)).await;
    assert!(scene.ghl.admitted() > 150, "{}", scene.ghl.admitted());
}

#[tokio::test(start_paused = true)]
async fn a_spent_day_is_told_as_such_and_probed_rarely() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100).daily(50));
    for _ in 0..50 {
        scene.call(Lane::Interactive, Duration::from_secs(30)).await.unwrap();
    }
    let asked = Instant::now();
    let (retry_after, day) = refused(scene.call(Lane::Interactive, Duration::from_secs(10)).await);
    assert!(day && asked.elapsed() == Duration::ZERO);
    let hours = retry_after.as_secs_f64() / 3_600.0;
    assert!((4.9..5.1).contains(&hours), "the answers say when it ends: {hours}");
    assert_eq!(scene.report().day.left, 0);
    scene.backlog(Lane::Operation, 5, asked + Duration::from_secs(3_600)).await;
    let probes = scene.ghl.received() - 50;
    assert!(probes <= 4, "{probes} in an hour");
    tokio::time::sleep_until(scene.start + Duration::from_secs(5 * 3_600 + 1)).await;
    scene.call(Lane::Interactive, Duration::from_secs(10)).await.unwrap();
    assert_eq!(scene.report().day.used, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_on_its_way_counts_and_one_that_never_left_does_not() {
    let scene = Scene::with(Ghl::new(Window::Fixed, 100), Policy { retries: 0, ..policy() });
    scene.ghl.mood(Mood::Silent);
    let hasty = scene.call(Lane::Interactive, Duration::from_millis(100)).await;
    assert_eq!(hasty.unwrap_err(), CallError::Deadline);
    assert_eq!((scene.report().burst.used, scene.report().day.used), (1, 1));
    scene.ghl.mood(Mood::Unreachable);
    assert_eq!(scene.call(Lane::Interactive, Duration::from_secs(1)).await.unwrap_err().code(), "connect");
    assert_eq!((scene.report().burst.used, scene.report().day.used), (1, 1));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(scene.report().burst.used, 0);
}

#[tokio::test(start_paused = true)]
async fn before_the_limits_are_known_a_few_calls_ask_and_silence_is_taken_for_the_usual() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 100).latency(1_000, 1_000));
    scene.ghl.mood(Mood::Failing(404));
    let calls = join_all((0..60).map(|_| scene.call(Lane::Interactive, Duration::from_secs(30))));
    let early = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        scene.ghl.received()
    };
    let (_, early) = join(calls, early).await;
    assert_eq!(early, 4, "before the first answer");
    let report = scene.report();
    assert!(!report.learned && report.burst.limit == 100 && report.burst.used == 60, "{report:?}");
    assert!(scene.start.elapsed() < Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn it_is_all_in_the_metrics() {
    let scene = Scene::of(Ghl::new(Window::Fixed, 25));
    scene.call(Lane::Interactive, Duration::from_secs(5)).await.unwrap();
    scene.upstream.savings(&location()).add(4);
    let text = scene.upstream.inner.metrics.render_text();
    for line in [
        "ghl_enrich_quota_limit{location=\"sandboxLocation00001\",window=\"burst\"} 25",
        "ghl_enrich_quota_used{location=\"sandboxLocation00001\",window=\"day\"} 1",
        "ghl_enrich_quota_left{location=\"sandboxLocation00001\",window=\"burst\"} 24",
        "ghl_enrich_quota_waiting{lane=\"operation\"} 0",
        "ghl_enrich_upstream_breaker{location=\"sandboxLocation00001\"} 0",
        "ghl_enrich_quota_saved{location=\"sandboxLocation00001\"} 4",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert_eq!(scene.report().saved_by_cache, 4);
}
