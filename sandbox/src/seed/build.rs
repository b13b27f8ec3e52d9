//! How a described contact becomes one, with everything that hangs on it.

use std::time::Duration;

use serde_json::{Value, json};

use super::contact::ContactSeed;
use crate::clock::{DAY_MS, Millis, iso};
use crate::model::{Appointment, Contact, Note, Task};
use crate::state::State;
use crate::tokens;

const USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/140.0.0.0 Safari/537.36";

impl ContactSeed {
    /// Makes it a contact; it is indexed at once.
    pub(crate) fn add_to(self, state: &mut State) -> String {
        self.add_at(state, state.now())
    }

    /// The same, with all ages counted from `base`.
    pub(crate) fn add_at(mut self, state: &mut State, base: Millis) -> String {
        let id = self.id.take().unwrap_or_else(|| state.rng.id20());
        let added = base - millis(self.age);
        self.add_notes(state, &id, base);
        self.add_tasks(state, &id, base);
        self.add_appointments(state, &id, base);
        let contact = self.build(id.clone(), added);
        state.define_tags(&contact.location_id, &contact.tags.clone().unwrap_or_default());
        state.store_contact(contact);
        state.index.forget(&id);
        id
    }

    fn build(self, id: String, added: Millis) -> Contact {
        let web = self.attribution_ip.is_some() || self.last_attribution_ip.is_some();
        let location_id = self.location.unwrap_or_else(|| tokens::LOCATION_1.to_owned());
        let created_by = json!({
            "source": if web { "INTEGRATION" } else { "WEB_USER" }, "channel": if web { "OAUTH" } else { "APP" },
            "sourceId": location_id, "timestamp": iso(added),
        });
        let manual = json!({"sessionSource": "CRM UI", "medium": "manual", "mediumId": null});
        let mut contact = Contact {
            id,
            location_id,
            fields: self.fields,
            tags: self.tags,
            custom_fields: self.custom_fields,
            additional_emails: self.additional_emails,
            attribution: if web { self.attribution_ip.as_deref().map(captured) } else { Some(manual) },
            last_attribution: self.last_attribution_ip.as_deref().map(captured),
            created_by,
            added,
            updated: added,
            extra: self.extra,
            ..Contact::default()
        };
        let plain = [
            ("firstName", self.first_name),
            ("lastName", self.last_name),
            ("email", self.email),
            ("phone", self.phone),
            ("country", self.country),
            ("timezone", self.timezone),
        ];
        for (key, value) in plain {
            if let Some(value) = value {
                contact.set(key, value);
            }
        }
        contact
    }

    fn add_notes(&mut self, state: &mut State, id: &str, base: Millis) {
        let mut notes = Vec::new();
        for seed in std::mem::take(&mut self.notes) {
            let at = base - millis(seed.age);
            notes.push(Note {
                id: state.rng.id20(),
                body: seed.body,
                user_id: Some("sandboxUser000000001".to_owned()),
                title: seed.title,
                color: None,
                pinned: None,
                added: at,
                updated: at,
            });
        }
        state.notes.insert(id.to_owned(), notes);
    }

    fn add_tasks(&mut self, state: &mut State, id: &str, base: Millis) {
        let mut tasks = Vec::new();
        for seed in std::mem::take(&mut self.tasks) {
            let added = base - 14 * DAY_MS - tasks.len() as Millis * 60_000;
            tasks.push(Task {
                id: state.rng.id24(),
                title: seed.title,
                body: seed.body,
                assigned_to: Some("sandboxUser000000001".to_owned()),
                due: base + seed.due_in_hours * 3_600_000,
                completed: seed.completed,
                added,
                updated: added,
            });
        }
        state.tasks.insert(id.to_owned(), tasks);
    }

    fn add_appointments(&mut self, state: &mut State, id: &str, base: Millis) {
        let mut events = Vec::new();
        for seed in std::mem::take(&mut self.appointments) {
            let start = base + seed.starts_in_hours * 3_600_000;
            let start = start - start.rem_euclid(1_800_000);
            events.push(Appointment {
                id: state.rng.id20(),
                calendar_id: "sandboxCalendar00001".to_owned(),
                title: seed.title,
                status: seed.status,
                assigned_user_id: Some("sandboxUser000000001".to_owned()),
                notes: None,
                address: Some("https://meet.example.com/sandbox".to_owned()),
                start,
                end: start + seed.minutes * 60_000,
                added: base - 7 * DAY_MS,
                updated: base - 7 * DAY_MS,
            });
        }
        state.appointments.insert(id.to_owned(), events);
    }
}

/// What GHL keeps of a web session.
fn captured(ip: &str) -> Value {
    json!({
        "url": "https://www.example.com/get-a-quote", "sessionSource": "Paid Search", "campaign": "spring",
        "utmSource": "google", "utmMedium": "cpc", "referrer": "https://www.google.com/", "gclid": "sandbox-gclid",
        "userAgent": USER_AGENT, "ip": ip, "medium": "form", "mediumId": "sandboxForm000000001",
    })
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}
