//! A day that is spent: nothing is lost, people use what was left to them, GHL and the store are left alone.

use super::*;
use crate::ghl::GhlError;

const DAY_ENDS: Duration = Duration::from_secs(3 * 3_600);
const LIMIT: u64 = 300;

#[tokio::test(start_paused = true)]
async fn a_spent_day() {
    let ghl = |clock| Ghl::new(Window::Sliding, 100, clock).daily(LIMIT, DAY_ENDS);
    let world = World::new(ghl, Duration::from_secs(1)).await;
    let began = Instant::now();
    let ends = began + DAY_ENDS;
    let people = world.people(80, Duration::from_secs(150), Duration::from_secs(10));
    // The limit is to be known by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.accept(2, 200).await;
    tokio::time::sleep_until(began + Duration::from_secs(3_600)).await;
    let (commands, claims, notes) = (world.commands(), world.claims(), world.ghl.notes());
    tokio::time::sleep_until(began + Duration::from_secs(2 * 3_600)).await;
    let (commands, claims) = (world.commands() - commands, world.claims() - claims);
    let took = world.all_done(began, Duration::from_secs(6 * 3_600)).await;
    let reads = people.await.unwrap();
    world.assert_exactly_once().await;
    let (bill, counted) = (world.bill(), world.ghl.counted());
    let first_day = counted.partition_point(|at| *at < ends);
    let answered = reads.iter().filter(|read| read.result.is_ok() && read.at < ends).count();
    let refused: Vec<_> = reads.iter().filter(|read| read.result.is_err()).collect();
    println!(
        "a spent day of {LIMIT}: {bill:?}, {:.3} calls a useful one; {first_day} counted that day, {notes} notes in its \
         first hour; {answered} reads answered before its end, {} refused; {commands} store commands and {claims} claims \
         in its second hour; all done {:.0?} after its end",
        bill.per_useful(),
        refused.len(),
        took - DAY_ENDS,
    );
    assert!(first_day as u64 <= LIMIT);
    assert!(bill.per_useful() <= 1.2, "{bill:?}");
    assert!(answered >= 28, "a tenth of the day is left to people: {answered}");
    for read in refused {
        assert!(read.at < ends && read.took < Duration::from_secs(1), "{read:?}");
        let Err(GhlError::RateLimited { retry_after, day: true, .. }) = &read.result else { panic!("{read:?}") };
        let off = retry_after.abs_diff(ends - read.at);
        assert!(off < Duration::from_secs(2), "{read:?} names the day's end");
    }
    assert!(commands <= 2_000, "{commands} store commands in an hour in which nothing could be done");
    world.end().await;
}
