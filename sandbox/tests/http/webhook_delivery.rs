//! How events get to a receiver: again, twice, late, out of order, and not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ghl_sandbox::{Sandbox, SandboxConfig, WebhookDelivery, WebhookFate, WebhookPlan};
use serde_json::{Value, json};

use super::receiver::{Answer, Receiver, settled, until};
use super::support::{Client, HERE, OLIVIA, start};

/// A client, and a receiver that this plan leads to.
async fn sending(plan: WebhookPlan) -> (Client, Receiver) {
    let (client, receiver) = (start().await, Receiver::start().await);
    client.sandbox.webhooks_to(&receiver.url, plan).expect("a plan that can be");
    (client, receiver)
}

fn quick() -> WebhookPlan {
    WebhookPlan { retry_base_ms: 2, ..WebhookPlan::default() }
}

fn notes(sandbox: &Sandbox, count: usize) {
    (0..count).for_each(|number| drop(sandbox.add_note(OLIVIA, &number.to_string()).expect("a note")));
}

/// The only delivery of an event.
fn delivery(sandbox: &Sandbox, at: usize) -> WebhookDelivery {
    sandbox.webhook_events()[at].deliveries[0].clone()
}

#[tokio::test]
async fn whatever_is_no_2xx_is_tried_again_with_the_same_id() {
    let (client, receiver) = sending(WebhookPlan { timeout_ms: 200, ..quick() }).await;
    receiver.next(&[Answer::Status(500), Answer::Status(429), Answer::Silence, Answer::Status(302)]);
    notes(&client.sandbox, 1);
    settled(&client.sandbox).await;
    let received = receiver.received();
    assert_eq!(received.len(), 5);
    assert!(received.iter().all(|got| got.body == received[0].body && got.is_signed()));
    let delivery = delivery(&client.sandbox, 0);
    assert_eq!((delivery.fate, delivery.attempts, delivery.last_status), (WebhookFate::Delivered, 5, Some(200)));
    assert!(delivery.delivered_at.is_some());
    let counts = client.sandbox.webhook_counts();
    assert_eq!((counts.sent, counts.retries, counts.delivered, counts.failed), (5, 4, 1, 0));
    receiver.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_given_up_after_the_last_retry() {
    let (client, receiver) = sending(WebhookPlan { retries: 3, ..quick() }).await;
    receiver.stop().await;
    notes(&client.sandbox, 1);
    settled(&client.sandbox).await;
    let delivery = delivery(&client.sandbox, 0);
    assert_eq!((delivery.fate, delivery.attempts, delivery.last_status), (WebhookFate::Failed, 4, None));
    assert_eq!(client.sandbox.webhook_counts().failed, 1);
}

#[tokio::test]
async fn duplicates_and_overtaking_come_in_about_the_share_asked_for() {
    let plan =
        WebhookPlan { duplicate_percent: 20, reorder_percent: 10, reorder_hold_ms: 400, concurrency: 1, ..quick() };
    let (client, receiver) = sending(plan).await;
    notes(&client.sandbox, 400);
    settled(&client.sandbox).await;
    let order: Vec<u64> = receiver.received().iter().map(|got| number_in(&got.json())).collect();
    let mut first_seen = BTreeSet::new();
    let firsts: Vec<u64> = order.iter().copied().filter(|number| first_seen.insert(*number)).collect();
    assert_eq!(firsts.len(), 400, "each at least once");
    let repeated = order.len() - 400;
    assert!((50..=110).contains(&repeated), "{repeated} of 400 twice");
    let latest = firsts.iter().scan(0, |highest: &mut u64, number| {
        let overtaken = *number < *highest;
        *highest = (*highest).max(*number);
        Some(overtaken)
    });
    let overtaken = latest.filter(|overtaken| *overtaken).count();
    assert!((20..=65).contains(&overtaken), "{overtaken} of 400 overtaken");
    let counts = client.sandbox.webhook_counts();
    assert_eq!((counts.duplicates as usize, counts.delivered, counts.retries), (repeated, 400, 0));
    receiver.stop().await;
}

/// The number that a note's body is.
fn number_in(body: &Value) -> u64 {
    body["body"].as_str().and_then(|text| text.parse().ok()).expect("a number")
}

#[tokio::test]
async fn the_same_seed_doubles_the_same_events() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (client, receiver) = sending(WebhookPlan { duplicate_percent: 30, ..quick() }).await;
        notes(&client.sandbox, 50);
        settled(&client.sandbox).await;
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        receiver.received().iter().for_each(|got| *times.entry(number_in(&got.json())).or_default() += 1);
        runs.push(times);
        receiver.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].values().any(|times| *times == 2));
}

