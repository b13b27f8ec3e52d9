//! Tasks, read: a contact's, one of them, and those of a whole location. Whose each is is remembered.

use super::{Client, Loaded, belongs, decode, model, of, seg};
use crate::{
    domain::{
        ids::{ContactId, LocationId, TaskId},
        task::Task,
    },
    ghl::{
        TaskQuery,
        error::{Endpoint, GhlError, Resource},
    },
    upstream::{Call, CallContext, Method, Repeat},
};

impl Client {
    /// All tasks of a contact.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn tasks(
        &self,
        loc: &LocationId,
        id: &ContactId,
        ctx: &CallContext,
    ) -> Result<Loaded<Vec<Task>>, GhlError> {
        let call = Call::get(Endpoint::Tasks.name(), [of("contacts"), seg(id), of("tasks")]);
        let loaded = self.many(loc, Endpoint::Tasks, "tasks", call, model::task, ctx).await?;
        self.inner.tasks.learn(loc, Some(id), &loaded.value);
        Ok(loaded)
    }

    /// One task of a contact.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], also where the task is another contact's, or what kept GHL from answering.
    pub async fn task(
        &self,
        loc: &LocationId,
        id: &ContactId,
        task: &TaskId,
        ctx: &CallContext,
    ) -> Result<Loaded<Task>, GhlError> {
        let call = Call::get(Endpoint::Task.name(), [of("contacts"), seg(id), of("tasks"), seg(task)]);
        let loaded = self.one(loc, Endpoint::Task, "task", call, model::task, ctx).await?;
        belongs(loaded.value.contact_id.as_ref(), id, Resource::Task)?;
        self.inner.tasks.learn(loc, Some(id), [&loaded.value]);
        Ok(loaded)
    }

    /// One page of the tasks of all contacts of a location. Takes a scope of its own, `locations/tasks.readonly`.
    ///
    /// # Errors
    /// What kept GHL from answering.
    pub async fn search_tasks(
        &self,
        loc: &LocationId,
        query: &TaskQuery,
        ctx: &CallContext,
    ) -> Result<Vec<Task>, GhlError> {
        let path = [of("locations"), seg(loc), of("tasks"), of("search")];
        let call = Call::new(Endpoint::TasksSearch.name(), Method::Post, Repeat::Safe, path).json(&query.body());
        let (mut envelope, _) = self.ask(loc, Endpoint::TasksSearch, call, ctx).await?;
        let entries = decode::list(&mut envelope, "tasks").map_err(GhlError::invalid)?;
        let tasks = self.read_list(Endpoint::TasksSearch, entries, model::task);
        self.inner.tasks.learn(loc, None, &tasks);
        Ok(tasks)
    }

    /// Forgets of which contact the tasks of one, or of a whole location, are. Says of how many.
    #[must_use]
    pub fn forget_tasks(&self, loc: &LocationId, contact: Option<&ContactId>) -> u64 {
        self.inner.tasks.forget(loc, contact)
    }

    /// The contact that a task is of, where an earlier answer told.
    #[must_use]
    pub fn contact_of_task(&self, loc: &LocationId, task: &TaskId) -> Option<ContactId> {
        self.inner.tasks.owner(loc, task)
    }
}
