//! The whole chain below HTTP through what may come (issue 3, done when 2 and 3): a long backlog, people who read beside
//! it, a storm of 429s, an outage, a spent day. Simulated time; each scene prints its figures (`--nocapture`).

mod day;
mod ghl;
mod outages;
mod world;

use super::*;
use ghl::{Ghl, Window};
use world::{World, mean_and_least};

const TICK: Duration = Duration::from_millis(20);

/// So long after the first call at the latest, the limits are known and the window is full.
const LEARNED: Duration = Duration::from_secs(10);

/// So many notes, or 3,000 where `STORMS=full` asks for the long form.
fn many(few: usize) -> usize {
    if std::env::var("STORMS").is_ok_and(|form| form == "full") { 3_000 } else { few }
}

async fn backlog(kind: Window, limit: u64, notes: usize, latency: Duration) {
    let world = World::new(|clock| Ghl::new(kind, limit, clock).latency(latency), TICK).await;
    let began = Instant::now();
    world.accept(3, notes / 3).await;
    let took = world.all_done(began, Duration::from_secs(3_600)).await;
    world.assert_exactly_once().await;
    let counted = world.ghl.counted();
    let windows = world.use_of_windows(counted[0] + LEARNED, *counted.last().unwrap());
    let ((mean, least), bill) = (mean_and_least(&windows), world.bill());
    println!(
        "backlog of {notes}, {kind:?} {limit}/10 s, answers in {latency:?}: {took:.0?} for {} calls, {} windows used to \
         {mean:.4} (least {least:.2}), {} 429s; {} store commands, {} claims",
        bill.calls,
        windows.len(),
        bill.rate_limited,
        world.commands(),
        world.claims(),
    );
    assert_eq!((bill.rate_limited, bill.calls), (0, notes), "{bill:?}");
    assert!(mean >= 0.97, "{windows:?}");
    // These windows are ours, not GHL's: where calls come two at a time, one of ours may begin between them.
    let missing = ((1.0 - least) * limit as f64).round() as u64;
    assert!(missing <= (limit * 3 / 100).max(2), "{windows:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_backlog_uses_the_quota() {
    backlog(Window::Sliding, 100, many(900), Duration::from_millis(120)).await;
}

#[tokio::test(start_paused = true)]
async fn a_backlog_uses_a_smaller_quota_than_configured() {
    backlog(Window::Fixed, 25, many(240), Duration::from_millis(120)).await;
}

/// Half a minute of them.
const READS: u32 = 60;

/// Reads twice a second beside a backlog, after it has taken all there is.
async fn beside_a_backlog(limit: u64, contacts: usize) {
    let world = World::new(|clock| Ghl::new(Window::Sliding, limit, clock), TICK).await;
    let began = Instant::now();
    world.accept(3, contacts).await;
    tokio::time::sleep_until(began + Duration::from_secs(30)).await;
    let people = world.people(READS, Duration::from_millis(500), Duration::from_secs(10));
    let reads = people.await.unwrap();
    let (until, beside) = (Instant::now(), world.ghl.notes());
    assert!(beside < world.accepted(), "the backlog lasts as long as people read");
    world.all_done(began, Duration::from_secs(3_600)).await;
    world.assert_exactly_once().await;
    assert!(reads.iter().all(|read| read.result.is_ok()), "{reads:?}");
    let took: Vec<f64> = reads.iter().map(|read| read.took.as_secs_f64()).collect();
    let later: Vec<f64> = took[4..].to_vec();
    let (mean, _) = mean_and_least(&took);
    let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let (used, _) = mean_and_least(&world.use_of_windows(reads[0].at, until));
    let bill = world.bill();
    println!(
        "reads twice a second beside a backlog, {limit}/10 s: {mean:.3} s on average, {:.3} s at worst, {:.3} s after \
         the first four; windows used to {used:.3}, {} 429s",
        worst(&took),
        worst(&later),
        bill.rate_limited
    );
    assert_eq!((bill.rate_limited, bill.reads), (0, READS as usize), "{bill:?}");
    // A call takes 160 ms at most. The first ones come upon a window that is all used, and wait for what comes free.
    assert!(worst(&took) <= 0.16 + 3.0 * 10.0 / limit as f64, "{took:?}");
    assert!(worst(&later) <= 0.18, "a reserve is left to them: {took:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_keeps_a_reserve_beside_a_backlog() {
    beside_a_backlog(100, 220).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_keeps_a_reserve_of_a_small_quota() {
    beside_a_backlog(25, 40).await;
}
