//! The look before another attempt: whether GHL holds what an earlier one may have made.
//!
//! Notes and tasks are listed, which shows every write at once. A contact is asked for by its e-mail address and phone,
//! which shows it at once too, but only by what the location counts as an identifier, and only the first of several: where
//! that settles nothing, the newest contacts are searched, once the search has had time to know of them.

use super::{Reach, merge::changes, same::Search, written, written_merged};
use crate::{
    domain::{
        contact::Contact,
        operation::Written,
        problem::{Problem, ProblemKind},
        write::{Fields, Write},
    },
    ghl::{Direction, GhlError, Identity, SearchQuery, Sort},
    operations::Looked,
};
use std::time::Duration;

/// Pages of new contacts that are read at most; who makes more than these in one uncertain moment has to wait.
const MAX_PAGES: usize = 20;
const PAGE_CONTACTS: u32 = 100;

/// Why nothing can be said yet.
enum NotYet {
    Failed(GhlError),
    /// The search may not know yet.
    Lagging,
    TooMany,
}

impl From<GhlError> for NotYet {
    fn from(error: GhlError) -> Self {
        Self::Failed(error)
    }
}

impl NotYet {
    fn looked(&self) -> Looked {
        // Only this one waits, not its location: for how long is the worker's to say.
        let waiting = |detail: &'static str| Looked::NotNow {
            problem: Problem::new(ProblemKind::UpstreamUnavailable, detail).with_upstream("ghl", None, "look"),
            retry_after: None,
        };
        match self {
            Self::Failed(error) => Looked::NotNow { problem: error.to_problem(), retry_after: error.retry_after() },
            Self::Lagging => waiting("GHL's search does not know yet whether the contact was made."),
            Self::TooMany => waiting("Too many contacts were made to find this one among them."),
        }
    }
}

impl Reach<'_> {
    pub(super) async fn look(&self, taken: &[String]) -> Looked {
        match self.find(taken).await {
            Ok(Some(written)) => Looked::Found(written),
            // Where the contact is gone, what was to be made on it is not there.
            Ok(None) | Err(NotYet::Failed(GhlError::ContactNotFound)) => Looked::Absent,
            Err(not_yet) => not_yet.looked(),
        }
    }

    async fn find(&self, taken: &[String]) -> Result<Option<Written>, NotYet> {
        let Some(since) = self.operation.uncertain_since else { return Ok(None) };
        let search = Search { since, taken };
        let (client, loc, ctx) = (self.client, self.loc, &self.ctx);
        match &self.operation.write {
            Write::CreateNote { contact, fields } => {
                let notes = self.whole.notes(loc, contact, ctx).await?.value;
                let Some(note) = search.note(fields, &notes) else { return Ok(None) };
                // Read again without what is redacted, to be shown.
                let note = client.note(loc, contact, &note.id, ctx).await?.value;
                Ok(Some(written(201, &note, &note.id)))
            }
            Write::CreateTask { contact, fields } => {
                let tasks = self.whole.tasks(loc, contact, ctx).await?.value;
                let Some(task) = search.task(fields, &tasks) else { return Ok(None) };
                let task = client.task(loc, contact, &task.id, ctx).await?.value;
                Ok(Some(written(201, &task, &task.id)))
            }
            Write::CreateContact { fields } => {
                let made = self.find_contact(&search, fields).await?;
                Ok(match made {
                    Some(made) => Some(self.shown(&made).await?),
                    None => None,
                })
            }
            Write::UpsertContact { fields } => {
                let made = self.find_contact(&search, fields).await?;
                // What differs is another attempt's to write: it will find the contact and change it.
                Ok(match made.filter(|made| changes(fields, made).is_empty()) {
                    Some(made) => Some(written_merged(self.shown(&made).await?, true, &[])),
                    None => None,
                })
            }
            Write::UpdateContact { .. }
            | Write::DeleteContact { .. }
            | Write::UpdateNote { .. }
            | Write::DeleteNote { .. }
            | Write::UpdateTask { .. }
            | Write::CompleteTask { .. }
            | Write::DeleteTask { .. }
            | Write::AddTags { .. }
            | Write::RemoveTags { .. } => Ok(None),
        }
    }

    /// Read again without what is redacted.
    async fn shown(&self, contact: &Contact) -> Result<Written, GhlError> {
        let contact = self.client.contact(self.loc, &contact.id, &self.ctx).await?.value;
        Ok(written(201, &contact, &contact.id))
    }

    async fn find_contact(&self, search: &Search<'_>, fields: &Fields) -> Result<Option<Contact>, NotYet> {
        let identities = identities(fields);
        let mut others = false;
        for &identity in &identities {
            match self.duplicate_of(identity).await? {
                Some(contact) if search.is_contact(fields, &contact) => return Ok(Some(contact)),
                Some(_) => others = true,
                None => {}
            }
        }
        // A location knows contacts again by e-mail, by phone or by both: with both asked for, nothing found is an answer.
        if identities.len() == 2 && !others {
            return Ok(None);
        }
        self.among_the_newest(search, fields).await
    }

    /// What GHL takes for no address or number is nobody's.
    async fn duplicate_of(&self, identity: Identity<'_>) -> Result<Option<Contact>, GhlError> {
        match self.whole.find_duplicate(self.loc, identity, &self.ctx).await {
            Err(GhlError::Validation { .. }) => Ok(None),
            result => result,
        }
    }

    async fn among_the_newest(&self, search: &Search<'_>, fields: &Fields) -> Result<Option<Contact>, NotYet> {
        let newest = Sort { field: "dateAdded".into(), direction: Direction::Descending };
        let mut query = SearchQuery { sort: vec![newest], page_limit: PAGE_CONTACTS, ..SearchQuery::default() };
        for _ in 0..MAX_PAGES {
            let page = self.whole.search(self.loc, query.clone(), &self.ctx).await?;
            let reached = page.contacts.last().is_some_and(|oldest| search.is_older(oldest.date_added));
            if let Some(made) = page.contacts.into_iter().find(|contact| search.is_contact(fields, contact)) {
                return Ok(Some(made));
            }
            let Some(next) = page.next.filter(|_| !reached) else {
                return if self.may_lag() { Err(NotYet::Lagging) } else { Ok(None) };
            };
            query.search_after = Some(next);
        }
        Err(NotYet::TooMany)
    }

    /// Whether the search may not know yet what the last attempt made.
    fn may_lag(&self) -> bool {
        let made_by = self.operation.settles_at.or(self.operation.uncertain_since);
        let age = made_by.map(|made_by| self.delivery.clock.now().duration_since(made_by));
        age.is_some_and(|age| Duration::try_from(age).unwrap_or_default() < self.delivery.search_lag)
    }

    /// The contacts that have the e-mail address or phone asked for; one that has both comes once.
    pub(super) async fn matches(&self, fields: &Fields) -> Result<Vec<Contact>, GhlError> {
        let mut found: Vec<Contact> = Vec::new();
        for identity in identities(fields) {
            let held = self.whole.find_duplicate(self.loc, identity, &self.ctx).await?;
            found.extend(held.filter(|held| found.iter().all(|other| other.id != held.id)));
        }
        Ok(found)
    }
}

fn identities(fields: &Fields) -> Vec<Identity<'_>> {
    let text = |name: &str| fields.text(name).filter(|text| !text.trim().is_empty());
    [text("email").map(Identity::Email), text("phone").map(Identity::Phone)].into_iter().flatten().collect()
}
