//! The handle on GHL's endpoints: typed in, typed out, one method each, each a [`Call`] value handed to `upstream`. The
//! reads stand here, what changes something in `writes.rs`.

mod tasks;
mod writes;

pub use writes::Identity;

use super::{
    decode,
    error::{Endpoint, Flaw, GhlError, Resource, classify},
    model::{self, NoId, Reading},
    redact::Redaction,
    search::{BusinessQuery, SearchAfter, SearchPage, SearchQuery},
    task_index::TaskIndex,
    tokens::{Bearer, PrivateToken, TokenSource},
};
use crate::{
    domain::{
        appointment::Appointment,
        contact::Contact,
        ids::{BusinessId, ContactId, LocationId, NoteId},
        note::Note,
        quota::QuotaReport,
    },
    settings::GhlSettings,
    upstream::{Answer, Call, CallContext, Method, Repeat, Savings, Upstream},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::Arc};

/// What an endpoint gave, and how large it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    /// Size of the answer's body.
    pub bytes: usize,
}

/// GHL's endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
    reading: Reading,
}

#[derive(Debug)]
struct Inner {
    upstream: Upstream,
    version: String,
    tokens: Arc<dyn TokenSource>,
    tasks: TaskIndex,
}

impl Client {
    /// A client over an upstream, with the private integration token of the settings.
    #[must_use]
    pub fn new(upstream: Upstream, settings: &GhlSettings, redact: Redaction) -> Self {
        Self::with_tokens(upstream, settings, redact, Arc::new(PrivateToken::new(settings)))
    }

    /// The same with tokens from elsewhere.
    #[must_use]
    pub fn with_tokens(
        upstream: Upstream,
        settings: &GhlSettings,
        redact: Redaction,
        tokens: Arc<dyn TokenSource>,
    ) -> Self {
        let reading = Reading { redact, timezone: settings.timezone.clone() };
        let (version, tasks) = (settings.version.clone(), TaskIndex::default());
        let inner = Inner { upstream, version, tokens, tasks };
        Self { inner: Arc::new(inner), reading }
    }

    /// The same client, but that what is configured to be redacted is read too: for comparing alone, never for showing or
    /// keeping. `ssn` stays out.
    #[must_use]
    pub fn unredacted(&self) -> Self {
        let reading = Reading { redact: Redaction::default(), timezone: self.reading.timezone.clone() };
        Self { inner: self.inner.clone(), reading }
    }

    /// What is cut out of all that is read.
    #[must_use]
    pub fn redaction(&self) -> &Redaction {
        &self.reading.redact
    }

    /// What a location may spend, was spent, and on what; `None` where the upstream has no policy.
    #[must_use]
    pub fn quota(&self, loc: &LocationId) -> Option<QuotaReport> {
        self.inner.upstream.quota(loc)
    }

    /// The handle that counts calls which a location did not need.
    #[must_use]
    pub fn savings(&self, loc: &LocationId) -> Savings {
        self.inner.upstream.savings(loc)
    }

