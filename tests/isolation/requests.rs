//! The requests that are made of a route: its path, query, headers and body with somebody's ids in every place that takes
//! one. The places are read from the document, so a new one is asked for or fails the walk.

use super::worlds::Things;
use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    /// Whether it names their location outright.
    pub names_location: bool,
}

impl Ask {
    fn with_query(&self, query: &str) -> Self {
        Self { url: format!("{}?{query}", self.url), ..self.clone() }
    }

    fn with_header(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        next.headers.push((name.to_owned(), value.to_owned()));
        next
    }

    fn with_body(&self, body: Value) -> Self {
        Self { body: Some(body), ..self.clone() }
    }

    /// Whether something stands in it.
    pub fn says(&self, id: &str) -> bool {
        self.url.contains(id) || self.body.as_ref().is_some_and(|body| body.to_string().contains(id))
    }
}

fn filled(path: &str, contact: &str, things: &Things) -> String {
    let ids = [
        ("{contactId}", contact),
        ("{noteId}", &things.note),
        ("{taskId}", &things.task),
        ("{operationId}", &things.operation),
        ("{businessId}", &things.business),
        ("{locationId}", &things.location),
        ("{webhookId}", &things.webhook),
        ("{source}", &things.source),
        ("{eventId}", &things.event),
    ];
    let path = ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
    assert!(!path.contains('{'), "what stands in {path}?");
    path
}

/// Every request of a route that names one of these things; `own` is a contact that the asker may see, `number` tells the
/// route from others.
pub fn of(operation: &Value, (method, path): (&str, &str), number: usize, things: &Things, own: &str) -> Vec<Ask> {
    let base = Ask {
        method: method.to_uppercase(),
        url: filled(path, &things.contact, things),
        headers: Vec::new(),
        body: body(method, path, things),
        names_location: path.contains("{locationId}"),
    };
    let mut asks = vec![first(operation, &base, number, things)];
    if path.contains("{noteId}") || path.contains("{taskId}") {
        asks.push(Ask { url: filled(path, own, things), ..base.clone() });
    }
    asks.extend(by_query(operation, path, &base, things));
    if let Some(body) = &base.body {
        let mut named = body.clone();
        named["locationId"] = json!(things.location);
        asks.push(base.with_body(named));
    }
    if path == "/v1/tokens" {
        let everything = json!({"locations": [things.location], "minutes": 1});
        asks.push(Ask { names_location: true, ..base.with_body(everything) });
    }
    if path == "/v1/sources/{source}/events" && method == "post" {
        asks.push(base.with_header("webhook-signature", "v1,AAAA"));
    }
    if path == "/webhooks/ghl" {
        asks.push(base.with_header("x-ghl-signature", "AAAA"));
    }
    if operation["responses"]["200"]["content"]["application/x-ndjson"].is_object() {
        asks.push(base.with_header("accept", "application/x-ndjson"));
    }
    if method == "get" {
        let heads: Vec<_> = asks.iter().map(|ask| Ask { method: "HEAD".to_owned(), ..ask.clone() }).collect();
        asks.extend(heads);
    }
    asks
}

/// The request with every header that names something.
fn first(operation: &Value, base: &Ask, number: usize, things: &Things) -> Ask {
    let mut ask = base.clone();
    if base.method == "GET" {
        ask = ask.with_header("if-none-match", &things.etag);
    }
    for (_, name) in parameters(operation).into_iter().filter(|(place, _)| *place == "header") {
        ask = match name {
            "Idempotency-Key" => ask.with_header(name, &things.idempotency_key(number)),
            "Last-Event-ID" => ask.with_header(name, things.etag.trim_start_matches("W/").trim_matches('"')),
            "Prefer" | "X-GHL-Signature" | "webhook-id" | "webhook-timestamp" | "webhook-signature" => ask,
            other => panic!("can the header {other} name something?"),
        };
    }
    ask
}

