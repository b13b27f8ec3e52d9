//! What has to be asked of GHL before a record can be written: whether it has such a contact already, and what it holds.

use super::run::{End, Run, Step};
use crate::{
    domain::{
        contact::Contact,
        ids::{ContactId, LocationId, NoteId, TaskId},
        operation::{Operation, TwoContacts},
        problem::{Problem, ProblemKind},
        source::{Intent, RecordKind, SourceRecord},
    },
    ghl::{GhlError, Identity},
    sources::{held::Held, plan, seams::Directory},
    store::StoreError,
};

/// Contacts that GHL has with a record's e-mail address or phone.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) enum Found {
    /// None.
    Nobody,
    /// This one, and by what.
    One(Box<Contact>, &'static str),
    /// The e-mail address is one's, the phone another's.
    Two(ContactId, ContactId),
}

/// Looks for a contact by its e-mail address, then by its phone.
///
/// # Errors
/// Where GHL gives no answer. That it refuses the question says that it knows nobody by it.
pub(in crate::sources) async fn find(
    ghl: &dyn Directory,
    location: &LocationId,
    record: &SourceRecord,
) -> Result<Found, GhlError> {
    let text = |name: &str| record.state.field(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let by_email = match text("email") {
        Some(email) => asked(ghl.find(location, Identity::Email(email)).await)?,
        None => None,
    };
    let by_phone = match text("phone") {
        Some(phone) => asked(ghl.find(location, Identity::Phone(phone)).await)?,
        None => None,
    };
    Ok(match (by_email, by_phone) {
        (None, None) => Found::Nobody,
        (Some(one), Some(other)) if one.id != other.id => Found::Two(one.id, other.id),
        (Some(found), _) => Found::One(Box::new(found), "email"),
        (None, Some(found)) => Found::One(Box::new(found), "phone"),
    })
}

fn asked(answer: Result<Option<Contact>, GhlError>) -> Result<Option<Contact>, GhlError> {
    match answer {
        Err(GhlError::Validation { .. }) => Ok(None),
        answer => answer,
    }
}

/// What GHL holds of a record that is there; `None` where it is not any more.
pub(in crate::sources) async fn held(ghl: &dyn Directory, record: &SourceRecord) -> Result<Option<Held>, GhlError> {
    let (location, Some(contact)) = (&record.location, &record.ghl_contact) else { return Ok(None) };
    let id = record.ghl_id.as_deref().unwrap_or_default();
    match record.key.kind {
        RecordKind::Contact => Ok(ghl.contact(location, contact).await?.map(|found| Held::of_contact(&found))),
        RecordKind::Task => match TaskId::parse(id) {
            Ok(id) => Ok(ghl.task(location, contact, &id).await?.map(|found| Held::of_task(&found))),
            Err(_) => Ok(None),
        },
        RecordKind::Note => match NoteId::parse(id) {
            Ok(id) => Ok(ghl.note(location, contact, &id).await?.map(|found| Held::of_note(&found))),
            Err(_) => Ok(None),
        },
    }
}

impl Run<'_> {
    /// Whether GHL may have such a contact, in which somebody else has a say.
    pub(super) fn is_to_be_sought(&self) -> bool {
        let record = &self.record;
        record.key.kind == RecordKind::Contact
            && record.ghl_contact.is_none()
            && !record.state.is_deleted()
            && !self.sought
            && plan::is_careful(record, &self.system.mapping)
    }

    /// Looks for it. Says where that was the end.
    pub(super) async fn seek(&mut self) -> Result<Option<End>, StoreError> {
        match find(&*self.core.parts.ghl, &self.record.location, &self.record).await {
            // Of two, neither is taken: the write fails, and names both.
            Ok(Found::Nobody) => {}
            Ok(Found::Two(..)) => self.two = true,
            Ok(Found::One(contact, _)) => {
                self.record.ghl_id = Some(contact.id.to_string());
                self.record.ghl_contact = Some(contact.id.clone());
                self.held = Some(Held::of_contact(&contact));
            }
            Err(error) => return self.unanswered(&error).await.map(Some),
        }
        self.sought = true;
        Ok(None)
    }

    /// Whether a write failed because two contacts match, and nothing else was told since of what they match by.
    pub(super) fn is_undecided(&self, intent: &Intent, operation: &Operation) -> bool {
        let state = &self.record.state;
        operation.erased_at.is_none()
            && !state.is_deleted()
            && operation.problem.as_ref().and_then(TwoContacts::of).is_some()
            && ["email", "phone"].into_iter().all(|name| intent.then.fields.get(name) == state.field(name))
    }

    /// Asks whether both match still. It fails then with the write that failed, which somebody may have in hand to say which
    /// is meant: another one beside it would say the same.
    pub(super) async fn ask_again(&mut self, operation: Operation) -> Result<Step, StoreError> {
        let two = operation.problem.as_ref().and_then(TwoContacts::of);
        match (find(&*self.core.parts.ghl, &self.record.location, &self.record).await, two, operation.problem) {
            (Ok(Found::Two(by_email, by_phone)), Some(two), Some(problem))
                if two.by_email == by_email && two.by_phone == by_phone =>
            {
                self.fail(problem, Some(&operation.id)).await.map(Step::End)
            }
            (Ok(_), ..) => {
                self.record.intent = None;
                Ok(Step::On)
            }
            (Err(error), ..) => self.unanswered(&error).await.map(Step::End),
        }
    }

    /// Asks what GHL holds. Says where that was the end.
    pub(super) async fn read(&mut self) -> Result<Option<End>, StoreError> {
        match held(&*self.core.parts.ghl, &self.record).await {
            Ok(Some(held)) => self.held = Some(held),
            Ok(None) if self.remade => {
                let problem = Problem::new(ProblemKind::NotFound, "GHL does not know it, though it was made anew.");
                return self.fail(problem, None).await.map(Some);
            }
            Ok(None) => self.forget(),
            Err(error) => return self.unanswered(&error).await.map(Some),
        }
        Ok(None)
    }

    async fn unanswered(&mut self, error: &GhlError) -> Result<End, StoreError> {
        let problem = error.to_problem();
        match error {
            GhlError::Validation { .. } => self.fail(problem, None).await,
            _ => self.later(problem).await,
        }
    }
}
