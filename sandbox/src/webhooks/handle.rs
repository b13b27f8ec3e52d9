//! What a test does with webhooks by hand: send them somewhere, look at them, and change contacts as somebody in GHL
//! would - without HTTP, quota or faults, thousands of times a second, and with the same events.

use std::fmt;
use std::io;

use bytes::Bytes;
use serde_json::{Value, json};

use super::plan::WebhookPlan;
use super::{WebhookCounts, WebhookEvent, appointments, events, sign};
use crate::control;
use crate::ghl::direct;
use crate::server::Sandbox;

/// A change that GHL would not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// GHL's status for it.
    pub status: u16,
    /// GHL's body.
    pub body: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}: {}", self.status, self.body)
    }
}

impl std::error::Error for Refused {}

impl From<String> for Refused {
    fn from(body: String) -> Self {
        Self { status: 400, body }
    }
}

/// The webhooks and their receivers.
impl Sandbox {
    /// Sends events there from now on. A receiver that is known gets a new plan and begins anew.
    ///
    /// # Errors
    /// If the URL is none or the plan cannot be.
    pub fn webhooks_to(&self, url: &str, plan: WebhookPlan) -> io::Result<()> {
        let subscribed = self.lock().webhooks.subscribe(url, plan);
        subscribed.map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))
    }

    /// Sends no more to any receiver.
    pub fn webhooks_to_nobody(&self) {
        self.lock().webhooks.unsubscribe(None);
    }

    /// Everything that was made, in order, and what became of it.
    pub fn webhook_events(&self) -> Vec<WebhookEvent> {
        self.webhook_events_after(0)
    }

    /// What was made after the event with this number.
    pub fn webhook_events_after(&self, seq: u64) -> Vec<WebhookEvent> {
        self.lock().webhooks.shown(seq, usize::MAX)
    }

    /// How much was made and sent.
    pub fn webhook_counts(&self) -> WebhookCounts {
        self.lock().webhooks.counts()
    }

    /// How many copies of events are under way, waiting, or to be tried again.
    pub fn webhooks_pending(&self) -> usize {
        self.lock().webhooks.pending()
    }

    /// Has every copy come to an end?
    pub fn webhooks_settled(&self) -> bool {
        self.webhooks_pending() == 0
    }

    /// Sends nothing until [`Sandbox::resume_webhooks`]; events are made and held.
    pub fn pause_webhooks(&self) {
        self.lock().webhooks.pause();
    }

    /// Sends again, after a pause or after the circuit breaker opened. What was held stays so.
    pub fn resume_webhooks(&self) {
        self.lock().webhooks.resume();
    }

    /// Sends to each receiver that is not paused what was held back from it; returns how many events.
    pub fn resend_held_webhooks(&self) -> usize {
        self.lock().webhooks.resend_held()
    }

    /// Makes an event of any type and returns its `webhookId`. `timestamp`, `webhookId`, `appId` and `versionId` are
    /// added to the body; one that is no object is taken as an empty one.
    pub fn emit(&self, kind: &str, body: Value) -> String {
        let members = if let Value::Object(members) = body { members } else { serde_json::Map::new() };
        let mut state = self.lock();
        let now = state.now();
        state.webhooks.record(now, kind.to_owned().into(), members).to_string()
    }

    /// Makes an `INSTALL` or an `UNINSTALL`, of a location or of the agency.
    pub fn emit_installation(&self, installed: bool, location: Option<&str>) {
        events::installation(&mut self.lock(), installed, location);
    }

    /// The `X-GHL-Signature` of a body.
    pub fn sign(&self, body: &[u8]) -> String {
        sign::ed25519(body)
    }

    /// The retired `x-wh-signature` of a body.
    pub fn sign_rsa(&self, body: &[u8]) -> String {
        sign::rsa(body)
    }

    /// What verifies [`Sandbox::sign_rsa`]: SPKI DER in base64. Another one in every process.
    pub fn webhook_rsa_public_key(&self) -> Option<String> {
        sign::rsa_public_key()
    }
}

/// Changes as somebody in GHL makes them.
impl Sandbox {
    /// Creates a contact; `body` without `locationId`. Returns its id.
    ///
    /// # Errors
    /// If GHL would refuse it; so with all of these.
    pub fn create_contact(&self, location: &str, mut body: Value) -> Result<String, Refused> {
        if let Some(map) = body.as_object_mut() {
            map.insert("locationId".to_owned(), location.into());
        }
        Ok(id_in(&self.change_at(location, "POST", "/contacts/", &body)?, "contact"))
    }

