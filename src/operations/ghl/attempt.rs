//! One attempt: the call a write is, and what GHL's answer means for it.

use super::{Reach, written, written_gone, written_tags};
use crate::{
    domain::{operation::Written, problem::Problem, write::Write},
    ghl::GhlError,
    operations::Attempted,
};
use std::time::Duration;

/// How long a location's writes wait for somebody to mend its token or the version.
const MENDING: Duration = Duration::from_secs(60);

/// Why an attempt did not do it.
pub(super) enum Failure {
    /// GHL did not do it, or did not say so.
    Ghl(GhlError),
    /// We refuse it, in GHL's place.
    Refusal(Problem),
}

impl From<GhlError> for Failure {
    fn from(error: GhlError) -> Self {
        Self::Ghl(error)
    }
}

impl Reach<'_> {
    pub(super) async fn attempt(&self) -> Attempted {
        match self.carry_out().await {
            Ok(written) => {
                let upstream_status = Some(written.status);
                Attempted::Done { written, upstream_status }
            }
            Err(Failure::Refusal(problem)) => Attempted::Refused { problem, upstream_status: None, doubtful: false },
            Err(Failure::Ghl(error)) => self.judge(&error).await,
        }
    }

    async fn carry_out(&self) -> Result<Written, Failure> {
        let (client, loc, ctx) = (self.client, self.loc, &self.ctx);
        match &self.operation.write {
            Write::CreateContact { fields } => {
                let made = client.create_contact(loc, fields, ctx).await?.value;
                Ok(written(201, &made, &made.id))
            }
            Write::UpdateContact { contact, fields } => {
                let changed = client.update_contact(loc, contact, fields, ctx).await?.value;
                Ok(written(200, &changed, &changed.id))
            }
            Write::UpsertContact { fields } => self.upsert(fields).await,
            Write::CreateNote { contact, fields } => {
                let made = client.create_note(loc, contact, fields, ctx).await?.value;
                Ok(written(201, &made, &made.id))
            }
            Write::UpdateNote { contact, note, fields } => {
                let changed = client.update_note(loc, contact, note, fields, ctx).await?.value;
                Ok(written(200, &changed, &changed.id))
            }
            Write::CreateTask { contact, fields } => {
                let made = client.create_task(loc, contact, fields, ctx).await?.value;
                Ok(written(201, &made, &made.id))
            }
            Write::UpdateTask { contact, task, fields } => {
                let changed = client.update_task(loc, contact, task, fields, ctx).await?.value;
                Ok(written(200, &changed, &changed.id))
            }
            Write::CompleteTask { contact, task, completed } => {
                let changed = client.complete_task(loc, contact, task, *completed, ctx).await?.value;
                Ok(written(200, &changed, &changed.id))
            }
            Write::AddTags { contact, tags } => {
                Ok(written_tags(&client.add_tags(loc, contact, tags, ctx).await?, contact))
            }
            Write::RemoveTags { contact, tags } => {
                Ok(written_tags(&client.remove_tags(loc, contact, tags, ctx).await?, contact))
            }
            Write::DeleteContact { contact } => self.gone(client.delete_contact(loc, contact, ctx).await, contact),
            Write::DeleteNote { contact, note } => self.gone(client.delete_note(loc, contact, note, ctx).await, note),
            Write::DeleteTask { contact, task } => self.gone(client.delete_task(loc, contact, task, ctx).await, task),
        }
    }

    /// A deletion. What is not there any more was deleted by an earlier attempt, if there was one that left this open.
    fn gone(&self, result: Result<(), GhlError>, id: &impl AsRef<str>) -> Result<Written, Failure> {
        match result {
            Err(GhlError::ContactNotFound | GhlError::NotFound(_)) if self.operation.uncertain_since.is_some() => {
                Ok(written_gone(id))
            }
            result => Ok(result.map(|()| written_gone(id))?),
        }
    }

    async fn judge(&self, error: &GhlError) -> Attempted {
        let (problem, upstream_status) = (error.to_problem(), error.upstream_status());
        if error.not_sent() {
            let retry_after = error.retry_after().or(error.mendable().then_some(MENDING));
            return Attempted::NotSent { problem, retry_after };
        }
        if error.wrong_location() && self.is_foreign().await {
            let problem = GhlError::ContactNotFound.to_problem();
            return Attempted::Refused { problem, upstream_status, doubtful: false };
        }
        if error.mendable() {
            return Attempted::Deferred { problem, upstream_status, retry_after: Some(MENDING) };
        }
        if matches!(error, GhlError::RateLimited { .. }) {
            return Attempted::Deferred { problem, upstream_status, retry_after: error.retry_after() };
        }
        if !error.outcome_known() {
            return Attempted::Unknown { problem, upstream_status };
        }
        Attempted::Refused { problem, upstream_status, doubtful: self.is_doubtful(error) }
    }

    /// A 422 on creating a contact may have made it all the same (reference: "Errors", #64). And a duplicate that an
    /// uncertain attempt runs into may be what that attempt made, only late.
    const fn is_doubtful(&self, error: &GhlError) -> bool {
        let creates = matches!(self.operation.write, Write::CreateContact { .. } | Write::UpsertContact { .. });
        creates
            && match error {
                GhlError::Validation { status, .. } => *status == 422,
                GhlError::Duplicate { .. } => self.operation.uncertain_since.is_some(),
                _ => false,
            }
    }

    /// Whether it is the contact that is another location's, not the token.
    async fn is_foreign(&self) -> bool {
        self.operation.write.contact().is_some() && self.client.is_let_in(self.loc, &self.ctx).await
    }
}
