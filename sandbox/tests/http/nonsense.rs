//! Nonsense from outside: every route answers it with a refusal, none with a panic or a broken connection.

use ghl_sandbox::tokens;
use serde_json::{Value, json};

use super::support::{HERE, OLIVIA, start};

const ROUTES: &[(&str, &str)] = &[
    ("GET", "/contacts/"),
    ("POST", "/contacts/"),
    ("POST", "/contacts/upsert"),
    ("POST", "/contacts/search"),
    ("GET", "/contacts/search/duplicate"),
    ("GET", "/contacts/business/ID"),
    ("POST", "/contacts/bulk/tags/update/add"),
    ("POST", "/contacts/bulk/business"),
    ("PUT", "/contacts/ID"),
    ("POST", "/contacts/ID/tasks"),
    ("PUT", "/contacts/ID/tasks/x"),
    ("PUT", "/contacts/ID/tasks/x/completed"),
    ("POST", "/contacts/ID/notes"),
    ("PUT", "/contacts/ID/notes/x"),
    ("POST", "/contacts/ID/tags"),
    ("DELETE", "/contacts/ID/tags"),
    ("POST", "/contacts/ID/followers"),
    ("DELETE", "/contacts/ID/followers"),
    ("POST", "/contacts/ID/workflow/x"),
    ("POST", "/locations/sandboxLocation00001/tasks/search"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/locationToken"),
    ("POST", "/oauth/reconnect"),
    ("POST", "/batch"),
    ("POST", "/batch/lite"),
    ("POST", "/__sandbox/faults"),
    ("POST", "/__sandbox/clock"),
    ("POST", "/__sandbox/locations/sandboxLocation00001"),
    ("POST", "/__sandbox/oauth"),
    ("POST", "/__sandbox/webhooks"),
    ("POST", "/__sandbox/webhooks/emit"),
    ("POST", "/__sandbox/webhooks/resend"),
    ("POST", "/__sandbox/appointments"),
    ("PUT", "/__sandbox/appointments/none"),
];

fn bodies() -> Vec<Value> {
    let deep = (0..60).fold(json!([]), |inner, _| json!({"group": "AND", "filters": [inner]}));
    let mut bodies =
        vec![json!(null), json!([]), json!("é"), json!(-1e300), json!({"": null}), json!([[], {}, "1.2.3.4/"])];
    for value in
        [json!(null), json!(-1), json!(1e300), json!([]), json!([null, 7]), json!({"é": []}), json!("é\u{0}%"), deep]
    {
        let mut body = json!({"locationId": HERE, "pageLimit": 1});
        for key in [
            "name",
            "email",
            "phone",
            "dateOfBirth",
            "tags",
            "customFields",
            "dndSettings",
            "inboundDndSettings",
            "title",
            "dueDate",
            "completed",
            "body",
            "color",
            "followers",
            "contacts",
            "ids",
            "filters",
            "sort",
            "searchAfter",
            "page",
            "query",
            "advanceSeconds",
            "action",
            "endpoint",
            "contactUniqueIdentifiers",
            "contactId",
            "limit",
            "grant_type",
            "code",
            "companyId",
            "consent",
            "accessTokenSeconds",
        ] {
            body[key] = value.clone();
            bodies.push(json!({"locationId": HERE, "pageLimit": 1, key: value}));
        }
        bodies.push(body);
    }
    bodies
}

#[tokio::test]
async fn nonsense_is_refused_calmly() {
    let client = start().await;
    let free = client.token(Some(tokens::IPINFO_TOKEN));
    let agency = client.token(Some(tokens::OAUTH_COMPANY));
    for (method, path) in ROUTES {
        let path = path.replace("ID", OLIVIA);
        let client = match path.as_str() {
            "/batch" | "/batch/lite" => &free,
            "/oauth/locationToken" => &agency,
            _ => &client,
        };
        for body in bodies() {
            let answer = client.send(method, &path, Some(body.clone())).await;
            assert!(answer.status < 500, "{method} {path} {body}: {}", answer.text);
        }
    }
    for path in [
        "/contacts/%FF%00",
        "/contacts/%E9/notes",
        "/lite/%",
        "/contacts/?locationId=%FF&limit=-1",
        "/%F0%9F%98%80/json",
        "/oauth/chooselocation?response_type=code&redirect_uri=%FF&state=%",
        "/oauth/installedLocations?companyId=%FF&appId=&skip=99999999999999999999",
    ] {
        let answer = client.get(path).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let client = start().await;
    let note = json!({"body": "x".repeat(5 * 1024 * 1024)});
    // The answer may come while the body is still being sent, and then the connection breaks: both are fine.
    if let Ok(answer) = client.try_send("POST", &format!("/contacts/{OLIVIA}/notes"), Some(note)).await {
        assert_eq!(answer.status, 413);
    }
    client.get(&format!("/contacts/{OLIVIA}")).await.expect(200);
}
