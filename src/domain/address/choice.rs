//! The choice among a contact's addresses: every candidate in order, and why it was taken or not.

use super::{Candidate, parse_candidate};
use crate::domain::{
    contact::{Contact, CustomField, Touch},
    ip::{AddressOrigin, Ownership, Scope},
};
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::net::IpAddr;

/// Which address is a contact's, and what else was considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Every place an address may stand, in order of preference.
    pub considered: Vec<Considered>,
    /// What came of it.
    pub outcome: Outcome,
}

/// One place an address may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// The place.
    pub origin: AddressOrigin,
    /// The address that stands there, if one does.
    pub address: Option<IpAddr>,
    /// Why it was taken or not.
    pub verdict: Verdict,
}

/// Why a candidate was taken or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the contact's address.
    Taken,
    /// It could be, but an earlier one is.
    NotNeeded,
    /// It is the address of an own server.
    OwnServer,
    /// It is an address that nobody on the Internet has.
    Reserved(Scope),
    /// What stands there is no address.
    Invalid,
    /// Nothing stands there.
    Empty,
}

impl Verdict {
    /// The word for `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::NotNeeded => "not-needed",
            Self::OwnServer => "own-server",
            Self::Reserved(_) => "reserved",
            Self::Invalid => "invalid",
            Self::Empty => "empty",
        }
    }
}

/// What came of the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A global address. It may be an own server's, where there was no other; the look-up then says so.
    Found {
        /// The address, canonical.
        address: IpAddr,
        /// Where it stands.
        origin: AddressOrigin,
    },
    /// Nothing stands anywhere.
    Missing,
    /// There are addresses, all of them reserved.
    Reserved {
        /// The first of them.
        address: IpAddr,
        /// Its sort.
        scope: Scope,
        /// Where it stands.
        origin: AddressOrigin,
    },
    /// Something stands there, none of it an address.
    Invalid {
        /// Where the first of it stands.
        origin: AddressOrigin,
    },
}

/// Chooses the first usable of: the request's address, last and first touch, further touches, and `custom_field` (an id).
///
/// Usable is a global address outside `own_servers`. Where there is none, an own server's address is taken; then reserved
/// beats invalid, and invalid beats missing.
#[must_use]
pub fn choose(
    contact: &Contact,
    request_ip: Option<IpAddr>,
    custom_field: Option<&str>,
    own_servers: &[IpNetwork],
) -> Choice {
    let candidates = candidates(contact, request_ip, custom_field);
    let mut considered: Vec<Considered> =
        candidates.into_iter().map(|(origin, candidate)| consider(origin, candidate, own_servers)).collect();
    let taken = position(&considered, Verdict::NotNeeded).or_else(|| position(&considered, Verdict::OwnServer));
    let outcome = match taken.and_then(|index| considered.get_mut(index)) {
        Some(Considered { origin, address: Some(address), verdict }) => {
            *verdict = Verdict::Taken;
            Outcome::Found { address: *address, origin: origin.clone() }
        }
        _ => without_global(&considered),
    };
    Choice { considered, outcome }
}

fn position(considered: &[Considered], verdict: Verdict) -> Option<usize> {
    considered.iter().position(|one| one.verdict == verdict)
}

fn without_global(considered: &[Considered]) -> Outcome {
    let reserved = considered.iter().find_map(|one| match (one.verdict, one.address) {
        (Verdict::Reserved(scope), Some(address)) => {
            Some(Outcome::Reserved { address, scope, origin: one.origin.clone() })
        }
        _ => None,
    });
    let invalid = considered.iter().find(|one| one.verdict == Verdict::Invalid);
    reserved.or_else(|| invalid.map(|one| Outcome::Invalid { origin: one.origin.clone() })).unwrap_or(Outcome::Missing)
}

fn consider(origin: AddressOrigin, candidate: Candidate, own_servers: &[IpNetwork]) -> Considered {
    let (address, verdict) = match candidate {
        Candidate::Global(address) => match Ownership::of(address, own_servers) {
            Ownership::Ours => (Some(address), Verdict::OwnServer),
            Ownership::Foreign => (Some(address), Verdict::NotNeeded),
        },
        Candidate::Reserved(address, scope) => (Some(address), Verdict::Reserved(scope)),
        Candidate::Invalid => (None, Verdict::Invalid),
        Candidate::Empty => (None, Verdict::Empty),
    };
    Considered { origin, address, verdict }
}

fn candidates(
    contact: &Contact,
    request_ip: Option<IpAddr>,
    custom_field: Option<&str>,
) -> Vec<(AddressOrigin, Candidate)> {
    let attribution = &contact.attribution;
    let further = attribution.further.iter().enumerate();
    request_ip
        .map(|address| (AddressOrigin::Request, Candidate::from(address)))
        .into_iter()
        .chain([
            (AddressOrigin::AttributionLast, of_touch(attribution.last.as_ref())),
            (AddressOrigin::AttributionFirst, of_touch(attribution.first.as_ref())),
        ])
        .chain(further.map(|(index, touch)| (AddressOrigin::AttributionFurther(index), of_touch(Some(touch)))))
        .chain(custom_field.map(|id| (AddressOrigin::CustomField(id.to_owned()), of_field(&contact.custom_fields, id))))
        .collect()
}

fn of_touch(touch: Option<&Touch>) -> Candidate {
    touch.and_then(|touch| touch.ip.as_deref()).map_or(Candidate::Empty, parse_candidate)
}

fn of_field(fields: &[CustomField], id: &str) -> Candidate {
    let Some(field) = fields.iter().find(|field| field.id == id) else { return Candidate::Empty };
    match &field.value {
        Value::Null => Candidate::Empty,
        Value::String(text) => parse_candidate(text),
        Value::Array(texts) => {
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            parse_candidate(&texts.join(","))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Candidate::Invalid,
    }
}
