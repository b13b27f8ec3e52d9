//! Many profiles in one request: as one JSON document in the order asked, or as lines in the order they arrive.
//!
//! A profile's bytes are spliced in as they were rendered, one entry at a time ([`entries`]). Each distinct contact is
//! asked for once; at most [`CONCURRENCY`] are under way. A client that hangs up ends the stream and with it what was not
//! yet begun.

mod entries;

use super::super::{
    api::Api,
    body::JsonBody,
    caller::{Caller, Read},
    encoding::quality,
    params::{Asked, LocationQuery},
    respond,
};
use crate::{
    domain::{
        ids::{ContactId, LocationId},
        problem::{Problem, ProblemKind},
        profile::{Include, ProblemReport, Profile, Section},
    },
    profiles::{ContactKey, ProfileRequest, Rendered},
    upstream::CallContext,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap},
    post,
};
use entries::{Document, Outcome, Wanted, lines};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;
use utoipa::ToSchema;

/// Profiles under way at once.
const CONCURRENCY: usize = 16;
/// Lines of JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// A batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"contactIds": ["seD4PfOuKoVMLkEZqohJ"], "include": ["notes", "ip"]}))]
pub(super) struct ProfileBatch {
    /// Contacts, 1 to 1,000 (`http.max_batch`). One that is no id gets its problem as any other entry that fails.
    #[schema(min_items = 1, max_items = 1000)]
    contact_ids: Vec<String>,
    /// Parts wanted; all but appointments where it is not given.
    include: Option<Vec<Part>>,
    /// Sections without which an entry is their problem.
    #[serde(default)]
    require: Vec<RequiredPart>,
}

/// A part of a profile.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Contact,
    Notes,
    Tasks,
    Appointments,
    Ip,
    Insights,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Notes => "notes",
            Self::Tasks => "tasks",
            Self::Appointments => "appointments",
            Self::Ip => "ip",
            Self::Insights => "insights",
        }
    }
}

/// A section that may be required.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RequiredPart {
    Notes,
    Tasks,
    Appointments,
    Ip,
}

impl From<RequiredPart> for Section {
    fn from(part: RequiredPart) -> Self {
        match part {
            RequiredPart::Notes => Self::Notes,
            RequiredPart::Tasks => Self::Tasks,
            RequiredPart::Appointments => Self::Appointments,
            RequiredPart::Ip => Self::Ip,
        }
    }
}

/// One entry of the answer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what `entries` writes")]
pub(super) struct ProfileBatchItem<'a> {
    /// Position in the request.
    index: usize,
    /// The contact, as asked for.
    contact_id: String,
    /// The status that the contact alone would have had.
    status: u16,
    /// The profile, where there is one.
    #[schema(required = false, nullable = false)]
    profile: Option<Profile<'a>>,
    /// The problem, where there is none.
    #[schema(required = false, nullable = false)]
    problem: Option<ProblemReport>,
}

/// The answer as one document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `entries` writes")]
pub(super) struct ProfileBatchAnswer<'a> {
    /// One entry a contact id, in their order.
    items: Vec<ProfileBatchItem<'a>>,
}

/// Everything that the entries of a batch have in common.
struct Batch {
    api: Arc<dyn Api>,
    location: LocationId,
    include: Include,
    require: Vec<Section>,
    context: CallContext,
    /// How long each entry has, where entries are answered one by one.
    each: Option<Duration>,
}

impl Batch {
    async fn fetch(self: Arc<Self>, wanted: Wanted) -> Outcome {
        let outcome = match ContactId::parse(&wanted.0) {
            Ok(contact) => self.fetch_contact(contact).await,
            Err(error) => Err(Problem::new(ProblemKind::InvalidParameter, error.to_string())),
        };
        (wanted, outcome)
    }

    async fn fetch_contact(&self, contact: ContactId) -> Result<Arc<Rendered>, Problem> {
        let key = ContactKey { location: self.location.clone(), contact };
        if self.require.is_empty()
            && let Some(warm) = self.api.warm_profile(&key, self.include)
        {
            return Ok(warm.document);
        }
        let request = ProfileRequest {
            key,
            include: self.include,
            require: self.require.clone(),
            ip: None,
            max_age: None,
            deadline: self.each.map_or(self.context.deadline, |each| Instant::now() + each),
            traceparent: self.context.traceparent.clone(),
        };
        self.api.profile(request).await.map(|served| served.document)
    }

    /// The outcomes as they arrive.
    fn outcomes(self, wanted: Vec<Wanted>) -> impl Stream<Item = Outcome> + use<> {
        let batch = Arc::new(self);
        stream::iter(wanted).map(move |wanted| Arc::clone(&batch).fetch(wanted)).buffer_unordered(CONCURRENCY)
    }
}