fn by_query(operation: &Value, path: &str, base: &Ask, things: &Things) -> Vec<Ask> {
    let declared: Vec<_> =
        parameters(operation).into_iter().filter(|(place, _)| *place == "query").map(|(_, name)| name).collect();
    // Where it is not declared it says nothing.
    let names_location = base.names_location || declared.contains(&"locationId");
    let mut asks = vec![Ask { names_location, ..base.with_query(&format!("locationId={}", things.location)) }];
    for name in declared {
        match name {
            "contactId" => asks.push(base.with_query(&format!("contactId={}", things.contact))),
            "operationId" => asks.push(base.with_query(&format!("operationId={}", things.operation))),
            "query" => asks.push(base.with_query(&format!("query={}", things.email))),
            "externalId" => asks.push(base.with_query(&format!("externalId={}", things.external))),
            "dryRun" => asks.push(base.with_query("dryRun=true")),
            "maxAge" => asks.push(base.with_query("maxAge=0")),
            "require" => asks.push(base.with_query("include=notes,tasks,appointments&require=notes")),
            // Cursors have a test of their own.
            "locationId" | "include" | "ip" | "limit" | "cursor" | "event" | "since" | "until" | "state" | "kind"
            | "type" | "fate" | "asOf" | "missing" | "verify" => {}
            other => panic!("can the parameter {other} of {path} name something?"),
        }
    }
    asks
}

/// Parameters as the document has them: where each stands, and its name.
fn parameters(operation: &Value) -> Vec<(&str, &str)> {
    let list = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|one| Some((one["in"].as_str()?, one["name"].as_str()?))).collect()
}

fn body(method: &str, path: &str, things: &Things) -> Option<Value> {
    let end = path.rsplit('/').next().unwrap_or_default();
    Some(match (method, end) {
        ("get", _) | ("delete", "{contactId}" | "{noteId}" | "{taskId}" | "{locationId}" | "data") => return None,
        ("post", "retry" | "cancel" | "replay") => return None,
        ("post" | "put", "contacts") => json!({"firstName": "Ours", "email": things.email}),
        ("put", "{contactId}") => json!({"firstName": "Taken"}),
        ("post", "search") => json!({"filters": [{"field": "email", "operator": "eq", "value": things.email}]}),
        ("post", "notes") | ("put", "{noteId}") => json!({"body": "taken"}),
        ("post", "tasks") => json!({"title": "taken", "dueDate": "2027-03-01T09:00:00Z", "completed": false}),
        ("put", "{taskId}") => json!({"title": "taken"}),
        ("put", "completed") => json!({"completed": true}),
        ("post" | "delete", "tags") => json!({"tags": ["taken"]}),
        ("post", "resolve") => json!({"contactId": things.contact}),
        ("post", "enrichment") => json!({"dryRun": true}),
        ("post", "batch") => json!({"contactIds": [things.contact]}),
        ("post", "tokens") => json!({"contacts": [things.contact], "minutes": 1}),
        ("post", "events" | "reconcile") => json!({
            "id": things.event, "type": "contact.updated",
            "data": {"contactId": things.external, "email": things.email, "firstName": "Taken"},
        }),
        ("post", "ghl") => json!({
            "type": "ContactDelete", "locationId": things.location, "id": things.contact, "webhookId": things.webhook,
        }),
        (method, _) => panic!("what does {method} {path} take?"),
    })
}

/// Members of a route's body that an id can stand in, as the document has them.
pub fn members(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
    let members = named.unwrap_or(schema)["properties"].as_object().into_iter().flat_map(|members| members.keys());
    let names_something = |name: &&String| {
        if *name == "userId" {
            // A person at GHL, who may be of many locations.
            return false;
        }
        let name = name.to_lowercase();
        name.ends_with("id") || name.ends_with("ids") || ["contact", "location"].iter().any(|word| name.contains(word))
    };
    members.filter(names_something).cloned().collect()
}
