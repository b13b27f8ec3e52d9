//! The endpoints that change something, and the duplicate look-up that goes before some of them.
//!
//! Bodies are GHL's whitelists to the letter, as it refuses a key it does not know: `locationId` stands in the body of a
//! create and of nothing else (reference: "Contact write bodies"). Only creates may not be repeated blindly.

use super::{Client, Loaded, decode, model, of, seg};
use crate::{
    domain::{
        contact::Contact,
        ids::{ContactId, LocationId, NoteId, TaskId},
        note::Note,
        task::Task,
        write::{Fields, Tag},
    },
    ghl::error::{Endpoint, Flaw, GhlError},
    upstream::{Call, CallContext, Method, Repeat},
};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// By what GHL knows a contact again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// An e-mail address, primary or additional.
    Email(&'a str),
    /// A phone number.
    Phone(&'a str),
}

impl Client {
    /// Makes a contact.
    ///
    /// # Errors
    /// [`GhlError::Duplicate`] where the location has such a contact and takes no second, [`GhlError::Validation`], or what
    /// kept GHL from answering.
    pub async fn create_contact(
        &self,
        loc: &LocationId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Contact>, GhlError> {
        let mut body = Map::new();
        body.insert("locationId".into(), loc.as_str().into());
        body.extend(fields.as_map().clone());
        // The last, empty segment is the slash that GHL's collection paths end in.
        let call = write(Endpoint::ContactCreate, Method::Post, [of("contacts"), of("")]).json(&Value::Object(body));
        self.one(loc, Endpoint::ContactCreate, "contact", call, model::contact, ctx).await
    }

    /// Changes the fields given of a contact and leaves the others.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], [`GhlError::Duplicate`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn update_contact(
        &self,
        loc: &LocationId,
        id: &ContactId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Contact>, GhlError> {
        let call = write(Endpoint::ContactUpdate, Method::Put, [of("contacts"), seg(id)]).json(&body(fields));
        self.one(loc, Endpoint::ContactUpdate, "contact", call, model::contact, ctx).await
    }

    /// Deletes a contact for good.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn delete_contact(&self, loc: &LocationId, id: &ContactId, ctx: &CallContext) -> Result<(), GhlError> {
        let call = write(Endpoint::ContactDelete, Method::Delete, [of("contacts"), seg(id)]);
        self.done(loc, Endpoint::ContactDelete, call, ctx).await
    }

    /// Makes a note.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn create_note(
        &self,
        loc: &LocationId,
        id: &ContactId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Note>, GhlError> {
        let path = [of("contacts"), seg(id), of("notes")];
        let call = write(Endpoint::NoteCreate, Method::Post, path).json(&body(fields));
        self.one(loc, Endpoint::NoteCreate, "note", call, model::note, ctx).await
    }

    /// Changes a note; a `body` replaces the old one.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn update_note(
        &self,
        loc: &LocationId,
        id: &ContactId,
        note: &NoteId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Note>, GhlError> {
        let path = [of("contacts"), seg(id), of("notes"), seg(note)];
        let call = write(Endpoint::NoteUpdate, Method::Put, path).json(&body(fields));
        self.one(loc, Endpoint::NoteUpdate, "note", call, model::note, ctx).await
    }

    /// Deletes a note.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn delete_note(
        &self,
        loc: &LocationId,
        id: &ContactId,
        note: &NoteId,
        ctx: &CallContext,
    ) -> Result<(), GhlError> {
        let path = [of("contacts"), seg(id), of("notes"), seg(note)];
        let call = write(Endpoint::NoteDelete, Method::Delete, path);
        self.done(loc, Endpoint::NoteDelete, call, ctx).await
    }

    /// Makes a task.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn create_task(
        &self,
        loc: &LocationId,
        id: &ContactId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Task>, GhlError> {
        let path = [of("contacts"), seg(id), of("tasks")];
        let call = write(Endpoint::TaskCreate, Method::Post, path).json(&body(fields));
        let loaded = self.one(loc, Endpoint::TaskCreate, "task", call, model::task, ctx).await?;
        self.inner.tasks.learn(loc, Some(id), [&loaded.value]);
        Ok(loaded)
    }

    /// Changes the fields given of a task.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn update_task(
        &self,
        loc: &LocationId,
        id: &ContactId,
        task: &TaskId,
        fields: &Fields,
        ctx: &CallContext,
    ) -> Result<Loaded<Task>, GhlError> {
        let path = [of("contacts"), seg(id), of("tasks"), seg(task)];
        let call = write(Endpoint::TaskUpdate, Method::Put, path).json(&body(fields));
        self.one(loc, Endpoint::TaskUpdate, "task", call, model::task, ctx).await
    }

    /// Marks a task as done, or as not done.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn complete_task(
        &self,
        loc: &LocationId,
        id: &ContactId,
        task: &TaskId,
        completed: bool,
        ctx: &CallContext,
    ) -> Result<Loaded<Task>, GhlError> {
        let path = [of("contacts"), seg(id), of("tasks"), seg(task), of("completed")];
        let call = write(Endpoint::TaskComplete, Method::Put, path).json(&json!({ "completed": completed }));
        self.one(loc, Endpoint::TaskComplete, "task", call, model::task, ctx).await
    }

    /// Deletes a task.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn delete_task(
        &self,
        loc: &LocationId,
        id: &ContactId,
        task: &TaskId,
        ctx: &CallContext,
    ) -> Result<(), GhlError> {
        let path = [of("contacts"), seg(id), of("tasks"), seg(task)];
        let call = write(Endpoint::TaskDelete, Method::Delete, path);
        self.done(loc, Endpoint::TaskDelete, call, ctx).await
    }

    /// Adds tags to those a contact has, and gives all it has then.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn add_tags(
        &self,
        loc: &LocationId,
        id: &ContactId,
        tags: &[Tag],
        ctx: &CallContext,
    ) -> Result<Vec<String>, GhlError> {
        let call = write(Endpoint::TagsAdd, Method::Post, [of("contacts"), seg(id), of("tags")]);
        self.tags(loc, Endpoint::TagsAdd, call, tags, ctx).await
    }

    /// Takes tags from a contact, and gives those it has then. GHL reads the body of this DELETE.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn remove_tags(
        &self,
        loc: &LocationId,
        id: &ContactId,
        tags: &[Tag],
        ctx: &CallContext,
    ) -> Result<Vec<String>, GhlError> {
        let call = write(Endpoint::TagsRemove, Method::Delete, [of("contacts"), seg(id), of("tags")]);
        self.tags(loc, Endpoint::TagsRemove, call, tags, ctx).await
    }

    /// The contact of the location with this address or number. GHL goes by the location's own identifiers: where phones
    /// do not count, none is found by one. Unlike a search, it does not lag.
    ///
    /// # Errors
    /// [`GhlError::Validation`], or what kept GHL from answering.
    pub async fn find_duplicate(
        &self,
        loc: &LocationId,
        identity: Identity<'_>,
        ctx: &CallContext,
    ) -> Result<Option<Contact>, GhlError> {
        let path = [of("contacts"), of("search"), of("duplicate")];
        let call = Call::get(Endpoint::Duplicate.name(), path).query("locationId", loc.as_str());
        let call = match identity {
            Identity::Email(email) => call.query("email", email),
            Identity::Phone(phone) => call.query("number", phone),
        };
        let (envelope, _) = self.ask(loc, Endpoint::Duplicate, call, ctx).await?;
        let record = decode::optional_record(envelope, "contact").map_err(GhlError::invalid)?;
        let contact = record.and_then(|record| model::contact(record, &self.reading).ok());
        Ok(contact.filter(|contact| contact.location_id.as_ref().is_none_or(|theirs| theirs == loc)))
    }

    async fn tags(
        &self,
        loc: &LocationId,
        endpoint: Endpoint,
        call: Call,
        tags: &[Tag],
        ctx: &CallContext,
    ) -> Result<Vec<String>, GhlError> {
        let (mut envelope, _) = self.ask(loc, endpoint, call.json(&json!({ "tags": tags })), ctx).await?;
        let entries = decode::list(&mut envelope, "tags").map_err(GhlError::invalid)?;
        Ok(entries.into_iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
    }

    /// A call whose success says nothing but that it is one. An empty body under a 2xx is one too.
    async fn done(&self, loc: &LocationId, endpoint: Endpoint, call: Call, ctx: &CallContext) -> Result<(), GhlError> {
        match self.ask(loc, endpoint, call, ctx).await {
            Ok((envelope, _)) => decode::flag_of_success(&envelope).map_err(GhlError::invalid),
            Err(GhlError::InvalidResponse { status: 200, flaw: Flaw::Empty }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A call that changes something: only what makes a record would make a second one.
fn write(endpoint: Endpoint, method: Method, path: impl IntoIterator<Item = Cow<'static, str>>) -> Call {
    let repeat = match endpoint {
        Endpoint::ContactCreate | Endpoint::NoteCreate | Endpoint::TaskCreate => Repeat::AfterLook,
        _ => Repeat::Safe,
    };
    Call::new(endpoint.name(), method, repeat, path)
}

fn body(fields: &Fields) -> Value {
    Value::Object(fields.as_map().clone())
}
