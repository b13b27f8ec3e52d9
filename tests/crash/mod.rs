//! The promise of durable writes, tried the hard way: the real process is killed at random moments while writes are
//! accepted and GHL loses answers; afterwards GHL must hold each accepted write exactly once, in order.
//!
//! `cargo test` runs a bounded form. The full one, minutes long: `CRASH_KILLS=200 CRASH_WRITES=5000 cargo test --test
//! main crash -- --nocapture`.

mod ledger;
mod writers;

use crate::support::{Dice, Killable, pause, scratch, until};
use futures_util::future::join_all;
use ghl_sandbox::{Fault, FaultAction, QuotaProfile, Sandbox, SandboxConfig};
use ledger::Ledger;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use writers::Writer;

/// Contacts written to side by side; each has one writer, so that order within it is defined.
const WRITERS: usize = 16;

/// How often the process is killed and how much is written.
struct Size {
    kills: u32,
    writes: usize,
}

impl Size {
    fn wanted() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        Self {
            kills: number("CRASH_KILLS").unwrap_or(12),
            writes: number("CRASH_WRITES").map_or(320, |writes| writes as usize),
        }
    }
}

/// What goes wrong at GHL meanwhile: answers are lost, connections break, gateways fail, calls take their time, and a
/// contact is created although the answer is 422.
fn misfortunes(sandbox: &Sandbox) {
    let fault = |endpoint: &str, action, share| sandbox.inject(Fault::new(endpoint, action).probability(share));
    let slow = FaultAction::Latency(Duration::from_millis(25));
    for endpoint in ["note", "task", "contact"] {
        fault(&format!("ghl.{endpoint}_create"), slow.clone(), 0.3);
        fault(&format!("ghl.{endpoint}_create"), FaultAction::AppliedButLost, 0.1);
        fault(&format!("ghl.{endpoint}_create"), FaultAction::Reset, 0.05);
        fault(&format!("ghl.{endpoint}_create"), FaultAction::Html502, 0.03);
    }
    for endpoint in ["ghl.tags_add", "ghl.tags_remove", "ghl.contact_update", "ghl.task_complete"] {
        fault(endpoint, FaultAction::AppliedButLost, 0.1);
        fault(endpoint, FaultAction::Reset, 0.05);
    }
    fault("ghl.contact_create", FaultAction::CreatedBut422, 0.1);
    for endpoint in ["ghl.notes", "ghl.tasks", "ghl.duplicate"] {
        fault(endpoint, FaultAction::Html502, 0.05);
    }
}

/// Kills the process at random moments until told to stop, and leaves one running. Says how often.
async fn kill(service: &Killable, wanted: u32, done: &AtomicBool) -> u32 {
    let mut dice = Dice::new(7);
    let mut kills = 0;
    loop {
        service.start();
        // Also in the midst of starting.
        let moment = Duration::from_millis(dice.below(600));
        let enough = || kills >= wanted && done.load(Ordering::Relaxed);
        if !enough() {
            pause(moment).await;
        }
        if enough() {
            return kills;
        }
        service.kill();
        kills += 1;
    }
}

/// Waits until every accepted write has ended, and requires that each was done.
async fn all_ended(service: &Killable) {
    let operations = async |states: &str| {
        let listed = service.try_json(&format!("/v1/operations?state={states}&limit=5")).await?;
        Some(listed["items"].clone())
    };
    until("the end of all that was accepted", Duration::from_secs(120), async || {
        (operations("pending,running").await? == serde_json::json!([])).then_some(())
    })
    .await;
    let lost = operations("failed,dead,cancelled").await.expect("it runs");
    assert_eq!(lost, serde_json::json!([]), "accepted and not done");
    service.assert_never_panicked();
}

#[actix_web::test]
#[expect(clippy::print_stdout, reason = "the full form is run for its figures")]
async fn what_was_accepted_is_done_once_and_in_order_whatever_dies() {
    let size = Size::wanted();
    let begun = Instant::now();
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.expect("sandbox starts");
    let contacts = writers::contacts(&sandbox, WRITERS).await;
    misfortunes(&sandbox);
    let service = Killable::new(&sandbox.base_url(), &scratch("crash"), &[]);
    let done = Arc::new(AtomicBool::new(false));
    let each = size.writes.div_ceil(WRITERS);
    let writing = async {
        let crowd = contacts
            .into_iter()
            .enumerate()
            .map(|(n, contact)| Writer::new(n, contact, &service).write(each, size.kills));
        let ledgers = join_all(crowd).await;
        done.store(true, Ordering::Relaxed);
        ledgers
    };
    let (ledgers, kills) = tokio::join!(writing, kill(&service, size.kills, &done));
    all_ended(&service).await;
    let accepted: usize = ledgers.iter().map(Ledger::accepted).sum();
    let abandoned: usize = ledgers.iter().map(Ledger::abandoned).sum();
    println!(
        "{kills} kills, {accepted} writes accepted, {abandoned} given up by their client, {} calls, {:?}",
        sandbox.calls().count("ghl.*"),
        begun.elapsed()
    );
    assert!(kills >= size.kills && accepted + abandoned >= size.writes);
    let held = ledger::held(&sandbox).await;
    for ledger in &ledgers {
        ledger.check(&held);
    }
}
