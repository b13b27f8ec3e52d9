//! The authorize page: GHL shows a chooser of locations there; here the choice is made beforehand, and the answer is the
//! redirect at once. A request that is wrong is told so here and never redirected.

use std::sync::Arc;

use serde_json::json;

use super::params::percent_encode;
use super::{Consent, Grant, Owner};
use crate::ghl::Answer;
use crate::ghl::auth::Class;
use crate::state::State;
use crate::tokens;
use crate::wire::{Reply, Request};

/// Of several query parameters of the same name the first counts.
pub(super) fn serve(state: &mut State, req: &Request) -> Answer {
    if req.query("response_type") != Some("code") {
        return Err(invalid("response_type must be \"code\""));
    }
    if req.query("client_id") != Some(tokens::OAUTH_CLIENT_ID) {
        return Err(invalid("client_id is that of no app here"));
    }
    let redirect_uri = req.query("redirect_uri").filter(|uri| is_absolute(uri));
    let redirect_uri =
        redirect_uri.ok_or_else(|| invalid("redirect_uri must be an absolute URL without a fragment"))?;
    let scopes: Arc<[String]> = req.query("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(invalid("scope must name at least one scope"));
    }
    let consent = match req.query("sandbox_consent") {
        Some(text) => Consent::read(state, text).map_err(|problem| invalid(&format!("sandbox_consent: {problem}")))?,
        None => state.oauth.consent.clone(),
    };
    let owner = match consent {
        Consent::Location(id) => Owner { class: Class::Location, id },
        Consent::Company => Owner::company(),
        Consent::Deny => {
            let told = [("error", "access_denied"), ("error_description", "The user denied the request")];
            return Ok(redirect(redirect_uri, &told, req.query("state")));
        }
    };
    state.install(&owner);
    let (code, _) = state.issue_code(Grant { owner, scopes }, Some(redirect_uri.to_owned()));
    Ok(redirect(redirect_uri, &[("code", &code)], req.query("state")))
}

fn redirect(uri: &str, told: &[(&str, &str)], echoed: Option<&str>) -> Reply {
    let mut location = uri.to_owned();
    let mut joint = if uri.contains('?') { '&' } else { '?' };
    for (name, value) in told.iter().copied().chain(echoed.map(|echoed| ("state", echoed))) {
        location.push_str(&format!("{joint}{name}={}", percent_encode(value)));
        joint = '&';
    }
    Reply::text(302, "text/html; charset=utf-8", "").with_header("location", location)
}

fn is_absolute(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    matches!(scheme, "https" | "http") && !host.is_empty() && plain
}

fn invalid(problem: &str) -> Reply {
    Reply::json(400, &json!({"error": "invalid_request", "error_description": problem}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_keeps_the_query_it_finds() {
        let location = |uri: &str| redirect(uri, &[("code", "a b")], Some("x&y")).headers[0].1.clone();
        assert_eq!(location("http://a/cb"), "http://a/cb?code=a%20b&state=x%26y");
        assert_eq!(location("https://a/cb?to=1"), "https://a/cb?to=1&code=a%20b&state=x%26y");
    }

    #[test]
    fn absolute_means_scheme_host_and_nothing_odd() {
        assert!(["https://a.example/cb", "http://127.0.0.1:1/x?y=z"].into_iter().all(is_absolute));
        let bad =
            ["", "/cb", "a.example/cb", "javascript://x", "https://", "https:///cb", "https://a/#x", "https://a/é"];
        assert!(!bad.into_iter().any(is_absolute));
    }
}