#[tokio::test]
async fn a_delay_is_waited_out() {
    let (client, receiver) = sending(WebhookPlan { delay_ms: [150, 200], ..quick() }).await;
    let before = tokio::time::Instant::now();
    notes(&client.sandbox, 3);
    assert_eq!(client.sandbox.webhooks_pending(), 3);
    settled(&client.sandbox).await;
    assert!(before.elapsed() >= Duration::from_millis(150));
    assert_eq!(receiver.received().len(), 3);
    receiver.stop().await;
}

#[tokio::test]
async fn the_circuit_breaker_pauses_and_what_it_held_can_be_sent_again() {
    let (client, receiver) = sending(WebhookPlan { breaker_after: 20, retries: 0, concurrency: 1, ..quick() }).await;
    receiver.next(&[Answer::Status(500); 3]);
    notes(&client.sandbox, 30);
    settled(&client.sandbox).await;
    assert_eq!(receiver.received().len(), 20, "17 of 20 are too few");
    let shown = client.get("/__sandbox/webhooks").await.expect(200);
    assert_eq!(shown["receivers"][0]["standing"], "broken");
    notes(&client.sandbox, 1);
    let fates = || -> Vec<WebhookFate> {
        client.sandbox.webhook_events().iter().map(|event| event.deliveries[0].fate).collect()
    };
    assert_eq!(fates().iter().filter(|fate| **fate == WebhookFate::Held).count(), 11);
    client.post("/__sandbox/webhooks/resume", json!({})).await.expect(200);
    notes(&client.sandbox, 1);
    settled(&client.sandbox).await;
    assert_eq!(receiver.received().len(), 21, "resuming alone sends nothing that was held");
    let resent = client.post("/__sandbox/webhooks/resend", json!({"held": true})).await.expect(200);
    assert_eq!(resent["resent"], 11);
    settled(&client.sandbox).await;
    assert_eq!(fates().iter().filter(|fate| **fate == WebhookFate::Delivered).count(), 29);
    assert_eq!(fates().iter().filter(|fate| **fate == WebhookFate::Failed).count(), 3);
    let failed =
        client.sandbox.webhook_events().into_iter().find(|event| event.deliveries[0].fate == WebhookFate::Failed);
    let id = failed.expect("one that failed").webhook_id;
    client.post("/__sandbox/webhooks/resend", json!({"webhookId": id})).await.expect(200);
    settled(&client.sandbox).await;
    assert!(receiver.received().iter().filter(|got| got.id() == id).count() == 2);
    assert_eq!(client.sandbox.webhook_counts().delivered, 30);
    receiver.stop().await;
}

#[tokio::test]
async fn a_pause_holds_what_has_not_left() {
    let (client, receiver) = sending(quick()).await;
    client.post("/__sandbox/webhooks/pause", json!({})).await.expect(200);
    notes(&client.sandbox, 2);
    assert!(client.sandbox.webhooks_settled());
    assert_eq!(delivery(&client.sandbox, 0).fate, WebhookFate::Held);
    client.sandbox.resume_webhooks();
    assert_eq!(client.sandbox.resend_held_webhooks(), 2);
    settled(&client.sandbox).await;
    assert_eq!(receiver.received().len(), 2);
    receiver.always(Answer::Silence);
    notes(&client.sandbox, 1);
    until("it is under way", || receiver.received().len() == 3).await;
    client.sandbox.reset();
    assert!(client.sandbox.webhooks_settled(), "what was under way belongs to the life before");
    receiver.stop().await;
}

