//! Faults in the middle of a write, and the journal that says which writes took effect.

use std::time::Duration;

use ghl_sandbox::{Fault, FaultAction, QuotaProfile, SandboxConfig};
use serde_json::{Value, json};

use super::support::{Client, HERE, OLIVIA, start, with};

fn notes() -> String {
    format!("/contacts/{OLIVIA}/notes")
}

fn bodies(client: &Client) -> Vec<Value> {
    client.sandbox.writes().into_iter().map(|write| write.content["body"].clone()).collect()
}

/// Waits until so many writes took effect, no longer than ten seconds.
async fn until(client: &Client, count: usize) {
    let waiting = async {
        while client.sandbox.writes().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the write takes effect");
}

#[tokio::test]
async fn the_journal_tells_what_took_effect_and_nothing_else() {
    let client = start().await;
    let made = client.post(&notes(), json!({"body": "one"})).await.expect(201);
    client.post(&notes(), json!({"bdoy": "refused"})).await.expect(422);
    client.get(&notes()).await.expect(200);
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::Reset).times(1));
    client.try_send("POST", &notes(), Some(json!({"body": "reset"}))).await.expect_err("no answer");
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::AppliedButLost).times(1));
    client.try_send("POST", &notes(), Some(json!({"body": "lost"}))).await.expect_err("no answer");
    let id = made["note"]["id"].as_str().expect("an id");
    client.delete(&format!("{}/{id}", notes())).await.expect(200);
    let contact = client.post("/contacts/", json!({"locationId": HERE, "email": "j@example.com"})).await.expect(201);
    let body = client.get("/__sandbox/writes").await.expect(200);
    let rows: Vec<_> = body["writes"].as_array().expect("writes").iter().collect();
    let told: Vec<_> = rows.iter().map(|row| (row["seq"].clone(), row["endpoint"].clone())).collect();
    let names = ["ghl.note_create", "ghl.note_create", "ghl.note_delete", "ghl.contact_create"];
    let expected: Vec<_> = (1..).zip(names).map(|(seq, name)| (json!(seq), json!(name))).collect();
    assert_eq!(told, expected);
    assert_eq!((&rows[0]["contactId"], &rows[0]["recordId"]), (&json!(OLIVIA), &json!(id)));
    assert_eq!((&rows[1]["content"], &rows[1]["locationId"]), (&json!({"body": "lost"}), &json!(HERE)));
    assert_eq!((&rows[2]["recordId"], &rows[2]["content"]), (&json!(id), &json!({})));
    assert_eq!((&rows[3]["contactId"], &rows[3]["recordId"]), (&contact["contact"]["id"], &contact["contact"]["id"]));
    let path = format!("/__sandbox/writes?contactId={OLIVIA}&endpoint=ghl.note_create&after=1");
    assert_eq!(client.get(&path).await.expect(200)["writes"], json!([rows[1]]));
    client.post("/__sandbox/reset", json!({})).await.expect(200);
    assert!(client.sandbox.writes().is_empty());
}

#[tokio::test]
async fn a_late_write_takes_effect_after_its_caller_is_gone() {
    let client = start().await;
    let delay = Duration::from_millis(80);
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::LateApply { delay }).times(1));
    client.try_send("POST", &notes(), Some(json!({"body": "late"}))).await.expect_err("no answer");
    assert!(bodies(&client).is_empty());
    client.post(&notes(), json!({"body": "next"})).await.expect(201);
    until(&client, 2).await;
    assert_eq!(bodies(&client), ["next", "late"]);
}

#[tokio::test]
async fn a_late_write_does_not_reach_into_the_next_life() {
    let client = start().await;
    let delay = Duration::from_millis(60);
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::LateApply { delay }).times(1));
    client.try_send("POST", &notes(), Some(json!({"body": "late"}))).await.expect_err("no answer");
    client.sandbox.reset();
    // As late as the late one, and asked for after it.
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::Latency(2 * delay)).times(1));
    client.post(&notes(), json!({"body": "new life"})).await.expect(201);
    assert_eq!(bodies(&client), ["new life"]);
}

#[tokio::test]
async fn a_slow_answer_comes_after_the_write() {
    let client = start().await;
    let delay = Duration::from_millis(250);
    client.sandbox.inject(Fault::new("ghl.note_create", FaultAction::SlowAnswer { delay }).times(2));
    let before = tokio::time::Instant::now();
    client.post(&notes(), json!({"body": "slow"})).await.expect(201);
    assert!(before.elapsed() >= delay);
    let path = notes();
    let unheard = client.try_send("POST", &path, Some(json!({"body": "unheard"})));
    tokio::time::timeout(Duration::from_millis(100), unheard).await.expect_err("too slow");
    until(&client, 2).await;
    assert_eq!(bodies(&client), ["slow", "unheard"]);
}

#[tokio::test]
async fn every_tenth_answer_is_lost_and_each_write_is_told_once() {
    let client = start().await;
    client.sandbox.inject(Fault::new("ghl.writes", FaultAction::AppliedButLost).probability(0.1));
    let mut lost = 0;
    for number in 0..200 {
        lost += i32::from(client.try_send("POST", &notes(), Some(json!({"body": number.to_string()}))).await.is_err());
    }
    assert!((8..40).contains(&lost), "{lost} of 200");
    let told: Vec<String> = bodies(&client).into_iter().filter_map(|body| body.as_str().map(str::to_owned)).collect();
    assert_eq!(told, (0..200).map(|number: i32| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_storm_ends_and_a_spent_day_ends_at_midnight() {
    let client = with(SandboxConfig { quota: QuotaProfile::Trial, ..SandboxConfig::default() }).await;
    let storm = json!({"endpoint": "ghl.writes", "lastsMs": 30_000, "action": {"kind": "tooManyRequests"}});
    let armed = client.post("/__sandbox/faults", storm).await.expect(200);
    assert!(armed[0]["endsAt"].is_string());
    client.post(&notes(), json!({"body": "x"})).await.expect(429);
    client.get(&notes()).await.expect(200);
    client.sandbox.advance_clock(Duration::from_secs(30));
    client.post(&notes(), json!({"body": "x"})).await.expect(201);
    client.sandbox.inject_for(Fault::new("*", FaultAction::Html502), Duration::from_secs(1));
    client.get(&notes()).await.expect(502);
    client.sandbox.advance_clock(Duration::from_secs(1));

    client.post("/__sandbox/quota", json!({"locationId": HERE, "dayLeft": 1})).await.expect(200);
    let last = client.get(&notes()).await;
    assert_eq!((last.status, last.header("x-ratelimit-daily-remaining")), (200, "0"));
    client.sandbox.advance_clock(Duration::from_secs(10));
    let spent = client.get(&notes()).await;
    assert_eq!((spent.status, spent.header("x-ratelimit-limit-daily")), (429, "10000"));
    client.sandbox.advance_clock(Duration::from_secs(86_400));
    client.get(&notes()).await.expect(200);
    for bad in [json!({}), json!({"locationId": HERE, "dayLeft": -1})] {
        client.post("/__sandbox/quota", bad).await.expect(400);
    }
}