/// Each distinct id with its positions, in the order of first mention.
fn distinct(ids: Vec<String>) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, id) in ids.into_iter().enumerate() {
        match known.get(&id).and_then(|at| wanted.get_mut(*at)) {
            Some((_, positions)) => positions.push(index),
            None => {
                known.insert(id.clone(), wanted.len());
                wanted.push((id, vec![index]));
            }
        }
    }
    wanted
}

/// Which form a client wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    Document,
    Lines,
}

/// The form by `Accept`: lines where they are named and liked no less than a document.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    if !headers.contains_key(ACCEPT) {
        return Ok(Form::Document);
    }
    let (mut lines, mut document, mut any) = (None, None, None);
    for item in headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')) {
        let (media, parameters) = item.split_once(';').unwrap_or((item, ""));
        let slot = match media.trim().to_ascii_lowercase().as_str() {
            NDJSON => &mut lines,
            "application/json" => &mut document,
            "*/*" | "application/*" => &mut any,
            _ => continue,
        };
        *slot = Some(quality(parameters));
    }
    let document = document.or(any).unwrap_or(0);
    match lines.unwrap_or(0) {
        0 if document > 0 => Ok(Form::Document),
        0 => Err(Problem::new(
            ProblemKind::NotAcceptable,
            "This route answers application/json and application/x-ndjson.",
        )),
        lines if lines >= document => Ok(Form::Lines),
        _ => Ok(Form::Document),
    }
}

/// The bounds of a batch.
pub(super) fn check_size(pointer: &str, length: usize, most: usize) -> Result<(), Problem> {
    if (1..=most).contains(&length) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::ValidationFailed, "The batch is empty or too large.")
        .with_error(pointer, format!("takes 1 to {most} entries, not {length}")))
}

impl ProfileBatch {
    fn include(&self) -> Result<Include, Problem> {
        let words = |words: Vec<&str>| {
            Include::parse(&words.join(",")).map_err(|error| Problem::parameter("include", error.to_string()))
        };
        let include = match &self.include {
            None => Include::DEFAULT,
            Some(parts) => words(parts.iter().map(|part| part.as_str()).collect())?,
        };
        Ok(include.and(words(self.require.iter().map(|part| Section::from(*part).as_str()).collect())?))
    }
}

/// Many profiles at once
///
/// Each contact id is answered once for each position it stands at. `application/json` gives the entries in the order
/// asked; with `Accept: application/x-ndjson` each comes as a line as soon as it is there, and `index` says whose it is.
/// Both are streamed, so neither has a `Content-Length`; lines are sent without a content coding. An entry that fails
/// carries its problem; the rest go on.
#[utoipa::path(
    tag = "profiles",
    params(LocationQuery),
    request_body = ProfileBatch,
    responses((status = 200, description = "An entry for each position", content(
        (ProfileBatchAnswer<'static> = "application/json"),
        (ProfileBatchItem<'static> = "application/x-ndjson"),
    )))
)]
#[post("/v1/profiles/batch")]
pub(super) async fn batch_profiles(
    request: HttpRequest,
    caller: Caller<Read>,
    Asked(asked): Asked<LocationQuery>,
    JsonBody(body): JsonBody<ProfileBatch>,
) -> Result<HttpResponse, Problem> {
    let form = form(request.headers())?;
    check_size("/contactIds", body.contact_ids.len(), caller.state().max_batch)?;
    let batch = Batch {
        api: Arc::clone(caller.api()),
        location: caller.location(asked.location_id)?,
        include: body.include()?,
        require: body.require.iter().copied().map(Section::from).collect(),
        context: caller.context(&request),
        each: (form == Form::Lines).then_some(caller.state().deadline),
    };
    let outcomes = batch.outcomes(distinct(body.contact_ids));
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    match form {
        Form::Document => {
            let document = Document::of(outcomes).await;
            respond::pieces(&request, response, respond::JSON, document.least_length(), document)
        }
        Form::Lines => Ok(response.insert_header((CONTENT_TYPE, NDJSON)).streaming(lines(outcomes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn the_form_follows_accept() {
        for (accept, expected) in [
            ("application/json", Some(Form::Document)),
            ("*/*", Some(Form::Document)),
            ("application/x-ndjson", Some(Form::Lines)),
            ("application/x-ndjson, application/json", Some(Form::Lines)),
            ("application/x-ndjson;q=0.5, application/json", Some(Form::Document)),
            ("application/x-ndjson;q=0, */*", Some(Form::Document)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(form(&headers).ok(), expected, "{accept}");
        }
    }

    #[test]
    fn an_id_asked_for_twice_is_one() {
        let ids = ["a", "b", "a"].map(str::to_owned).to_vec();
        assert_eq!(distinct(ids), [("a".to_owned(), vec![0, 2]), ("b".to_owned(), vec![1])]);
    }
}
