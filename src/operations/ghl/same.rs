//! Whether a record of GHL's is what a write would have made: by what it says, and by when it was made.

use crate::{
    domain::{contact::Contact, note::Note, task::Task, write::Fields},
    ghl::text::html_to_text,
};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde_json::Value;

/// How far GHL's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(120);

/// Which records can be an operation's own.
pub(super) struct Search<'a> {
    /// Since when it is not known what GHL did.
    pub(super) since: Timestamp,
    /// Ids that other operations were told are theirs.
    pub(super) taken: &'a [String],
}

impl Search<'_> {
    /// Whether it was made early enough to be another's. A record that does not say when it was made may be ours.
    pub(super) fn is_older(&self, made: Option<Timestamp>) -> bool {
        made.is_some_and(|made| made.duration_since(self.since) < -SKEW)
    }

    fn admits(&self, id: &str, made: Option<Timestamp>) -> bool {
        !self.is_older(made) && !self.taken.iter().any(|taken| taken == id)
    }

    /// How far from the first uncertain attempt it was made; of several that fit, the nearest is taken.
    fn distance(&self, made: Option<Timestamp>) -> SignedDuration {
        made.map_or(SignedDuration::MAX, |made| made.duration_since(self.since).abs())
    }

    /// The note that these fields made, of a contact's notes.
    pub(super) fn note<'n>(&self, fields: &Fields, notes: &'n [Note]) -> Option<&'n Note> {
        let fitting =
            notes.iter().filter(|note| self.admits(note.id.as_str(), note.date_added) && is_note(fields, note));
        let body = fields.text("body").unwrap_or_default().trim();
        // Mark-up that was kept to the letter counts before text that only reads alike.
        fitting.min_by_key(|note| (note.body.trim() != body, self.distance(note.date_added)))
    }

    /// The task that these fields made, of a contact's tasks. GHL says of none when it was made (reference:
    /// "Sub-resources"), so its content and the due instant must do.
    pub(super) fn task<'t>(&self, fields: &Fields, tasks: &'t [Task]) -> Option<&'t Task> {
        tasks.iter().find(|task| {
            let made = task.extra.get("dateAdded").and_then(Value::as_str).and_then(|text| text.parse().ok());
            self.admits(task.id.as_str(), made) && is_task(fields, task)
        })
    }

    /// Whether these fields made this contact.
    pub(super) fn is_contact(&self, fields: &Fields, contact: &Contact) -> bool {
        contact.date_added.is_some()
            && self.admits(contact.id.as_str(), contact.date_added)
            && is_contact(fields, contact)
    }
}

fn is_note(fields: &Fields, note: &Note) -> bool {
    let wanted = fields.text("body").unwrap_or_default();
    let text = html_to_text(wanted);
    // Two bodies of pictures alone have the same text: none.
    let same_body = note.body.trim() == wanted.trim() || (!text.is_empty() && words(&text) == words(&note.text));
    let texts = [("title", note.title.as_deref()), ("userId", note.user_id.as_deref())];
    same_body && texts.into_iter().all(|(name, held)| agrees(fields, name, held))
}

fn is_task(fields: &Fields, task: &Task) -> bool {
    let texts = [("title", task.title.as_deref()), ("assignedTo", task.assigned_to.as_deref())];
    let body = fields.text("body").map(html_to_text).unwrap_or_default();
    let held = task.body.as_deref().map(html_to_text).unwrap_or_default();
    texts.into_iter().all(|(name, held)| agrees(fields, name, held))
        && words(&body) == words(&held)
        && fields.as_map().get("completed").and_then(Value::as_bool).unwrap_or(false) == task.completed
        && fields.text("dueDate").and_then(instant).map(Timestamp::as_second) == task.due_date.map(Timestamp::as_second)
}

/// What workflows that a new contact starts are known to change (owner, tags, custom fields) does not count.
fn is_contact(fields: &Fields, contact: &Contact) -> bool {
    let texts = [
        ("companyName", &contact.company_name),
        ("address1", &contact.address1),
        ("city", &contact.city),
        ("state", &contact.state),
        ("postalCode", &contact.postal_code),
        ("website", &contact.website),
        ("firstName", &contact.first_name),
        ("lastName", &contact.last_name),
    ];
    texts.into_iter().all(|(name, held)| agrees(fields, name, held.as_deref()))
        && (split_names(fields) || agrees(fields, "name", contact.name.as_deref()))
        && fields.text("email").is_none_or(|email| same_email(email, contact.email.as_deref()))
        && fields.text("phone").is_none_or(|phone| same_phone(phone, contact.phone.as_deref()))
}

/// First and last name go before the whole one.
fn split_names(fields: &Fields) -> bool {
    fields.as_map().contains_key("firstName") || fields.as_map().contains_key("lastName")
}

/// Nothing asked for, or the same but for white space and case.
fn agrees(fields: &Fields, name: &str, held: Option<&str>) -> bool {
    match fields.text(name).map(words).filter(|wanted| !wanted.is_empty()) {
        Some(wanted) => held.is_some_and(|held| words(held).to_lowercase() == wanted.to_lowercase()),
        None => true,
    }
}

pub(crate) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn same_email(wanted: &str, held: Option<&str>) -> bool {
    held.is_some_and(|held| held.trim().to_lowercase() == wanted.trim().to_lowercase())
}

/// GHL gives a number back as E.164, and may have put the country's code before it.
pub(crate) fn same_phone(wanted: &str, held: Option<&str>) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (wanted_digits, held) = (digits(wanted), held.map(digits).unwrap_or_default());
    let whole = wanted.trim_start().starts_with('+');
    let national = wanted_digits.trim_start_matches('0');
    !wanted_digits.is_empty() && (held == wanted_digits || (!whole && national.len() >= 7 && held.ends_with(national)))
}

/// An instant as GHL takes it: with an offset, or without one in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let utc = |at: civil::DateTime| at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse().ok().or_else(|| text.parse().ok().and_then(utc))
}

#[cfg(test)]
mod tests;
