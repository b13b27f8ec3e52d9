//! A change that somebody makes in GHL itself: carried out by the same handlers as a request, and charged to no quota,
//! hit by no fault, counted nowhere and not in the journal.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::auth::{Class, Kind, Token};
use super::{Ctx, Found, Version, find};
use crate::state::State;
use crate::wire::{Reply, Request, segments};

/// What GHL would answer to this request with a token of `location`.
pub(crate) fn change(state: &mut State, location: &str, method: &str, path: &str, body: &Value) -> Reply {
    let segments = segments(path);
    let Found::Route(route, params) = find(method, &segments) else {
        return Reply::json(501, &Value::Object(Map::new()));
    };
    let token = Token {
        kind: Kind::PrivateIntegration,
        class: Class::Location,
        owner: location.to_owned(),
        scopes: Default::default(),
        expires: None,
    };
    let req = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        segments,
        query: Vec::new(),
        version: None,
        authorization: None,
        accept: String::new(),
        content_type: "application/json".to_owned(),
        body: Bytes::from(body.to_string()),
        peer: None,
    };
    let ctx = Ctx { req: &req, version: Version::V20210728, token: &token, params: &params };
    (route.serve)(state, &ctx).unwrap_or_else(|reply| reply)
}
