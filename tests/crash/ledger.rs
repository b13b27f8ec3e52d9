//! What was accepted, and whether GHL holds it: once each, in order within a contact.

use ghl_sandbox::Sandbox;
use serde_json::Value;
use std::collections::BTreeMap;

/// One write.
pub struct Entry {
    /// Stands in the note, task, tag or field, and nowhere else.
    pub marker: String,
    /// Whether it was answered 2xx; else its client gave up, and it may have been done or not.
    pub accepted: bool,
    /// Whether it made a contact, which has no order with the others.
    pub alone: bool,
}

/// What one writer wrote, in order.
pub struct Ledger {
    contact: String,
    entries: Vec<Entry>,
}

/// What the sandbox holds.
pub struct Held {
    /// Markers in the order in which they were applied, with the endpoint that did it.
    applied: Vec<(String, String)>,
    /// How often each marker stands in a note, task or contact.
    records: BTreeMap<String, usize>,
}

/// Every marker in a text.
fn markers(text: &str) -> impl Iterator<Item = String> {
    text.split("crash.w").skip(1).filter_map(|rest| rest.split_once(".end")).map(|(id, _)| format!("crash.w{id}.end"))
}

/// Asks the sandbox, without the faults.
pub async fn held(sandbox: &Sandbox) -> Held {
    let ask = async |path: &str| -> Value {
        let url = format!("{}/__sandbox/{path}", sandbox.base_url());
        reqwest::get(url).await.expect("answers").json().await.expect("JSON")
    };
    let log = ask("writes").await;
    let entries = log["writes"].as_array().expect("a log").iter();
    let applied = entries.filter_map(|entry| {
        let endpoint = entry["endpoint"].as_str().expect("an endpoint").to_owned();
        markers(&entry.to_string()).next().map(|marker| (marker, endpoint))
    });
    let mut records = BTreeMap::new();
    for contact in ask("state").await["contacts"].as_array().expect("contacts") {
        for list in ["notes", "tasks"] {
            for record in contact[list].as_array().expect("a list") {
                for marker in markers(&record.to_string()).take(1) {
                    *records.entry(marker).or_default() += 1;
                }
            }
        }
        for marker in markers(&contact["contact"]["email"].to_string()) {
            *records.entry(marker).or_default() += 1;
        }
    }
    Held { applied: applied.collect(), records }
}

impl Ledger {
    pub fn new(contact: &str) -> Self {
        Self { contact: contact.to_owned(), entries: Vec::new() }
    }

    pub fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub fn accepted(&self) -> usize {
        self.entries.iter().filter(|entry| entry.accepted).count()
    }

    pub fn abandoned(&self) -> usize {
        self.entries.len() - self.accepted()
    }

    /// Each accepted write is there, none is there twice, and those of the contact came in order. A write that may be
    /// repeated as it is (a tag, an update) may have been, as long as nothing came in between.
    pub fn check(&self, held: &Held) {
        let order: BTreeMap<&str, usize> =
            self.entries.iter().enumerate().map(|(n, entry)| (&*entry.marker, n)).collect();
        let mut applied: Vec<usize> = Vec::new();
        let mut times: BTreeMap<usize, usize> = BTreeMap::new();
        for (marker, endpoint) in &held.applied {
            let Some(&n) = order.get(&**marker) else { continue };
            *times.entry(n).or_default() += 1;
            let once = ["note_create", "task_create", "contact_create"].iter().any(|name| endpoint.ends_with(name));
            assert!(!once || times[&n] == 1, "{marker} was made {} times", times[&n]);
            let alone = self.entries.get(n).is_some_and(|entry| entry.alone);
            if !alone && applied.last() != Some(&n) {
                assert!(applied.last().is_none_or(|last| *last < n), "{}: {marker} came late", self.contact);
                applied.push(n);
            }
            if once {
                assert_eq!(held.records.get(marker), Some(&1), "{marker}");
            }
        }
        for (n, entry) in self.entries.iter().enumerate() {
            assert!(!entry.accepted || times.contains_key(&n), "{} was accepted and is missing", entry.marker);
        }
    }
}
