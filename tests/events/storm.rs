//! A storm of events: doubled, reordered, delivered late, while the process is killed. Each must have one fate, none that
//! was acknowledged may be lost, and what is served at the end must be what GHL holds.

use super::{changes::People, wanted};
use crate::support::{Dice, Killable, LOCATION, pause, until};
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig, WebhookPlan, tokens};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::Instant;

const BOUND: Duration = Duration::from_secs(1800);
const CONTACTS: usize = 200;

/// The service, with nothing growing old by itself: only an event makes it look again.
fn service(sandbox: &Sandbox) -> Killable {
    let key = format!("[\"{}\"]", tokens::WEBHOOK_PUBLIC_KEY);
    let day = "86400".to_owned();
    Killable::new(
        &sandbox.base_url(),
        &crate::support::scratch("storm"),
        &[
            ("WEBHOOKS__PUBLIC_KEYS", key),
            ("CACHE__CONTACT_FRESH_SECONDS", day.clone()),
            ("CACHE__NOTES_FRESH_SECONDS", day.clone()),
            ("CACHE__TASKS_FRESH_SECONDS", day.clone()),
            ("CACHE__APPOINTMENTS_FRESH_SECONDS", day),
        ],
    )
}

/// Kills at random moments until enough were and the changes are made; leaves a process running.
async fn kill(service: &Killable, wanted: usize, done: &AtomicBool) -> usize {
    let mut dice = Dice::new(3);
    let mut kills = 0;
    loop {
        service.start();
        let moment = Duration::from_millis(300 + dice.below(1500));
        if kills >= wanted && done.load(Ordering::Relaxed) {
            return kills;
        }
        pause(moment).await;
        if kills >= wanted {
            until("the end of the changes", BOUND, async || done.load(Ordering::Relaxed).then_some(())).await;
            return kills;
        }
        service.kill();
        kills += 1;
    }
}

/// Somebody reads now and then, so that there is a cache to be wrong.
async fn read(service: &Killable, contacts: &[String], done: &AtomicBool) {
    let mut dice = Dice::new(9);
    while !done.load(Ordering::Relaxed) {
        let index = usize::try_from(dice.below(contacts.len() as u64)).expect("an index");
        let _ = service.client.get(service.url(&profile(&contacts[index]))).send().await;
        pause(Duration::from_millis(3)).await;
    }
}

fn profile(contact: &str) -> String {
    format!("/v1/contacts/{contact}/profile?include=notes,tasks,appointments")
}

/// Every event of the list, by id, with its fate.
async fn fates(service: &Killable) -> BTreeMap<String, String> {
    let mut fates = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page: Value = service.json(&format!("/v1/webhooks/events?limit=100{cursor}")).await;
        for event in page["items"].as_array().expect("a list") {
            let id = event["webhookId"].as_str().expect("an id").to_owned();
            let before = fates.insert(id, event["fate"].as_str().unwrap_or("none").to_owned());
            assert_eq!(before, None, "{event} stands in the list twice");
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return fates,
        }
    }
}

#[actix_web::test]
#[expect(clippy::print_stdout, reason = "the full form is run for its figures")]
async fn every_event_has_one_fate_and_the_cache_ends_right() {
    let (events, kills) = (wanted("STORM_EVENTS").unwrap_or(3_000), wanted("STORM_KILLS").unwrap_or(6));
    let begun = Instant::now();
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, contacts: CONTACTS, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.expect("sandbox starts");
    let service = service(&sandbox);
    let plan = WebhookPlan {
        duplicate_percent: 20,
        reorder_percent: 10,
        retries: 100_000,
        retry_base_ms: 20,
        breaker_after: u64::MAX,
        ..WebhookPlan::default()
    };
    sandbox.webhooks_to(&service.url("/webhooks/ghl"), plan).expect("a plan");
    let contacts = sandbox.contact_ids(LOCATION);
    let done = AtomicBool::new(false);
    let work = async {
        let mut people = People::new(&sandbox, 11);
        for n in 0..events {
            let contact = people.pick(&contacts).to_owned();
            people.change(&contact);
            // A batch at a time: no faster than they are delivered, so that kills meet events to the end.
            if n % 50 == 49 {
                until("deliveries", BOUND, async || (sandbox.webhooks_pending() < 1_000).then_some(())).await;
            }
        }
        until("the last delivery", BOUND, async || (sandbox.webhooks_pending() == 0).then_some(())).await;
        done.store(true, Ordering::Relaxed);
    };
    let ((), (), kills) = tokio::join!(work, read(&service, &contacts, &done), kill(&service, kills, &done));
    until("the fate of every event", Duration::from_secs(60), async || {
        (service.try_json("/v1/webhooks/events?fate=pending&limit=1").await?["items"] == serde_json::json!([]))
            .then_some(())
    })
    .await;
    let fates = fates(&service).await;
    let made: BTreeSet<String> = sandbox.webhook_events().into_iter().map(|event| event.webhook_id).collect();
    let listed: BTreeSet<String> = fates.keys().cloned().collect();
    assert!(made.len() >= events, "each change is an event or two");
    assert!(made == listed, "{} made, {} listed", made.len(), listed.len());
    let mut count = BTreeMap::<&str, usize>::new();
    for fate in fates.values() {
        *count.entry(fate).or_default() += 1;
    }
    assert!(fates.values().all(|fate| fate == "applied" || fate == "ignored"), "{count:?}");
    let wrong = compare(&service, &sandbox, &contacts).await;
    println!("{events} events, {kills} kills, fates {count:?}, {:?}", begun.elapsed());
    assert_eq!(wrong, 0, "profiles that are not what GHL holds");
}

/// How many profiles, as they are served, are not what GHL holds.
async fn compare(service: &Killable, sandbox: &Sandbox, contacts: &[String]) -> usize {
    let mut wrong = 0;
    for contact in contacts {
        let served = service.json(&profile(contact)).await;
        let truth = sandbox.truth(contact);
        let ids = |list: &Value, field: &str| -> BTreeSet<String> {
            let items = list.as_array().expect("a list").iter();
            items.map(|item| format!("{}:{}", item["id"].as_str().unwrap_or_default(), item[field])).collect()
        };
        let tags = |of: &Value| -> BTreeSet<String> {
            of["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let same = ids(&served["notes"], "body") == ids(&truth["notes"], "body")
            && ids(&served["tasks"], "completed") == ids(&truth["tasks"], "completed")
            && tags(&served["contact"]) == tags(&truth["contact"])
            && served["contact"]["website"] == truth["contact"]["website"];
        wrong += usize::from(!same);
        // And anew: the same content has the same entity tag.
        let cached = service.etag(&profile(contact)).await;
        let anew = service.etag(&format!("{}&maxAge=0", profile(contact))).await;
        wrong += usize::from(cached != anew);
    }
    wrong
}
