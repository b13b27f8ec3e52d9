//! `POST /contacts/search`.

use std::time::Duration;

use ghl_sandbox::{ContactSeed, SandboxConfig, examples};
use serde_json::{Value, json};

use super::support::{Client, HERE, OLIVIA, start, with};

async fn ids(client: &Client, body: Value) -> Vec<String> {
    let body = client.search(body).await.expect(200);
    let rows = body["contacts"].as_array().expect("contacts");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

fn one(field: &str, operator: &str, value: Value) -> Value {
    json!({"pageLimit": 500, "filters": [{"field": field, "operator": operator, "value": value}]})
}

#[tokio::test]
async fn a_hit_has_the_third_shape() {
    let client = start().await;
    let body = client.search(one("id", "eq", json!(OLIVIA))).await.expect(200);
    assert_eq!(body["total"], 1);
    let hit = &body["contacts"][0];
    assert_eq!((&hit["firstName"], &hit["firstNameLowerCase"]), (&json!("Olivia"), &json!("olivia")));
    assert_eq!(hit["address"], "12 Kent Street");
    assert!(hit.get("address1").is_none());
    assert_eq!(hit["lastAttributionSource"]["ip"], "58.111.106.198");
    assert_eq!(hit["searchAfter"][1], OLIVIA);
    assert!(hit["searchAfter"][0].is_i64());
    assert_eq!(hit["opportunities"], json!([]));
}

#[tokio::test]
async fn cursors_and_pages_walk_everything_once() {
    let client = start().await;
    let mut seen = Vec::new();
    let mut body = json!({"pageLimit": 60});
    loop {
        let page = client.search(body.clone()).await.expect(200);
        let rows = page["contacts"].as_array().expect("contacts").clone();
        assert_eq!(page["total"], 200);
        let Some(last) = rows.last() else { break };
        body["searchAfter"] = last["searchAfter"].clone();
        seen.extend(rows.iter().map(|row| row["id"].to_string()));
    }
    let walked = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((walked, seen.len()), (200, 200));
    let second = ids(&client, json!({"pageLimit": 5, "page": 2})).await;
    let ten = ids(&client, json!({"pageLimit": 10})).await;
    assert_eq!(second, ten[5..]);
}

#[tokio::test]
async fn the_body_is_checked() {
    let client = start().await;
    client.post("/contacts/search", json!({"locationId": HERE})).await.expect(422);
    for body in [
        json!({"pageLimit": 501}),
        json!({"pageLimit": "20"}),
        json!({"page": 0}),
        json!({"page": 1, "searchAfter": [1, "x"]}),
        json!({"searchAfter": [1]}),
        json!({"query": "x".repeat(76)}),
        json!({"sort": [{}, {}, {}]}),
        json!({"limit": 20}),
    ] {
        let answer = client.search(body.clone()).await;
        assert_eq!(answer.status, 422, "{body}");
    }
    client.search(json!({"pageLimit": 100, "page": 101})).await.expect(400);
    client.search(json!({"locationId": "sandboxLocation00002"})).await.expect(403);
    let message = client.search(one("shoeSize", "eq", json!(42))).await.message(400);
    assert_eq!(message, "Invalid field shoeSize");
    let message = client.search(json!({"sort": [{"field": "phone", "direction": "asc"}]})).await.message(400);
    assert_eq!(message, "Invalid field phone");
    let message = client.search(one("city", "like", json!("x"))).await.message(422);
    assert_eq!(message, json!(["Invalid Operator"]));
    let message = client.search(one("email", "contains", json!("x"))).await.message(422);
    assert_eq!(message, json!(["Invalid Operator"]));
}

#[tokio::test]
async fn filters_do_what_they_say() {
    let client = start().await;
    let all = ids(&client, json!({"pageLimit": 500})).await.len();
    let count = async |body: Value| ids(&client, body).await.len();
    let tagged = count(one("tags", "eq", json!("VIP"))).await;
    assert!(tagged > 0);
    assert_eq!(count(one("tags", "not_eq", json!("vip"))).await, all - tagged);
    let (with, without) =
        (count(one("country", "exists", json!(null))).await, count(one("country", "not_exists", json!(null))).await);
    assert_eq!(with + without, all);
    assert_eq!(ids(&client, one("contactName", "contains", json!("Olivia Har"))).await, [OLIVIA]);
    assert_eq!(count(one("contactName", "not_contains", json!("olivia har"))).await, all - 1);
    assert_eq!(ids(&client, one("email", "eq", json!("olivia.hartley@example.com"))).await, [OLIVIA]);
    let colour = count(one("customFields.sandboxFieldColour01", "eq", json!("sea green"))).await;
    assert!((1..all).contains(&colour));
    let group = json!({"pageLimit": 500, "filters": [{"group": "OR", "filters": [
        {"field": "id", "operator": "eq", "value": OLIVIA},
        {"group": "AND", "filters": [
            {"field": "id", "operator": "eq", "value": examples::VPN},
            {"field": "tags", "operator": "contains", "value": "exam"},
        ]},
    ]}]});
    assert_eq!(count(group).await, 2);
}

#[tokio::test]
async fn ranges_take_instants_in_both_forms() {
    let client = start().await;
    let body = client.search(one("id", "eq", json!(OLIVIA))).await.expect(200);
    let (ms, iso) = (body["contacts"][0]["searchAfter"][0].clone(), body["contacts"][0]["dateAdded"].clone());
    let both = one("dateAdded", "range", json!({"gte": iso, "lte": ms}));
    assert!(ids(&client, both).await.contains(&OLIVIA.to_owned()));
    let open = one("dateAdded", "range", json!({"gt": iso, "lt": ms}));
    assert!(ids(&client, open).await.is_empty());
    client.search(one("dateAdded", "range", json!({}))).await.expect(422);
}

#[tokio::test]
async fn sorting_takes_two_keys() {
    let client = start().await;
    let sort = json!([{"field": "lastNameLowerCase", "direction": "asc"}, {"field": "dateAdded", "direction": "desc"}]);
    let body = client.search(json!({"pageLimit": 500, "sort": sort})).await.expect(200);
    let rows = body["contacts"].as_array().expect("contacts");
    let key = |row: &Value| row["lastNameLowerCase"].as_str().unwrap_or_default().to_owned();
    assert!(rows.is_sorted_by_key(key));
    assert_eq!(rows[0]["searchAfter"].as_array().map(Vec::len), Some(3));
    let rest =
        client.search(json!({"pageLimit": 500, "sort": sort, "searchAfter": rows[9]["searchAfter"]})).await.expect(200);
    assert_eq!(rest["contacts"][0]["id"], rows[10]["id"]);
}

#[tokio::test]
async fn the_index_trails_writes() {
    let client = with(SandboxConfig { search_lag: Duration::from_secs(10), ..SandboxConfig::default() }).await;
    let find = one("id", "eq", json!(OLIVIA));
    let city = async || client.search(find.clone()).await.expect(200)["contacts"][0]["city"].clone();
    client.put(&format!("/contacts/{OLIVIA}"), json!({"city": "Perth"})).await.expect(200);
    let read = client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
    assert_eq!(read["contact"]["city"], "Perth", "a read by id is right at once");
    assert_eq!(city().await, "Sydney");
    client.sandbox.advance_clock(Duration::from_secs(5));
    assert_eq!(city().await, Value::Null, "dropped for a while");
    client.sandbox.advance_clock(Duration::from_secs(5));
    assert_eq!(city().await, "Perth");
    let new = client.post("/contacts/", json!({"locationId": HERE, "firstName": "Newcomer"})).await.expect(201);
    let id = new["contact"]["id"].clone();
    assert!(ids(&client, one("id", "eq", id.clone())).await.is_empty());
    client.delete(&format!("/contacts/{OLIVIA}")).await.expect(200);
    assert_eq!(city().await, "Perth", "a deleted contact haunts the index");
    client.sandbox.advance_clock(Duration::from_secs(10));
    assert_eq!(city().await, Value::Null);
    assert_eq!(ids(&client, one("id", "eq", id)).await.len(), 1);
    let added = client.sandbox.add_contact(ContactSeed::new().name("At", "Once"));
    assert_eq!(ids(&client, one("id", "eq", json!(added))).await.len(), 1);
}
