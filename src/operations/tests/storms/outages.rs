//! A storm of 429s and an outage: nothing is lost or doubled, and few calls are made in vain.

use super::{
    ghl::{Mood, Outcome, Purpose},
    *,
};

/// How long after `since` GHL first carried out a write.
fn resumed(world: &World, since: Instant) -> Duration {
    let came = world.ghl.came();
    let first = came
        .iter()
        .find(|call| call.at >= since && call.purpose == Purpose::Write && call.outcome == Outcome::Answered);
    first.unwrap().at - since
}

fn came_between(world: &World, from: Instant, to: Instant) -> usize {
    world.ghl.came().iter().filter(|call| from <= call.at && call.at < to).count()
}

async fn storm(mood: Mood) -> (World, usize) {
    let world = World::new(|clock| Ghl::new(Window::Sliding, 100, clock), TICK).await;
    let began = Instant::now();
    world.accept(3, 100).await;
    let people = world.people(24, Duration::from_secs(5), Duration::from_secs(10));
    tokio::time::sleep_until(began + Duration::from_secs(20)).await;
    world.ghl.mood(mood);
    let storm = Instant::now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.ghl.mood(Mood::Well);
    let calm = Instant::now();
    let took = world.all_done(began, Duration::from_secs(3_600)).await;
    world.assert_exactly_once().await;
    let reads = people.await.unwrap();
    let (bill, in_storm) = (world.bill(), came_between(&world, storm, calm));
    println!(
        "60 s {mood:?}: {bill:?}, {:.3} calls a useful one, {in_storm} calls in the storm; resumed {:.1?} after it, all \
         done after {took:.0?}; {} of {} reads answered",
        bill.per_useful(),
        resumed(&world, calm),
        reads.iter().filter(|read| read.result.is_ok()).count(),
        reads.len(),
    );
    assert!(bill.per_useful() <= 1.2, "{bill:?}");
    (world, in_storm)
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429s() {
    let (world, in_storm) = storm(Mood::Storming).await;
    assert!(in_storm <= 12 + 7, "what was on its way, and then one for each window: {in_storm}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_429_now_and_then() {
    let (world, _) = storm(Mood::Squally).await;
    world.end().await;
}

/// The breaker leaves GHL alone for so long at most, and so does a location's gate after it.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

const OUTAGE: Duration = Duration::from_secs(300);

async fn outage(mood: Mood, every: Duration) -> (World, usize) {
    let world = World::new(|clock| Ghl::new(Window::Sliding, 100, clock), TICK).await;
    let began = Instant::now();
    world.accept(2, 150).await;
    let people = world.people(600_000 / u32::try_from(every.as_millis()).unwrap(), every, Duration::from_secs(10));
    let (out, well) = (began + Duration::from_secs(20), began + Duration::from_secs(20) + OUTAGE);
    let mut number = 0;
    while Instant::now() < well + Duration::from_secs(100) {
        if Instant::now() >= out {
            world.ghl.mood(if Instant::now() < well { mood } else { Mood::Well });
        }
        world.accept_one(number % 20).await;
        number += 1;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    let took = world.all_done(began, Duration::from_secs(3_600)).await;
    world.assert_exactly_once().await;
    let reads = people.await.unwrap();
    let (bill, during) = (world.bill(), came_between(&world, out, well));
    let failed = reads.iter().filter(|read| read.result.is_err()).count();
    let waited = reads.iter().map(|read| read.took).max().unwrap();
    println!(
        "300 s {mood:?}: {bill:?}, {:.3} calls a useful one, {during} calls in it; resumed {:.1?} after it, all done \
         after {took:.0?}; {failed} of {} reads refused, none waited longer than {waited:.1?}",
        bill.per_useful(),
        resumed(&world, well),
        reads.len(),
    );
    assert!(bill.per_useful() <= 1.2, "{bill:?}");
    assert!(resumed(&world, well) <= LONGEST_HOLD * 2 + LONGEST_HOLD / 4, "writes wait long after reads are answered");
    let late = |read: &&world::Read| read.at > well + Duration::from_secs(70);
    assert!(reads.iter().filter(late).all(|read| read.result.is_ok()), "{reads:?}");
    (world, during)
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_five_minutes() {
    let (world, during) = outage(Mood::Out, Duration::from_secs(3)).await;
    assert!(during <= 40, "{during} calls while nothing answered");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn five_minutes_without_writes_alone() {
    let (world, _) = outage(Mood::HalfOut, Duration::from_secs(3)).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn five_minutes_without_writes_alone_beside_many_reads() {
    let (world, _) = outage(Mood::HalfOut, Duration::from_millis(400)).await;
    world.end().await;
}