#[tokio::test]
async fn every_receiver_gets_every_event_and_its_own_fate() {
    let (client, first) = sending(quick()).await;
    let second = Receiver::start().await;
    let plan = json!({"url": second.url, "retries": 0, "retryBaseMs": 1, "delayMs": [0, 5], "concurrency": 2});
    let shown = client.post("/__sandbox/webhooks", plan).await.expect(200);
    assert_eq!(shown["receivers"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["receivers"][1]["plan"]["delayMs"], json!([0, 5]));
    second.always(Answer::Status(503));
    notes(&client.sandbox, 1);
    settled(&client.sandbox).await;
    let event = client.sandbox.webhook_events().remove(0);
    let fates: Vec<WebhookFate> = event.deliveries.iter().map(|delivery| delivery.fate).collect();
    assert_eq!(fates, [WebhookFate::Delivered, WebhookFate::Failed]);
    client.send("DELETE", &format!("/__sandbox/webhooks?url={}", second.url), None).await.expect(200);
    notes(&client.sandbox, 1);
    settled(&client.sandbox).await;
    assert_eq!((first.received().len(), second.received().len()), (2, 1));
    client.sandbox.webhooks_to_nobody();
    notes(&client.sandbox, 1);
    assert!(client.sandbox.webhook_events()[2].deliveries.is_empty());
    for receiver in [first, second] {
        receiver.stop().await;
    }
}

#[tokio::test]
async fn nonsense_is_refused_in_words() {
    let client = start().await;
    let url = "http://127.0.0.1:9/";
    for bad in [
        json!([]),
        json!({}),
        json!({"url": 7}),
        json!({"url": "nowhere"}),
        json!({"url": "ftp://example.com/"}),
        json!({"url": url, "duplicatePercent": 101}),
        json!({"url": url, "delayMs": [5, 1]}),
        json!({"url": url, "concurrency": 0}),
        json!({"url": url, "timeoutMs": 0}),
        json!({"url": url, "retryBaseMs": 86_400_001}),
        json!({"url": url, "signing": "dsa"}),
        json!({"url": url, "colour": "red"}),
    ] {
        let answer = client.post("/__sandbox/webhooks", bad.clone()).await.expect(400);
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{bad}");
    }
    let unknown = json!({"webhookId": "00000000-0000-4000-8000-000000000000"});
    for bad in [json!({}), json!({"webhookId": "x"}), json!({"held": false}), unknown] {
        client.post("/__sandbox/webhooks/resend", bad).await.expect(400);
    }
    client.get("/__sandbox/webhooks/nothing").await.expect(404);
    let config = SandboxConfig { webhook_url: Some("nowhere".to_owned()), ..SandboxConfig::default() };
    assert!(Sandbox::start(config).await.is_err());
    client.send("GET", "/__sandbox", None).await.expect(200);
}

#[tokio::test]
async fn thousands_of_changes_reach_their_receiver() {
    let plan = WebhookPlan { duplicate_percent: 20, reorder_percent: 10, reorder_hold_ms: 20, ..quick() };
    let (client, receiver) = sending(plan).await;
    let contacts = client.sandbox.contact_ids(HERE);
    for number in 0..3_000 {
        let contact = &contacts[number % contacts.len()];
        client.sandbox.edit_contact(contact, json!({"city": number.to_string()})).expect("edited");
    }
    settled(&client.sandbox).await;
    let distinct: BTreeSet<String> = receiver.received().iter().map(super::receiver::Received::id).collect();
    assert_eq!(distinct.len(), 3_000);
    let counts = client.sandbox.webhook_counts();
    assert_eq!((counts.made, counts.delivered, counts.failed), (3_000, 3_000, 0));
    receiver.stop().await;
}