    /// One contact. A contact of another location is none: a key for one location learns nothing of another.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn contact(
        &self,
        loc: &LocationId,
        id: &ContactId,
        ctx: &CallContext,
    ) -> Result<Loaded<Contact>, GhlError> {
        let call = Call::get(Endpoint::Contact.name(), [of("contacts"), seg(id)]);
        let loaded = self.one(loc, Endpoint::Contact, "contact", call, model::contact, ctx).await?;
        if loaded.value.location_id.as_ref().is_some_and(|theirs| theirs != loc) {
            return Err(GhlError::ContactNotFound);
        }
        if loaded.value.id != *id {
            let message = "another contact than the one asked for".into();
            return Err(GhlError::invalid(Flaw::Decode { path: "contact.id".into(), message }));
        }
        Ok(loaded)
    }

    /// All notes of a contact, newest first.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn notes(
        &self,
        loc: &LocationId,
        id: &ContactId,
        ctx: &CallContext,
    ) -> Result<Loaded<Vec<Note>>, GhlError> {
        let call = Call::get(Endpoint::Notes.name(), [of("contacts"), seg(id), of("notes")]);
        self.many(loc, Endpoint::Notes, "notes", call, model::note, ctx).await
    }

    /// One note of a contact.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], also where the note is another contact's, or what kept GHL from answering.
    pub async fn note(
        &self,
        loc: &LocationId,
        id: &ContactId,
        note: &NoteId,
        ctx: &CallContext,
    ) -> Result<Loaded<Note>, GhlError> {
        let call = Call::get(Endpoint::Note.name(), [of("contacts"), seg(id), of("notes"), seg(note)]);
        let loaded = self.one(loc, Endpoint::Note, "note", call, model::note, ctx).await?;
        belongs(loaded.value.contact_id.as_ref(), id, Resource::Note)?;
        Ok(loaded)
    }

    /// All appointments of a contact, but for those that say they are another location's.
    ///
    /// # Errors
    /// [`GhlError::ContactNotFound`], or what kept GHL from answering.
    pub async fn appointments(
        &self,
        loc: &LocationId,
        id: &ContactId,
        ctx: &CallContext,
    ) -> Result<Loaded<Vec<Appointment>>, GhlError> {
        let call = Call::get(Endpoint::Appointments.name(), [of("contacts"), seg(id), of("appointments")]);
        let mut loaded = self.many(loc, Endpoint::Appointments, "events", call, model::event, ctx).await?;
        loaded.value.retain(|event| event.location_id.as_ref().is_none_or(|theirs| theirs == loc));
        Ok(loaded)
    }

    /// One page of a search over the location's contacts.
    ///
    /// # Errors
    /// [`GhlError::Validation`] where GHL refuses the question, or what kept it from answering.
    pub async fn search(
        &self,
        loc: &LocationId,
        query: SearchQuery,
        ctx: &CallContext,
    ) -> Result<SearchPage, GhlError> {
        let path = [of("contacts"), of("search")];
        let call = Call::new(Endpoint::Search.name(), Method::Post, Repeat::Safe, path).json(&query.body(loc));
        let mut page = self.page(loc, Endpoint::Search, call, ctx).await?;
        // A short page is the last one.
        if page.given < query.page_limit as usize {
            page.after = None;
        }
        Ok(SearchPage { contacts: page.contacts, given: page.given, total: page.total, next: page.after })
    }

    /// One page of a business's contacts; it has no cursor, only `skip`.
    ///
    /// # Errors
    /// [`GhlError::NotFound`], or what kept GHL from answering.
    pub async fn business_contacts(
        &self,
        loc: &LocationId,
        business: &BusinessId,
        query: BusinessQuery,
        ctx: &CallContext,
    ) -> Result<SearchPage, GhlError> {
        let path = [of("contacts"), of("business"), seg(business)];
        let mut call = Call::get(Endpoint::BusinessContacts.name(), path).query("locationId", loc.as_str());
        let numbers = [("limit", query.limit), ("skip", query.skip)];
        for (name, value) in numbers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            call = call.query(name, value.to_string());
        }
        if let Some(text) = query.query {
            call = call.query("query", text);
        }
        let page = self.page(loc, Endpoint::BusinessContacts, call, ctx).await?;
        Ok(SearchPage { contacts: page.contacts, given: page.given, total: page.total, next: None })
    }

    async fn one<T>(
        &self,
        loc: &LocationId,
        endpoint: Endpoint,
        key: &'static str,
        call: Call,
        read: fn(Value, &Reading) -> Result<T, NoId>,
        ctx: &CallContext,
    ) -> Result<Loaded<T>, GhlError> {
        let (envelope, bytes) = self.ask(loc, endpoint, call, ctx).await?;
        let record = decode::record(envelope, key).map_err(GhlError::invalid)?;
        let value = read(record, &self.reading).map_err(|NoId| {
            GhlError::invalid(Flaw::Decode { path: format!("{key}.id"), message: "the field is missing".into() })
        })?;
        Ok(Loaded { value, bytes })
    }

    async fn many<T>(
        &self,
        loc: &LocationId,
        endpoint: Endpoint,
        key: &'static str,
        call: Call,
        read: fn(Value, &Reading) -> Result<T, NoId>,
        ctx: &CallContext,
    ) -> Result<Loaded<Vec<T>>, GhlError> {
        let (mut envelope, bytes) = self.ask(loc, endpoint, call, ctx).await?;
        let entries = decode::list(&mut envelope, key).map_err(GhlError::invalid)?;
        Ok(Loaded { value: self.read_list(endpoint, entries, read), bytes })
    }

    async fn page(
        &self,
        loc: &LocationId,
        endpoint: Endpoint,
        call: Call,
        ctx: &CallContext,
    ) -> Result<Page, GhlError> {
        let (mut envelope, _) = self.ask(loc, endpoint, call, ctx).await?;
        let mut entries = decode::list(&mut envelope, "contacts").map_err(GhlError::invalid)?;
        let given = entries.len();
        let after = entries.iter_mut().rev().find_map(|hit| hit.get_mut("searchAfter")).map(Value::take);
        let after = after.and_then(|after| serde_json::from_value::<SearchAfter>(after).ok());
        let mut contacts = self.read_list(endpoint, entries, model::contact);
        contacts.retain(|contact| contact.location_id.as_ref().is_none_or(|theirs| theirs == loc));
        let total = decode::count(&envelope, "total").or_else(|| decode::count(&envelope, "count"));
        Ok(Page { contacts, given, total, after })
    }

    fn read_list<T>(
        &self,
        endpoint: Endpoint,
        entries: Vec<Value>,
        read: fn(Value, &Reading) -> Result<T, NoId>,
    ) -> Vec<T> {
        let (records, skipped) = model::list(entries, |entry| read(entry, &self.reading));
        if skipped > 0 {
            tracing::debug!(endpoint = endpoint.name(), skipped, "GHL sent entries without an id, left out");
        }
        records
    }

    async fn ask(
        &self,
        loc: &LocationId,
        endpoint: Endpoint,
        call: Call,
        ctx: &CallContext,
    ) -> Result<(Map<String, Value>, usize), GhlError> {
        let call = call.of_location(loc);
        let token = self.inner.tokens.token(loc, ctx).await?;
        let answer = match self.ask_as(&token, endpoint, call.clone(), ctx).await {
            // A token that GHL takes for expired admits nothing, so nothing was done: what must not be repeated blindly
            // may be repeated now. Once: a second one that is refused says that the fault lies elsewhere.
            Err(error) if error.refreshable() => match self.inner.tokens.renewed(loc, &token, ctx).await? {
                Some(other) => self.ask_as(&other, endpoint, call, ctx).await?,
                None => return Err(error),
            },
            outcome => outcome?,
        };
        let envelope = decode::envelope(&answer.body).map_err(GhlError::invalid)?;
        Ok((envelope, answer.body.len()))
    }

    async fn ask_as(
        &self,
        token: &Bearer,
        endpoint: Endpoint,
        call: Call,
        ctx: &CallContext,
    ) -> Result<Answer, GhlError> {
        let call = call
            .header("authorization", format!("Bearer {}", token.expose().trim()))
            .header("version", self.inner.version.clone());
        self.inner.upstream.call(call, ctx).await.map_err(|error| classify(endpoint, error))
    }

    /// Whether there is a token for a location, or may come to be one.
    ///
    /// # Errors
    /// [`GhlError::NoToken`].
    pub fn serves(&self, loc: &LocationId) -> Result<(), GhlError> {
        self.inner.tokens.serves(loc)
    }

    /// Whether GHL takes the location's token for that location: it uses the same words for a contact of another location
    /// and for a token of another location, and only a question that names the location tells the two apart. A question
    /// that GHL leaves open (an outage, no quota) counts as a yes: else a slow GHL would tell which foreign contacts exist.
    pub async fn is_let_in(&self, loc: &LocationId, context: &CallContext) -> bool {
        let question = SearchQuery { page_limit: 1, ..SearchQuery::default() };
        !self.search(loc, question, context).await.is_err_and(|error| error.wrong_location())
    }
}

struct Page {
    contacts: Vec<Contact>,
    given: usize,
    total: Option<u64>,
    after: Option<SearchAfter>,
}

fn belongs(theirs: Option<&ContactId>, asked: &ContactId, resource: Resource) -> Result<(), GhlError> {
    match theirs {
        Some(theirs) if theirs != asked => Err(GhlError::NotFound(resource)),
        Some(_) | None => Ok(()),
    }
}

const fn of(segment: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(segment)
}

fn seg(id: &impl AsRef<str>) -> Cow<'static, str> {
    Cow::Owned(id.as_ref().to_owned())
}
