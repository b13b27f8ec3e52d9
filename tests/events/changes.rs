//! People at work in GHL: each change is of another kind, and bears a marker that stands nowhere else.

use crate::support::Dice;
use ghl_sandbox::Sandbox;
use serde_json::json;
use std::collections::BTreeMap;

/// Those who change things.
pub struct People {
    sandbox: Sandbox,
    dice: Dice,
    made: usize,
    /// Notes that were made, by contact, and not deleted since.
    notes: BTreeMap<String, Vec<String>>,
    /// Tasks that were made, by contact, and not completed since.
    tasks: BTreeMap<String, Vec<String>>,
}

impl People {
    pub fn new(sandbox: &Sandbox, seed: u64) -> Self {
        Self {
            sandbox: sandbox.clone(),
            dice: Dice::new(seed),
            made: 0,
            notes: BTreeMap::new(),
            tasks: BTreeMap::new(),
        }
    }

    /// Which of several comes next.
    pub fn pick<'a>(&mut self, contacts: &'a [String]) -> &'a str {
        let index = usize::try_from(self.dice.below(contacts.len() as u64)).expect("an index");
        &contacts[index]
    }

    /// One change that a profile shows: its marker.
    pub fn add(&mut self, contact: &str) -> String {
        self.made += 1;
        let marker = format!("chg.{}.end", self.made);
        match self.dice.below(4) {
            0 => {
                let website = format!("https://example.com/{marker}");
                self.sandbox.edit_contact(contact, json!({"website": website})).expect("edited");
            }
            1 => {
                let note = self.sandbox.add_note(contact, &format!("Called. {marker}")).expect("noted");
                self.notes.entry(contact.to_owned()).or_default().push(note);
            }
            2 => {
                let task = json!({"title": marker, "dueDate": "2027-03-01T09:00:00Z", "completed": false});
                let task = self.sandbox.add_task(contact, task).expect("added");
                self.tasks.entry(contact.to_owned()).or_default().push(task);
            }
            _ => self.sandbox.set_tags(contact, &["newsletter", &marker]).expect("tagged"),
        }
        marker
    }

    /// One change of any kind that GHL has an event for.
    pub fn change(&mut self, contact: &str) {
        match self.dice.below(8) {
            0 => {
                if let Some(note) = self.notes.get_mut(contact).and_then(Vec::pop) {
                    return self.sandbox.delete_note(contact, &note).expect("deleted");
                }
            }
            1 => {
                if let Some(note) = self.notes.get(contact).and_then(|notes| notes.last()) {
                    self.made += 1;
                    let body = format!("Edited. chg.{}.end", self.made);
                    return self.sandbox.edit_note(contact, note, &body).expect("edited");
                }
            }
            2 => {
                if let Some(task) = self.tasks.get_mut(contact).and_then(Vec::pop) {
                    return self.sandbox.complete_task(contact, &task).expect("completed");
                }
            }
            _ => {}
        }
        self.add(contact);
    }
}
