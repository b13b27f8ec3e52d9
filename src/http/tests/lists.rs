//! Contacts, what belongs to them, pages and their cursors.

use super::{Answer, CONTACT, Setup, double::Double};
use serde_json::json;
use std::sync::Arc;

fn with_contacts(contacts: usize) -> Setup {
    Setup { api: Arc::new(Double { contacts, ..Double::default() }), ..Setup::new() }
}

fn cursor(answer: &Answer) -> Option<String> {
    answer.json()["nextCursor"].as_str().map(str::to_owned)
}

#[actix_web::test]
async fn contacts_are_listed_page_by_page_to_the_last() {
    let setup = with_contacts(25);
    let first = setup.get("/v1/contacts?limit=10&query=rosa%20e").await;
    assert_eq!(first.json()["items"].as_array().unwrap().len(), 10);
    assert_eq!(first.json()["total"], 25);
    let mut next = cursor(&first);
    let mut seen = 10;
    while let Some(cursor) = next.take() {
        let page = setup.get(&format!("/v1/contacts?limit=10&query=rosa%20e&cursor={cursor}")).await;
        seen += page.json()["items"].as_array().unwrap().len();
        next = self::cursor(&page);
    }
    assert_eq!(seen, 25);
    let searches = setup.api.searches.lock().unwrap();
    assert_eq!(searches[1].search_after, Some(vec![json!(10), json!("c9")]));
    assert_eq!(searches[0].query.as_deref(), Some("rosa e"));
}

#[actix_web::test]
async fn a_record_that_is_left_out_does_not_end_a_list() {
    for path in ["/v1/contacts?limit=10", "/v1/businesses/b1/contacts?limit=10"] {
        let setup =
            Setup { api: Arc::new(Double { contacts: 25, drops_one: true, ..Double::default() }), ..Setup::new() };
        let (mut lengths, mut next) = (Vec::new(), String::new());
        loop {
            let page = setup.get(&format!("{path}{next}")).await;
            lengths.push(page.json()["items"].as_array().unwrap().len());
            let Some(cursor) = cursor(&page) else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(lengths, [9, 9, 4], "{path}");
    }
}

#[actix_web::test]
async fn contacts_are_listed_newest_first() {
    let setup = with_contacts(1);
    setup.get("/v1/contacts").await;
    let searches = setup.api.searches.lock().unwrap();
    assert_eq!(searches[0].sort, [json!({"field": "dateAdded", "direction": "desc"})]);
}

#[actix_web::test]
async fn a_cursor_of_another_listing_is_refused() {
    let setup = with_contacts(25);
    let cursor = cursor(&setup.get("/v1/contacts?limit=10&query=a").await).unwrap();
    for path in [
        format!("/v1/contacts?limit=10&query=b&cursor={cursor}"),
        format!("/v1/contacts?limit=10&query=a&cursor={cursor}&locationId=otherLocation"),
        format!("/v1/contacts?limit=10&query=a&cursor=A{cursor}"),
        format!("/v1/businesses/b1/contacts?cursor={cursor}"),
    ] {
        let answer = setup.get(&path).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("invalid-parameter", "cursor"), "{path}");
    }
    assert_eq!(setup.get(&format!("/v1/contacts?limit=5&query=a&cursor={cursor}")).await.status, 200);
}

#[actix_web::test]
async fn a_search_goes_on_where_it_stopped() {
    let setup = with_contacts(3);
    let mut body = json!({
        "filters": [{"field": "email", "operator": "exists"}],
        "sort": [{"field": "dateAdded", "direction": "desc"}],
        "limit": 2
    });
    let first = setup.post("/v1/contacts/search", &body.to_string()).await;
    assert_eq!(first.status, 200, "{:?}", first.body);
    body["cursor"] = json!(cursor(&first).unwrap());
    let second = setup.post("/v1/contacts/search", &body.to_string()).await;
    assert_eq!(second.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(cursor(&second), None);
    body["filters"][0]["field"] = json!("phone");
    assert_eq!(setup.post("/v1/contacts/search", &body.to_string()).await.problem(), "invalid-parameter");
    let searches = setup.api.searches.lock().unwrap();
    assert_eq!(searches[0].sort, [json!({"field": "dateAdded", "direction": "desc"})]);
}

#[actix_web::test]
async fn a_search_of_another_shape_is_pointed_at() {
    for (body, pointer) in [
        (json!({"limit": 501}), "/limit"),
        (json!({"query": "x".repeat(76)}), "/query"),
        (json!({"sort": [{"field": "dateAdded", "direction": "up"}]}), "/sort/0/direction"),
        (json!({"filters": [{"field": "email", "operator": "like"}]}), "/filters/0/operator"),
    ] {
        let answer = Setup::new().post("/v1/contacts/search", &body.to_string()).await;
        assert_eq!((answer.problem().as_str(), answer.pointer().as_str()), ("validation-failed", pointer), "{body}");
    }
}

#[actix_web::test]
async fn contacts_of_a_business_are_listed_by_position() {
    let setup = with_contacts(20);
    let first = setup.get("/v1/businesses/63771dcac1116f0e21de8e12/contacts?limit=10").await;
    let next = cursor(&first).unwrap();
    let second = setup.get(&format!("/v1/businesses/63771dcac1116f0e21de8e12/contacts?limit=10&cursor={next}")).await;
    assert_eq!(second.json()["items"].as_array().unwrap().len(), 10);
    assert_eq!(cursor(&second), None, "all were seen");
    assert_eq!(setup.api.windows.lock().unwrap()[1].skip, 10);
}

#[actix_web::test]
async fn what_belongs_to_a_contact_comes_as_items() {
    let setup = Setup::new();
    let tasks = setup.get(&format!("/v1/contacts/{CONTACT}/tasks")).await;
    assert_eq!(tasks.json()["items"][0]["title"], "Call back");
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/tasks/t1")).await.json()["id"], "t1");
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/notes")).await.json(), json!({"items": []}));
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/notes/n1")).await.problem(), "not-found");
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/appointments")).await.json(), json!({"items": []}));
    let contact = setup.get(&format!("/v1/contacts/{CONTACT}")).await;
    assert_eq!((contact.json()["id"].as_str(), contact.header("cache-control")), (Some(CONTACT), "private, no-cache"));
    assert_eq!(contact.header("server-timing"), "ghl_contact;dur=80.0");
    assert_eq!(setup.get("/v1/contacts/unknown").await.problem(), "contact-not-found");
    assert_eq!(setup.get(&format!("/v1/contacts/{CONTACT}/explain")).await.problem(), "contact-not-found");
    assert_eq!(setup.get("/v1/attribution").await.json()["items"][0]["source"], "IPinfo");
}
