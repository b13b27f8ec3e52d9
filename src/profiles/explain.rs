//! Why a profile looks as it does. Personal values are masked: an explanation may be pasted into a ticket.

use super::{Inner, ProfileRequest, Profiles, entry::Entry, freshness::Verdict};
use crate::{
    domain::{
        address::{Considered, Outcome},
        country,
        ids::{ContactId, LocationId},
        insights::{self, Insights, Sources},
        ip::Backend,
        problem::Problem,
        profile::{ProblemReport, Section},
    },
    ipinfo::{BackendTry, TryOutcome},
    liveness::WebhookReport,
};
use jiff::Timestamp;
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;

/// Why a profile looks as it does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The contact.
    pub id: ContactId,
    /// Its location.
    pub location_id: LocationId,
    /// When this was said.
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Timestamp,
    /// Which address was taken, and why.
    pub address: AddressExplanation,
    /// The backends tried for it, in order.
    pub look_up: Vec<TryExplanation>,
    /// How far the location's webhooks are relied upon: it decides how long what is read is fresh.
    pub webhooks: WebhookReport,
    /// How each section stands in memory.
    pub sections: Vec<SectionExplanation>,
    /// What the insights were drawn from.
    pub insights: Option<Insights>,
}

/// One backend's try to answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TryExplanation {
    /// The backend.
    pub backend: Backend,
    /// What came of it.
    pub outcome: TryOutcome,
    /// How long it took, microseconds.
    pub took_us: u64,
    /// The plan or database that answered, or why it failed.
    pub detail: Option<String>,
}

impl From<&BackendTry> for TryExplanation {
    fn from(tried: &BackendTry) -> Self {
        Self {
            backend: tried.backend,
            outcome: tried.outcome,
            took_us: u64::try_from(tried.took.as_micros()).unwrap_or(u64::MAX),
            detail: tried.detail.as_deref().map(str::to_owned),
        }
    }
}

/// Which address was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddressExplanation {
    /// `found`, `missing`, `reserved`, `invalid`, or `unknown` while the contact was not looked at.
    #[schema(value_type = String, example = "found")]
    pub outcome: &'static str,
    /// Every place an address may stand, in order of preference.
    pub candidates: Vec<CandidateExplanation>,
}

/// One place an address may stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct CandidateExplanation {
    /// The place.
    #[schema(example = "attribution.last")]
    pub origin: String,
    /// The address there, masked.
    #[schema(example = "58.111.x.x")]
    pub address: Option<String>,
    /// `taken`, `not-needed`, `own-server`, `reserved`, `invalid` or `empty`.
    #[schema(value_type = String, example = "taken")]
    pub verdict: &'static str,
}

/// How a section stands in memory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SectionExplanation {
    /// The section.
    #[schema(value_type = String, example = "notes")]
    pub section: &'static str,
    /// Whether anything is held.
    pub held: bool,
    /// When it was fetched.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub fetched_at: Option<Timestamp>,
    /// Until when it is fresh.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// What the next read would do: `serve`, `serve-and-refresh`, `fetch` or `leave`.
    #[schema(value_type = String, example = "serve")]
    pub next_read: &'static str,
    /// What marked it as out of date since, if anything did: `write`, `webhook`, `flush` or `drift`.
    #[schema(value_type = Option<String>)]
    pub touched_by: Option<&'static str>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub touched_at: Option<Timestamp>,
    /// The last failure since it was fetched.
    pub failure: Option<ProblemReport>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
}

impl Profiles {
    /// Explains what a read of `request` shows, after having made that read.
    ///
    /// # Errors
    /// As [`Profiles::get`].
    pub async fn explain(&self, request: &ProfileRequest) -> Result<Explanation, Problem> {
        let inner = &self.inner;
        let held = inner.cache.get(&request.key);
        let view = inner.assemble(held, request).await.view;
        match &view.contact.failure {
            Some(failure) if !inner.has_contact(Some(&view)) => Err(failure.problem.clone()),
            _ => Ok(inner.explanation(&view, request)),
        }
    }
}

impl Inner {
    fn explanation(&self, entry: &Entry, request: &ProfileRequest) -> Explanation {
        let now = self.clock.now();
        let finding = entry.ip.held.as_ref().map(|held| &held.value);
        Explanation {
            id: request.key.contact.clone(),
            location_id: request.key.location.clone(),
            generated_at: now,
            address: AddressExplanation {
                outcome: finding.map_or("unknown", |finding| outcome_word(&finding.choice.outcome)),
                candidates: finding.map_or_else(Vec::new, |it| it.choice.considered.iter().map(candidate).collect()),
            },
            look_up: finding.map_or_else(Vec::new, |finding| finding.trail.iter().map(TryExplanation::from).collect()),
            webhooks: self.liveness.report(&request.key.location, now),
            sections: Section::ALL.into_iter().map(|section| self.section(entry, section, now)).collect(),
            insights: insights_of(entry, now),
        }
    }

    fn section(&self, entry: &Entry, section: Section, now: Timestamp) -> SectionExplanation {
        let facts = entry.facts(section);
        let touch = entry.touch_of(section);
        SectionExplanation {
            section: section.as_str(),
            held: facts.life.is_some(),
            fetched_at: facts.life.map(|life| life.fetched_at),
            expires_at: facts.life.map(|life| life.expires_at),
            next_read: verdict_word(self.policy.judge(facts, now, None)),
            touched_by: touch.map(|touch| touch.by.as_str()),
            touched_at: touch.map(|touch| touch.at),
            failure: facts.failure.map(|(problem, _)| ProblemReport::from(problem)),
            failed_at: facts.failure.map(|(_, at)| at),
        }
    }
}

/// Insights without what follows from the texts of notes and tasks: those may name people.
fn insights_of(entry: &Entry, now: Timestamp) -> Option<Insights> {
    let contact = &*entry.contact.held.as_ref()?.value;
    let sources = Sources {
        contact,
        crm_country_code: contact.country.as_deref().and_then(country::code_from_text),
        notes: None,
        tasks: None,
        appointments: None,
        ip: entry.ip.held.as_ref().and_then(|held| held.value.intelligence.as_deref()),
    };
    Some(insights::derive(&sources, now))
}

const fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Found { .. } => "found",
        Outcome::Missing => "missing",
        Outcome::Reserved { .. } => "reserved",
        Outcome::Invalid { .. } => "invalid",
    }
}

const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Serve => "serve",
        Verdict::ServeAndRefresh => "serve-and-refresh",
        Verdict::Fetch => "fetch",
        Verdict::Leave => "leave",
    }
}

fn candidate(considered: &Considered) -> CandidateExplanation {
    CandidateExplanation {
        origin: considered.origin.to_string(),
        address: considered.address.map(mask),
        verdict: considered.verdict.as_str(),
    }
}

/// The first half of an IPv4 address, the first three groups of an IPv6 address: a network, not a person.
fn mask(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            format!("{a}.{b}.x.x")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_address_is_a_network() {
        assert_eq!(mask("58.111.106.198".parse().unwrap()), "58.111.x.x");
        assert_eq!(mask("2001:4860:4860::8888".parse().unwrap()), "2001:4860:4860::x");
    }
}
