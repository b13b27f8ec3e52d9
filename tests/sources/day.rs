//! A day of a source, twice: once in order and undisturbed; once shuffled, with every event twice, while the process is killed
//! and GHL loses answers. GHL must hold the same in the end, and that is what the events say.
//!
//! `cargo test` runs a bounded form. The full one, minutes long: `SOURCE_DAY=10000 cargo test --test main sources::day --
//! --nocapture`.

mod plan;

use super::{SECRET, insurgo, signature};
use crate::support::{Dice, Killable, pause, scratch, until};
use ghl_enrich::clock::Clock;
use ghl_sandbox::{Fault, FaultAction, QuotaProfile, Sandbox, SandboxConfig};
use plan::{Day, Holding};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

const BOUND: Duration = Duration::from_secs(60);

fn events_wanted() -> usize {
    std::env::var("SOURCE_DAY").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

/// What GHL holds of the day's contacts, by e-mail address.
async fn held(sandbox: &Sandbox) -> BTreeMap<String, Holding> {
    let url = format!("{}/__sandbox/state", sandbox.base_url());
    let state: Value = reqwest::get(url).await.expect("answers").json().await.expect("JSON");
    let mut all = BTreeMap::new();
    for truth in state["contacts"].as_array().expect("contacts") {
        let holding = Holding::read(truth);
        if holding.email.ends_with(plan::DOMAIN) {
            let email = holding.email.clone();
            assert!(all.insert(email.clone(), holding).is_none(), "{email} is there twice");
        }
    }
    all
}

/// A process over a sandbox, into which a day is pushed.
struct Run {
    sandbox: Sandbox,
    service: Killable,
}

impl Run {
    async fn new(name: &str) -> Self {
        let config = SandboxConfig { quota: QuotaProfile::Unlimited, contacts: 5, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("sandbox starts");
        let changes = [
            ("SOURCES__SYSTEMS", insurgo("")),
            ("SOURCES__WAIT_HOURS", "24".to_owned()),
            ("CACHE__ERROR_HOLD_MS", "0".to_owned()),
        ];
        let service = Killable::new(&sandbox.base_url(), &scratch(&format!("day-{name}")), &changes);
        Self { sandbox, service }
    }

    /// Pushes events in requests of up to `most`, each until it is acknowledged.
    async fn push(&self, events: &[Value], most: u64, dice: &mut Dice) {
        let mut rest = events;
        while !rest.is_empty() {
            let count = usize::try_from(1 + dice.below(most)).expect("small").min(rest.len());
            let (now, later) = rest.split_at(count);
            self.push_one(&json!(now).to_string()).await;
            rest = later;
        }
    }

    async fn push_one(&self, body: &str) {
        until("an acknowledgement", BOUND, async || {
            let at = Clock::system().now().as_second().to_string();
            let call = self.service.client.post(self.service.url("/v1/sources/insurgo/events"));
            let call = call
                .header("content-type", "application/json")
                .header("webhook-id", "m")
                .header("webhook-timestamp", &at);
            let sent =
                call.header("webhook-signature", signature(SECRET, "m", &at, body)).body(body.to_owned()).send().await;
            // Whether a request whose connection broke was taken, nobody knows: it is sent again.
            let answer = sent.ok()?;
            let status = answer.status();
            assert!(status == 202 || status == 429 || status.is_server_error(), "{status}: {:?}", answer.text().await);
            (status == 202).then_some(())
        })
        .await;
    }

    /// Waits until every event is at its end, and requires that none failed.
    async fn ended(&self) {
        let report = until("the end of the day", Duration::from_secs(600), async || {
            let report = self.service.try_json("/v1/sources").await?["items"][0].clone();
            (report["pending"] == 0 && report["waiting"] == 0).then_some(report)
        })
        .await;
        if report["failed"] != 0 {
            let failed = self.service.json("/v1/sources/insurgo/events?fate=failed&limit=5").await;
            panic!("{failed}");
        }
        self.service.assert_never_panicked();
    }
}

/// What goes wrong at GHL meanwhile.
fn misfortunes(sandbox: &Sandbox) {
    let fault = |endpoint: &str, action, share| sandbox.inject(Fault::new(endpoint, action).probability(share));
    for endpoint in ["ghl.note_create", "ghl.task_create", "ghl.contact_create"] {
        fault(endpoint, FaultAction::Latency(Duration::from_millis(20)), 0.3);
        fault(endpoint, FaultAction::AppliedButLost, 0.1);
        fault(endpoint, FaultAction::Reset, 0.05);
        fault(endpoint, FaultAction::Html502, 0.03);
    }
    for endpoint in ["ghl.tags_add", "ghl.tags_remove", "ghl.contact_update", "ghl.task_update", "ghl.task_delete"] {
        fault(endpoint, FaultAction::AppliedButLost, 0.1);
        fault(endpoint, FaultAction::Reset, 0.05);
    }
    for endpoint in ["ghl.contact", "ghl.notes", "ghl.tasks", "ghl.duplicate"] {
        fault(endpoint, FaultAction::Html502, 0.05);
    }
}

/// Kills the process so often at random moments, now and then in the midst of starting, and leaves one running.
async fn kill(service: &Killable, times: u32) {
    let mut dice = Dice::new(11);
    for _ in 0..times {
        service.start();
        if dice.below(4) > 0 {
            until("a process that serves", BOUND, async || service.try_json("/v1/sources").await).await;
        }
        pause(Duration::from_millis(dice.below(900))).await;
        service.kill();
    }
    service.start();
}

async fn clean(day: &Day) -> BTreeMap<String, Holding> {
    let run = Run::new("clean").await;
    run.service.start();
    run.push(&day.in_order(), 40, &mut Dice::new(3)).await;
    run.ended().await;
    held(&run.sandbox).await
}

async fn rough(day: &Day, kills: u32) -> BTreeMap<String, Holding> {
    let run = Run::new("rough").await;
    misfortunes(&run.sandbox);
    let mut dice = Dice::new(5);
    let pushing = async {
        for pass in 0..2 {
            let events = day.shuffled(&mut dice);
            let share = events.len().div_ceil(kills as usize / 2 + 1);
            for (number, part) in events.chunks(share).enumerate() {
                // Not ahead of the kills, so that they meet events to the end.
                let due = (kills / 2 * pass) + u32::try_from(number).expect("small");
                until("the next kill", BOUND, async || (run.service.kills() >= due.min(kills)).then_some(())).await;
                run.push(part, 30, &mut dice).await;
            }
        }
    };
    tokio::join!(pushing, kill(&run.service, kills));
    run.ended().await;
    held(&run.sandbox).await
}

#[actix_web::test]
#[expect(clippy::print_stdout, reason = "the full form is run for its figures")]
async fn a_rough_day_ends_as_a_clean_one() {
    let begun = Instant::now();
    let count = events_wanted();
    let kills = u32::try_from((count / 40).clamp(6, 60)).expect("small");
    let day = Day::of(count, count.div_ceil(15), 42);
    let expected = day.expected();
    let clean = clean(&day).await;
    assert_same("the clean day is what its events say", &clean, &expected);
    let after_clean = begun.elapsed();
    let rough = rough(&day, kills).await;
    assert_same("the rough day is as the clean one", &rough, &clean);
    println!(
        "{count} events of {} contacts: clean {after_clean:?}; twice, shuffled, {kills} kills: {:?}",
        expected.len(),
        begun.elapsed() - after_clean
    );
}

#[track_caller]
fn assert_same(what: &str, one: &BTreeMap<String, Holding>, other: &BTreeMap<String, Holding>) {
    for (email, expected) in other {
        assert_eq!(one.get(email), Some(expected), "{what}: {email}");
    }
    assert_eq!(one.len(), other.len(), "{what}: {:?}", one.keys().collect::<Vec<_>>());
}
