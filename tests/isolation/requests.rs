//! The requests that are made of a route: its path, query and body with somebody's ids in every place that takes one.

use super::worlds::Things;
use serde_json::{Value, json};

/// One request.
#[derive(Debug)]
pub struct Ask {
    pub url: String,
    pub body: Option<Value>,
    /// Whether it names their location outright.
    pub names_location: bool,
}

fn filled(path: &str, things: &Things) -> String {
    let ids = [
        ("{contactId}", &things.contact),
        ("{noteId}", &things.note),
        ("{taskId}", &things.task),
        ("{operationId}", &things.operation),
        ("{businessId}", &things.business),
        ("{locationId}", &things.location),
    ];
    let path = ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
    path.replace("{ip}", "8.8.8.8").replace("{slug}", "internal")
}

/// Every request of a route that names one of these things.
pub fn of(method: &str, path: &str, things: &Things) -> Vec<Ask> {
    let base = filled(path, things);
    let body = body(method, path, things);
    let in_path = path.contains("{locationId}");
    let mut asks = vec![Ask { url: base.clone(), body: body.clone(), names_location: in_path }];
    let mut query = |query: String, names_location: bool| {
        asks.push(Ask { url: format!("{base}?{query}"), body: body.clone(), names_location });
    };
    let lists = ["/v1/operations", "/v1/audit"].contains(&path);
    if !path.contains("{operationId}") && !in_path && path != "/v1/tokens" {
        query(format!("locationId={}", things.location), true);
    }
    if lists {
        query(format!("contactId={}", things.contact), false);
    }
    if path == "/v1/audit" {
        query(format!("operationId={}", things.operation), false);
    }
    if path.ends_with("/profile") || path.ends_with("/explain") {
        query("maxAge=0".to_owned(), false);
        query("include=notes,tasks,appointments&require=notes".to_owned(), false);
    }
    if path == "/v1/tokens" {
        let with = |body: Value, names_location| Ask { url: base.clone(), body: Some(body), names_location };
        asks.push(with(json!({"locations": [things.location], "minutes": 1}), true));
    }
    asks
}

fn body(method: &str, path: &str, things: &Things) -> Option<Value> {
    let end = path.rsplit('/').next().unwrap_or_default();
    Some(match (method, end) {
        ("get", _) | ("delete", "{contactId}" | "{noteId}" | "{taskId}") => return None,
        ("post", "retry" | "cancel") => return None,
        ("post" | "put", "contacts") => json!({"firstName": "Ours", "email": things.email}),
        ("put", "{contactId}") => json!({"firstName": "Taken"}),
        ("post", "search") => json!({"filters": [{"field": "email", "operator": "eq", "value": things.email}]}),
        ("post", "notes") | ("put", "{noteId}") => json!({"body": "taken"}),
        ("post", "tasks") => json!({"title": "taken", "dueDate": "2027-03-01T09:00:00Z", "completed": false}),
        ("put", "{taskId}") => json!({"title": "taken"}),
        ("put", "completed") => json!({"completed": true}),
        ("post" | "delete", "tags") => json!({"tags": ["taken"]}),
        ("post", "enrichment") => json!({"dryRun": true}),
        ("post", "batch") if path.contains("ips") => json!({"ips": ["8.8.8.8"]}),
        ("post", "batch") => json!({"contactIds": [things.contact]}),
        ("post", "tokens") => json!({"contacts": [things.contact], "minutes": 1}),
        (method, _) => panic!("what does {method} {path} take?"),
    })
}
