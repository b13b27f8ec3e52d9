//! The contract: every contacts operation of GHL's OpenAPI documents is served, takes a request that carries everything
//! its schema declares, and answers with the declared status and body - but for the known deviations.

use std::collections::BTreeSet;

use ghl_sandbox::{AppointmentSeed, ContactSeed, TaskSeed};
use serde_json::{Value, json};

use super::contract_deviations::{DEVIATIONS, find};
use super::contract_schema::{Documents, folder};
use super::support::{Answer, Client, HERE, start};

/// Both documents, and the `Version` under which each holds.
const DOCUMENTS: &[(&str, &str)] = &[("contacts.json", "2021-07-28"), ("contacts-v3.json", "v3")];

#[tokio::test]
async fn the_sandbox_keeps_to_ghls_own_documents() {
    let Some(folder) = folder() else {
        println!("\nSKIPPED (shared missing): GHL's OpenAPI documents");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI the documents must be there");
        return;
    };
    let mut report = Report::default();
    for (name, version) in DOCUMENTS {
        let documents = Documents::load(&folder, name);
        let client = start().await.version(Some(version));
        let operations = documents.operations();
        assert!(operations.len() > 30, "{name}");
        for (method, path, operation) in &operations {
            let case = Case { documents: &documents, operation, method, path };
            case.success(&client, &mut report).await;
            case.refusals(&client, &mut report).await;
        }
    }
    report.settle();
}

/// What was found, over all operations.
#[derive(Default)]
struct Report {
    unknown: BTreeSet<String>,
    used: BTreeSet<usize>,
}

impl Report {
    fn add(&mut self, operation: &str, at: &str, what: &str) {
        match find(operation, at, what) {
            Some(row) => drop(self.used.insert(row)),
            None => drop(self.unknown.insert(format!("{operation}: {at} {what}"))),
        }
    }

    fn settle(&self) {
        let unknown: Vec<&String> = self.unknown.iter().collect();
        assert!(unknown.is_empty(), "departures nobody knew of: {unknown:#?}");
        let idle: Vec<_> = DEVIATIONS.iter().enumerate().filter(|(row, _)| !self.used.contains(row)).collect();
        assert!(idle.is_empty(), "deviations nobody needs: {idle:#?}");
        assert!(DEVIATIONS.iter().all(|row| !row.reason.is_empty()));
    }
}

/// One operation.
struct Case<'a> {
    documents: &'a Documents,
    operation: &'a Value,
    method: &'a str,
    path: &'a str,
}

/// What a request is about.
struct Scene {
    contact: String,
    task: String,
    note: String,
}

