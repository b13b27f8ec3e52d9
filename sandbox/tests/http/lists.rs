//! The contact list, the contacts of a business, the duplicate look-up.

use ghl_sandbox::{ContactSeed, examples, tokens};
use serde_json::{Value, json};

use super::support::{HERE, OLIVIA, start};

#[tokio::test]
async fn the_list_lower_cases_names_and_gives_explicit_nulls() {
    let client = start().await;
    let id = client.sandbox.add_contact(ContactSeed::new().name("Ægir", "O'NEILL").ip("8.8.8.8"));
    let body = client.get(&format!("/contacts/?locationId={HERE}&limit=1")).await.expect(200);
    let row = &body["contacts"][0];
    assert_eq!(row["id"], *id);
    assert_eq!((&row["firstName"], &row["lastName"]), (&json!("ægir"), &json!("o'neill")));
    assert_eq!((&row["firstNameRaw"], &row["lastNameRaw"]), (&json!("Ægir"), &json!("O'NEILL")));
    assert_eq!(row["contactName"], "ægir o'neill");
    assert_eq!(row.get("email"), Some(&Value::Null));
    assert!(row.get("attributionSource").is_none());
    assert_eq!((&row["attributions"][0]["ip"], &row["attributions"][0]["isFirst"]), (&json!("8.8.8.8"), &json!(true)));
    assert_eq!(row["attributions"][1]["isLast"], true);
    assert!(body.get("count").is_none());
}

#[tokio::test]
async fn pages_end_with_a_cursor_that_leads_nowhere() {
    let client = start().await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let body = client.get(&format!("/contacts?locationId={HERE}&limit=70{cursor}")).await.expect(200);
        let rows = body["contacts"].as_array().expect("contacts");
        seen.extend(rows.iter().map(|row| row["id"].to_string()));
        let meta = &body["meta"];
        assert_eq!(meta["total"], 200);
        let (after, id) = (meta["startAfter"].as_i64().expect("ms"), meta["startAfterId"].as_str().expect("an id"));
        cursor = format!("&startAfter={after}&startAfterId={id}");
        if meta["nextPageUrl"].is_null() {
            assert_eq!(
                (&meta["currentPage"], &meta["nextPage"], &meta["prevPage"]),
                (&json!(3), &Value::Null, &json!(2))
            );
            break;
        }
        assert!(meta["nextPageUrl"].as_str().is_some_and(|url| !url.starts_with(&client.sandbox.base_url())));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 200);
    let beyond = client.get(&format!("/contacts/?locationId={HERE}{cursor}")).await.expect(200);
    assert_eq!(beyond["contacts"], json!([]));
}

#[tokio::test]
async fn the_list_insists_on_its_parameters() {
    let client = start().await;
    client.get("/contacts/").await.expect(422);
    client.get("/contacts/?startAfter=1&startAfterId=x").await.expect(403);
    client.get(&format!("/contacts/?locationId={}", tokens::LOCATION_2)).await.expect(403);
    client.get(&format!("/contacts/?locationId={HERE}&limit=101")).await.expect(422);
    client.get(&format!("/contacts/?locationId={HERE}&limit=many")).await.expect(422);
    let found = client.get(&format!("/contacts/?locationId={HERE}&query=olivia%20HART")).await.expect(200);
    assert_eq!(found["contacts"][0]["id"], OLIVIA);
    assert_eq!(found["meta"]["total"], 1);
}

#[tokio::test]
async fn a_business_lists_its_contacts() {
    let client = start().await;
    let path = format!("/contacts/business/{}", tokens::EXAMPLE_BUSINESS);
    let body = client.get(&format!("{path}?locationId={HERE}")).await.expect(200);
    let count = body["count"].as_u64().expect("a count");
    assert!((2..=25).contains(&count), "{count}");
    assert!(body.to_string().contains(OLIVIA));
    let page = client.get(&format!("{path}?locationId={HERE}&limit=1&skip=1")).await.expect(200);
    assert_eq!(page["contacts"][0]["id"], body["contacts"][1]["id"]);
    let first = &body["contacts"][0];
    let name = first["contactName"].as_str().expect("a name").replace(' ', "%20");
    let after = format!("&startAfter={name},{}", first["id"].as_str().expect("an id"));
    let next = client.v3().get(&format!("{path}?locationId={HERE}{after}")).await.expect(200);
    assert_eq!(next["contacts"][0]["id"], body["contacts"][1]["id"]);
    client.get(&path).await.expect(403);
}

#[tokio::test]
async fn a_duplicate_look_up_answers_null_rather_than_404() {
    let client = start().await;
    let path = format!("/contacts/search/duplicate?locationId={HERE}");
    let found = client.get(&format!("{path}&number=%2B61491570156")).await.expect(200);
    assert_eq!(found["contact"]["id"], OLIVIA);
    let not_encoded = client.get(&format!("{path}&number=+61491570156")).await.expect(200);
    assert_eq!(not_encoded["contact"], Value::Null, "a plus that is not encoded is a space");
    let found = client.get(&format!("{path}&email=OLIVIA.hartley%40example.com")).await.expect(200);
    assert_eq!(found["contact"]["id"], OLIVIA);
    let vpn = client.get(&format!("/contacts/{}", examples::VPN)).await.expect(200)["contact"].clone();
    let number = vpn["phone"].as_str().expect("a phone").replace('+', "%2B");
    let both = format!("{path}&number={number}&email=olivia.hartley@example.com");
    assert_eq!(client.get(&both).await.expect(200)["contact"]["id"], OLIVIA);
    client.sandbox.set_duplicate_policy(HERE, false, &["phone", "email"]);
    assert_eq!(client.get(&both).await.expect(200)["contact"]["id"], examples::VPN);
    client.get(&path).await.expect(422);
}
