//! What sources need of the rest of the service: durable writes, and what GHL holds.

use crate::{
    domain::{
        contact::Contact,
        ids::{ContactId, LocationId, NoteId, OperationId, TaskId},
        note::Note,
        operation::{Operation, Submission, Submitted},
        problem::Problem,
        task::Task,
    },
    ghl::{Client, GhlError, Identity, Redaction},
    operations::Operations,
    upstream::{CallContext, Lane},
};
use futures_util::future::BoxFuture;
use std::{fmt, time::Duration};
use tokio::time::Instant;

/// How long GHL has to answer a question.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// An answer of the operations.
type Reply<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// An answer of GHL; `None` where it knows no such thing.
type Asked<'a, T> = BoxFuture<'a, Result<Option<T>, GhlError>>;

/// What sources need of the durable writes.
pub trait Writes: fmt::Debug + Send + Sync {
    /// Puts a write into the store.
    fn submit(&self, submission: Submission) -> Reply<'_, Submitted>;

    /// The operation once it has ended, or as it stands at `until` or when the process stops.
    fn wait(&self, id: OperationId, until: Instant) -> Reply<'_, Operation>;

    /// One operation; `not-found` where there is none any more.
    fn operation(&self, id: OperationId) -> Reply<'_, Operation>;
}

impl Writes for Operations {
    fn submit(&self, submission: Submission) -> Reply<'_, Submitted> {
        Box::pin(Self::submit(self, submission))
    }

    fn wait(&self, id: OperationId, until: Instant) -> Reply<'_, Operation> {
        Box::pin(Self::wait(self, id, until))
    }

    fn operation(&self, id: OperationId) -> Reply<'_, Operation> {
        Box::pin(Self::operation(self, id, None))
    }
}

/// What GHL holds, read in whole: for comparing alone, never for showing or keeping beyond a dry run's answer.
pub trait Directory: fmt::Debug + Send + Sync {
    /// A contact.
    fn contact<'a>(&'a self, location: &'a LocationId, id: &'a ContactId) -> Asked<'a, Contact>;

    /// The contact with this address or number.
    fn find<'a>(&'a self, location: &'a LocationId, identity: Identity<'a>) -> Asked<'a, Contact>;

    /// A task of a contact.
    fn task<'a>(&'a self, location: &'a LocationId, contact: &'a ContactId, id: &'a TaskId) -> Asked<'a, Task>;

    /// A note of a contact.
    fn note<'a>(&'a self, location: &'a LocationId, contact: &'a ContactId, id: &'a NoteId) -> Asked<'a, Note>;

    /// What is shown to nobody, although it is read here.
    fn redaction(&self) -> &Redaction;
}

/// GHL itself.
#[derive(Debug, Clone)]
pub struct GhlDirectory {
    whole: Client,
    redaction: Redaction,
    lane: Lane,
}

impl GhlDirectory {
    /// Through a client, in a lane of its quota.
    #[must_use]
    pub fn new(client: &Client, lane: Lane) -> Self {
        Self { whole: client.unredacted(), redaction: client.redaction().clone(), lane }
    }

    fn context(&self) -> CallContext {
        CallContext::new(self.lane, ANSWERED_WITHIN)
    }

    /// GHL says of what is another location's that the token is; that one is not there for us.
    async fn absent<T>(
        &self,
        location: &LocationId,
        asked: Result<T, GhlError>,
        context: &CallContext,
    ) -> Result<Option<T>, GhlError> {
        match asked {
            Ok(found) => Ok(Some(found)),
            Err(GhlError::ContactNotFound | GhlError::NotFound(_)) => Ok(None),
            Err(error) if error.wrong_location() && self.whole.is_let_in(location, context).await => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Directory for GhlDirectory {
    fn contact<'a>(&'a self, location: &'a LocationId, id: &'a ContactId) -> Asked<'a, Contact> {
        Box::pin(async move {
            let context = self.context();
            let asked = self.whole.contact(location, id, &context).await.map(|loaded| loaded.value);
            self.absent(location, asked, &context).await
        })
    }

    fn find<'a>(&'a self, location: &'a LocationId, identity: Identity<'a>) -> Asked<'a, Contact> {
        Box::pin(async move { self.whole.find_duplicate(location, identity, &self.context()).await })
    }

    fn task<'a>(&'a self, location: &'a LocationId, contact: &'a ContactId, id: &'a TaskId) -> Asked<'a, Task> {
        Box::pin(async move {
            let context = self.context();
            let asked = self.whole.task(location, contact, id, &context).await.map(|loaded| loaded.value);
            self.absent(location, asked, &context).await
        })
    }

    fn note<'a>(&'a self, location: &'a LocationId, contact: &'a ContactId, id: &'a NoteId) -> Asked<'a, Note> {
        Box::pin(async move {
            let context = self.context();
            let asked = self.whole.note(location, contact, id, &context).await.map(|loaded| loaded.value);
            self.absent(location, asked, &context).await
        })
    }

    fn redaction(&self) -> &Redaction {
        &self.redaction
    }
}