impl Case<'_> {
    fn id(&self) -> &str {
        self.operation["operationId"].as_str().expect("an operation id")
    }

    /// A request with everything in it.
    async fn success(&self, client: &Client, report: &mut Report) {
        let scene = scene(client).await;
        let path = self.fill(&scene.contact, &scene.task, &scene.note);
        let answer = client.send(self.method, &path, self.body(&scene.contact)).await;
        let wanted = self.statuses().into_iter().find(|status| *status < 300).expect("a success");
        if answer.status == wanted {
            self.compare(&answer, wanted, report);
        } else {
            let what = format!("is {}", answer.status);
            assert!(answer.status < 300, "{} {} must be accepted: {}", self.method, path, answer.text);
            report.add(self.id(), "status", &what);
            self.compare(&answer, wanted, report);
        }
    }

    /// Every declared refusal that can be provoked here: no token, no such contact, an unknown property.
    async fn refusals(&self, client: &Client, report: &mut Report) {
        let scene = scene(client).await;
        let path = self.fill(&scene.contact, &scene.task, &scene.note);
        let body = self.body(&scene.contact);
        let stranger = client.token(Some("nobody")).send(self.method, &path, body.clone()).await;
        assert_eq!(stranger.status, 401, "{} {path}", self.method);
        self.compare(&stranger, 401, report);
        if self.path.contains("{contactId}") {
            let lost = self.fill("nobody", &scene.task, &scene.note);
            let lost = client.send(self.method, &lost, body.clone()).await;
            assert_eq!(lost.status, 400, "{} {path}: {}", self.method, lost.text);
            self.compare(&lost, 400, report);
        }
        let open = ["add-contact-to-campaign"].contains(&self.id());
        if let (Some(mut body), false) = (body, open) {
            body["shoeSize"] = json!(42);
            let refused = client.send(self.method, &path, Some(body)).await;
            assert_eq!(refused.status, 422, "{} {path}: {}", self.method, refused.text);
            assert!(refused.text.contains("property shoeSize should not exist"), "{}", refused.text);
            self.compare(&refused, 422, report);
        }
    }

    fn statuses(&self) -> Vec<u16> {
        let declared = self.operation["responses"].as_object().into_iter().flatten();
        declared.filter_map(|(status, _)| status.parse().ok()).collect()
    }

    /// The body against the declared schema of a status, if the document has one.
    fn compare(&self, answer: &Answer, status: u16, report: &mut Report) {
        let schema = &self.operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return;
        }
        for departure in self.documents.check(schema, &answer.body) {
            report.add(self.id(), &departure.at, &departure.what);
        }
    }

    fn fill(&self, contact: &str, task: &str, note: &str) -> String {
        let path = self.path.replace("{contactId}", contact).replace("{taskId}", task).replace("{id}", note);
        let path = path.replace("{type}", "remove").replace("{businessId}", "63771dcac1116f0e21de8e12");
        let path = path.replace("{campaignId}", "campaign1").replace("{workflowId}", "workflow1");
        assert!(!path.contains('{'), "{path}");
        let parameters = self.operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<String> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| match parameter["name"].as_str()? {
                "locationId" => Some(format!("locationId={HERE}")),
                "email" => Some(format!("email={contact}%40example.com")),
                "limit" => Some("limit=5".to_owned()),
                _ => None,
            })
            .collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// Everything that the request schema declares, with values that mean something.
    fn body(&self, contact: &str) -> Option<Value> {
        let schema = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return None;
        }
        let mut body = self.documents.sample("", schema);
        if self.id() == "search-contacts-advanced" {
            body = json!({"pageLimit": 2, "locationId": HERE});
        }
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            let sensible = match name.as_str() {
                "locationId" => Some(json!(HERE)),
                "email" => Some(json!(format!("new.{contact}@example.com"))),
                "phone" => Some(json!("+61491570110")),
                "dueDate" | "eventStartTime" => Some(json!("2030-01-02T10:00:00Z")),
                "color" => Some(json!("#00ff00")),
                "dateOfBirth" => Some(json!("1990-09-25")),
                "contacts" | "ids" => Some(json!([contact])),
                "customFields" => Some(json!([
                    {"id": "sandboxFieldColour01", "key": "favourite_colour", "field_value": "teal"},
                    {"id": "sandboxFieldSeats001", "field_value": 3},
                ])),
                _ => None,
            };
            if let Some(sensible) = sensible {
                *value = sensible;
            }
        }
        Some(if body.is_object() { body } else { json!({}) })
    }
}

/// A contact of its own, with a note, a task and an appointment; whatever the last operation left is gone.
async fn scene(client: &Client) -> Scene {
    client.sandbox.reset();
    let contact = client.sandbox.add_contact(
        ContactSeed::new()
            .name("Contract", "Case")
            .ip("81.2.69.142")
            .tags(["one"])
            .note("A note")
            .task(TaskSeed::due_in_hours("A task", 5))
            .appointment(AppointmentSeed::starts_in_hours("A meeting", 5)),
    );
    let first = async |part: &str| {
        let body = client.get(&format!("/contacts/{contact}/{part}")).await.expect(200);
        body[part][0]["id"].as_str().expect("an id").to_owned()
    };
    let (task, note) = (first("tasks").await, first("notes").await);
    Scene { contact, task, note }
}