    /// Updates a contact by the body of a PUT.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn edit_contact(&self, contact: &str, body: Value) -> Result<(), Refused> {
        self.change(contact, "PUT", "", &body).map(drop)
    }

    /// Deletes a contact and what hangs on it.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn delete_contact(&self, contact: &str) -> Result<(), Refused> {
        self.change(contact, "DELETE", "", &Value::Null).map(drop)
    }

    /// Adds tags.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn add_tags(&self, contact: &str, tags: &[&str]) -> Result<(), Refused> {
        self.change(contact, "POST", "/tags", &json!({"tags": tags})).map(drop)
    }

    /// Removes tags.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn remove_tags(&self, contact: &str, tags: &[&str]) -> Result<(), Refused> {
        self.change(contact, "DELETE", "/tags", &json!({"tags": tags})).map(drop)
    }

    /// Replaces the tags, by a PUT.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn set_tags(&self, contact: &str, tags: &[&str]) -> Result<(), Refused> {
        self.edit_contact(contact, json!({"tags": tags}))
    }

    /// Adds a note and returns its id.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn add_note(&self, contact: &str, body: &str) -> Result<String, Refused> {
        Ok(id_in(&self.change(contact, "POST", "/notes", &json!({"body": body}))?, "note"))
    }

    /// Gives a note another body.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn edit_note(&self, contact: &str, note: &str, body: &str) -> Result<(), Refused> {
        self.change(contact, "PUT", &format!("/notes/{note}"), &json!({"body": body})).map(drop)
    }

    /// Deletes a note.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn delete_note(&self, contact: &str, note: &str) -> Result<(), Refused> {
        self.change(contact, "DELETE", &format!("/notes/{note}"), &Value::Null).map(drop)
    }

    /// Adds a task by the body of a POST and returns its id.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn add_task(&self, contact: &str, body: Value) -> Result<String, Refused> {
        Ok(id_in(&self.change(contact, "POST", "/tasks", &body)?, "task"))
    }

    /// Changes a task by the body of a PUT. GHL tells of it only if that completes the task.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn edit_task(&self, contact: &str, task: &str, body: Value) -> Result<(), Refused> {
        self.change(contact, "PUT", &format!("/tasks/{task}"), &body).map(drop)
    }

    /// Completes a task.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn complete_task(&self, contact: &str, task: &str) -> Result<(), Refused> {
        self.change(contact, "PUT", &format!("/tasks/{task}/completed"), &json!({"completed": true})).map(drop)
    }

    /// Deletes a task.
    ///
    /// # Errors
    /// If GHL would refuse it.
    pub fn delete_task(&self, contact: &str, task: &str) -> Result<(), Refused> {
        self.change(contact, "DELETE", &format!("/tasks/{task}"), &Value::Null).map(drop)
    }

    /// Makes an appointment (`contactId`, and whatever else is to be said of it) and returns its id.
    ///
    /// # Errors
    /// If something is unknown, or no value.
    pub fn add_appointment(&self, body: Value) -> Result<String, Refused> {
        Ok(appointments::create(&mut self.lock(), body)?)
    }

    /// Changes what the body tells of an appointment.
    ///
    /// # Errors
    /// If there is none, or something is unknown.
    pub fn edit_appointment(&self, appointment: &str, body: Value) -> Result<(), Refused> {
        Ok(appointments::change(&mut self.lock(), appointment, body)?)
    }

    /// Deletes an appointment.
    ///
    /// # Errors
    /// If there is none.
    pub fn delete_appointment(&self, appointment: &str) -> Result<(), Refused> {
        Ok(appointments::delete(&mut self.lock(), appointment)?)
    }

    /// The contact, notes, tasks and appointments as GHL would answer them now under `2021-07-28`; null for a contact
    /// that there is not.
    pub fn truth(&self, contact: &str) -> Value {
        control::truth(&self.lock(), contact)
    }

    fn change(&self, contact: &str, method: &str, path: &str, body: &Value) -> Result<Bytes, Refused> {
        let location = self.lock().contacts.get(contact).map(|found| found.location_id.clone());
        let location = location.ok_or_else(|| Refused::from(format!("there is no contact {contact}")))?;
        self.change_at(&location, method, &format!("/contacts/{contact}{path}"), body)
    }

    fn change_at(&self, location: &str, method: &str, path: &str, body: &Value) -> Result<Bytes, Refused> {
        let reply = direct::change(&mut self.lock(), location, method, path, body);
        match reply.status {
            200..300 => Ok(reply.body),
            status => Err(Refused { status, body: String::from_utf8_lossy(&reply.body).into_owned() }),
        }
    }
}

fn id_in(answer: &[u8], of: &str) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    answer[of]["id"].as_str().unwrap_or_default().to_owned()
}
