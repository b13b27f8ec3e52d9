//! From what happened on the wire to what it means. Only the HTTP status and GHL's words count (reference: "Errors").

use super::{
    BURST_WINDOW, Endpoint, Flaw, GhlError, Late, TokenFault,
    body::{self, Said},
};
use crate::upstream::CallError;
use std::time::Duration;

/// What a failed call to an endpoint means.
pub(in crate::ghl) fn classify(endpoint: Endpoint, error: CallError) -> GhlError {
    match error {
        CallError::Deadline => GhlError::Timeout(Late::Deadline),
        CallError::TimedOut(_) => GhlError::Timeout(Late::Call),
        CallError::Connect(ref text) | CallError::Broken(ref text) => GhlError::Unavailable {
            status: None,
            code: error.code(),
            sent: !matches!(error, CallError::Connect(_)),
            said: body::excerpt(text),
        },
        CallError::QuotaSpent { retry_after, day } => GhlError::RateLimited { retry_after, day, answered: false },
        CallError::BreakerOpen { retry_after } => GhlError::LeftAlone { retry_after },
        CallError::BodyTooLarge(_) => GhlError::invalid(Flaw::TooLarge),
        CallError::Decode { path, message } => GhlError::invalid(Flaw::Decode { path, message }),
        CallError::Status { status, body, retry_after } => match body::duplicate(&body, status) {
            Some(duplicate) if endpoint.writes() => duplicate,
            Some(_) | None => of_status(endpoint, status, &Said::read(&body), retry_after),
        },
    }
}

fn of_status(endpoint: Endpoint, status: u16, said: &Said, retry_after: Option<Duration>) -> GhlError {
    match status {
        400 | 404 | 410 | 422 => refused(endpoint, status, said),
        // A CDN's challenge page says nothing of the token.
        401 | 403 if said.html => GhlError::InvalidResponse { status, flaw: Flaw::Html },
        401 if said.words.contains("timed out") => GhlError::Timeout(Late::Gateway),
        401 | 403 => GhlError::Unauthorized { fault: token_fault(&said.words), status, said: said.excerpt.clone() },
        408 => GhlError::Timeout(Late::Gateway),
        429 => GhlError::RateLimited { retry_after: retry_after.unwrap_or(BURST_WINDOW), day: false, answered: true },
        500..=599 => {
            GhlError::Unavailable { status: Some(status), code: "status", sent: true, said: said.excerpt.clone() }
        }
        402..=499 if endpoint.writes() => GhlError::Validation { status, said: said.excerpt.clone() },
        _ => GhlError::InvalidResponse { status, flaw: Flaw::Status { said: said.excerpt.clone() } },
    }
}

/// 400 is GHL's "no such contact"; its 404 is "no such route", unless it names what it did not find.
fn refused(endpoint: Endpoint, status: u16, said: &Said) -> GhlError {
    if said.words.contains("invalid api version") || said.words.contains("version header") {
        return GhlError::Unauthorized { fault: TokenFault::Version, status, said: said.excerpt.clone() };
    }
    if let Some(missing) = not_found(endpoint, &said.words) {
        return missing;
    }
    if status == 404 {
        return GhlError::InvalidResponse { status, flaw: Flaw::Route };
    }
    if said.html {
        return GhlError::InvalidResponse { status, flaw: Flaw::Html };
    }
    let said = said.excerpt.clone();
    if endpoint.takes_input() && status != 410 {
        GhlError::Validation { status, said }
    } else {
        // The caller has nothing to mend here: the ids were well formed.
        GhlError::InvalidResponse { status, flaw: Flaw::Status { said } }
    }
}

/// Wordings seen: `Contact not found for id:…`, `Contact with id … not found`, `Task with id … not found`, and of bulk
/// routes `contact id is not a valid firebase id`, `contact is deleted`.
fn not_found(endpoint: Endpoint, words: &str) -> Option<GhlError> {
    let says_so = ["not found", "is not a valid firebase id", "is deleted", "does not exist"];
    if !says_so.iter().any(|&wording| words.contains(wording)) {
        return None;
    }
    let names = |thing: &str| words.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == thing);
    match endpoint.item() {
        Some(item) if names(item.word()) => Some(GhlError::NotFound(item)),
        Some(_) | None if endpoint.names_contact() && names("contact") => Some(GhlError::ContactNotFound),
        Some(_) | None => None,
    }
}

/// Each of GHL's wordings for a 401 or 403; the first that fits counts.
const TOKEN_WORDINGS: &[(&str, TokenFault)] = &[
    ("version header", TokenFault::Version),
    ("api version", TokenFault::Version),
    ("authclass type", TokenFault::Class),
    ("user type mismatch", TokenFault::Class),
    ("forbidden resource", TokenFault::Class),
    ("authorized for this scope", TokenFault::Scope),
    ("not accessible from this token", TokenFault::Location),
    ("access to this location", TokenFault::Location),
    ("private integration token", TokenFault::Rejected),
    ("invalid jwt", TokenFault::Expired),
    ("access token is invalid", TokenFault::Expired),
    ("expired", TokenFault::Expired),
];

fn token_fault(words: &str) -> TokenFault {
    let fitting = TOKEN_WORDINGS.iter().find(|(wording, _)| words.contains(wording));
    fitting.map_or(TokenFault::Unknown, |&(_, fault)| fault)
}
