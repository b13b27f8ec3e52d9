//! The GHL side. A request is met in two steps, because latency may lie between them: `arrive` (route, version, token,
//! quota) and `execute` (scope, tenant, validation, the thing itself).

pub(crate) mod auth;
mod body;
mod bulk;
mod contacts;
mod custom_fields;
pub(crate) mod direct;
mod duplicates;
pub(crate) mod errors;
mod filters;
pub(crate) mod index;
mod list;
mod locations;
mod membership;
mod notes;
pub(crate) mod quota;
mod routes;
mod search;
pub(crate) mod shapes;
mod tags;
mod task_search;
mod tasks;
mod upsert;
mod version;
mod write;

use serde_json::{Map, Value};

pub(crate) use routes::{Found, Route, find};
pub(crate) use version::Version;

use crate::journal::Subject;
use crate::state::State;
use crate::wire::{Reply, Request};
use auth::Token;
use quota::Standing;

/// Both sides are answers: `Err` lets a handler stop early with `?`.
pub(crate) type Answer = Result<Reply, Reply>;

/// A request that got as far as its route.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) route: &'static Route,
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) standing: Standing,
    /// The caller, or the answer that turns them away.
    caller: Result<(Version, Token), Reply>,
}

/// What a handler may look at.
#[derive(Debug)]
pub(crate) struct Ctx<'a> {
    pub(crate) req: &'a Request,
    pub(crate) version: Version,
    pub(crate) token: &'a Token,
    params: &'a [(&'static str, String)],
}

impl Ctx<'_> {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.as_str())
    }

    /// The `{contact}` of the path.
    pub(crate) fn contact_id(&self) -> &str {
        self.param("contact")
    }

    /// The location the token is for.
    pub(crate) fn location(&self) -> &str {
        &self.token.owner
    }

    /// 403 unless this is the token's location; a missing one is as wrong as another's.
    pub(crate) fn require_location(&self, state: &mut State, given: Option<&str>) -> Result<(), Reply> {
        if given == Some(self.location()) { Ok(()) } else { Err(errors::no_access_to_location(state)) }
    }

    /// The JSON body.
    pub(crate) fn json(&self, state: &mut State) -> Result<Value, Reply> {
        self.req.json().map_err(|error| errors::bad_request(state, &format!("Unexpected token in JSON: {error}")))
    }
}

/// Route, version, token and quota, in this order.
pub(crate) fn arrive(
    state: &mut State,
    req: &Request,
    route: &'static Route,
    params: Vec<(&'static str, String)>,
) -> Arrival {
    let now = state.now();
    let mut standing = state.quota.untouched(now);
    let caller = Version::read(state, req).and_then(|version| {
        let token = auth::identify(state, req)?;
        standing = state.quota.take(&token.owner, now);
        if !standing.allowed {
            state.calls.add_rate_limited();
            return Err(errors::too_many_requests());
        }
        Ok((version, token))
    });
    Arrival { route, params, standing, caller }
}

impl Arrival {
    /// The contact the request is about, for faults that are aimed at one.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.params.iter().find(|(key, _)| *key == "contact").map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_admitted(&self) -> bool {
        self.caller.is_ok()
    }

    /// Carries the request out.
    pub(crate) fn execute(&self, state: &mut State, req: &Request) -> Reply {
        let (version, token) = match &self.caller {
            Ok((version, token)) => (*version, token),
            Err(reply) => return reply.clone(),
        };
        if !self.route.versions.include(version) {
            return errors::cannot(state, req);
        }
        if let Err(reply) = auth::authorise(state, token, self.route.scope) {
            return reply;
        }
        let ctx = Ctx { req, version, token, params: &self.params };
        let reply = (self.route.serve)(state, &ctx).unwrap_or_else(|reply| reply);
        if self.route.writes() {
            let item = self.params.iter().find(|(key, _)| *key == "id").map(|(_, value)| value.as_str());
            let subject = Subject { contact: self.subject(), item, req, reply: &reply };
            state.journal.add(state.clock.now(), self.route.name, &token.owner, subject);
        }
        if req.method == "GET" && reply.status == 200 { with_etag(reply) } else { reply }
    }
}

/// A weak validator over all but the trace id.
fn with_etag(reply: Reply) -> Reply {
    let text = String::from_utf8_lossy(&reply.body);
    let stable = text.split("\"traceId\"").next().unwrap_or_default();
    let tag = stable.bytes().fold(0_u64, |hash, byte| crate::rng::mix(hash ^ u64::from(byte)));
    reply.with_header("etag", format!("W/\"{tag:x}\""))
}

/// A success: the given members, then `traceId`.
pub(crate) fn success(state: &mut State, status: u16, members: Value) -> Answer {
    let mut body = match members {
        Value::Object(map) => map,
        other => Map::from_iter([("data".to_owned(), other)]),
    };
    body.insert("traceId".to_owned(), state.trace_id().into());
    Ok(Reply::json(status, &Value::Object(body)))
}

/// The success flag: misspelt before v3, both spellings in v3.
pub(crate) fn succeeded(version: Version) -> Map<String, Value> {
    let mut flags = Map::new();
    if version.is_v3() {
        flags.insert("succeeded".to_owned(), true.into());
    }
    flags.insert("succeded".to_owned(), true.into());
    flags
}
