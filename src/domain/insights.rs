//! What follows from a profile's sections: pure functions of them and one `now`.
//!
//! An insight that rests on a section that is not held is `null`, never zero and never a guess; an address that says
//! little about the person ([`IpIntelligence::usable`]) never overrules what somebody typed into the CRM. Each insight's
//! type documents its method. Nothing here depends on the order in which notes, tasks or appointments arrive, and nothing
//! reads the machine: time zones come from the database compiled in, time is an argument.
//!
//! Insights age without new data: a task becomes overdue, a note leaves the 30 days, a zone changes its offset.
//! [`next_change`] says when, so that a rendering is not kept past it.

mod activity;
mod country;
mod follow_ups;
mod risk;
mod sentiment;
mod timezone;

#[cfg(test)]
mod tests;

pub use activity::ActivityInsight;
pub use country::{Agreement, CountryInsight};
pub use follow_ups::{FollowUp, FollowUpKind, MAX_FOLLOW_UPS};
pub use risk::{RiskInsight, RiskLevel, RiskReason};
pub use sentiment::{
    MAX_NOTE_CHARS, MAX_NOTES_SCORED, SentimentInsight, SentimentLabel, SentimentLanguage, SentimentMethod,
};
pub use timezone::{TimezoneInsight, TimezoneOrigin};

use super::{appointment::Appointment, contact::Contact, ip::IpIntelligence, note::Note, task::Task};
use jiff::Timestamp;
use serde::Serialize;
use timezone::Zones;
use utoipa::ToSchema;

/// What the insights are derived from. `None` is a section that is not held: excluded, missing or unavailable.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The contact.
    pub contact: &'a Contact,
    /// ISO 3166-1 alpha-2 code of what the contact's country field says, where it could be understood.
    pub crm_country_code: Option<&'a str>,
    /// Its notes.
    pub notes: Option<&'a [Note]>,
    /// Its tasks.
    pub tasks: Option<&'a [Task]>,
    /// Its appointments.
    pub appointments: Option<&'a [Appointment]>,
    /// What is known of its address.
    pub ip: Option<&'a IpIntelligence>,
}

/// What follows from a profile. `null` means not known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Insights {
    /// The contact's time zone.
    pub timezone: Option<TimezoneInsight>,
    /// Whether the CRM and the address agree on the country; `null` where neither names one.
    pub country: Option<CountryInsight>,
    /// How much speaks against taking the contact at face value; `null` without an address.
    pub risk: Option<RiskInsight>,
    /// When notes were written; `null` without the notes.
    pub activity: Option<ActivityInsight>,
    /// What is to be done, soonest first, at most 50; of tasks and appointments, those that are held. `null` without both.
    pub follow_ups: Option<Vec<FollowUp>>,
    /// How the notes sound; `null` where none could be scored.
    pub sentiment: Option<SentimentInsight>,
}

/// Derives the insights as of `now`.
///
/// ```
/// # use ghl_enrich::domain::{contact::{Attribution, Contact}, ids::ContactId};
/// use ghl_enrich::domain::insights::{Sources, TimezoneOrigin, derive};
/// # let mut contact = Contact {
/// #     id: ContactId::parse("seD4PfOuKoVMLkEZqohJ").unwrap(), location_id: None, kind: None, name: None,
/// #     first_name: None, last_name: None, email: None, phone: None, additional_emails: vec![],
/// #     additional_phones: vec![], company_name: None, business_id: None, address1: None, city: None, state: None,
/// #     postal_code: None, country: None, timezone: None, website: None, date_of_birth: None, source: None,
/// #     assigned_to: None, followers: vec![], dnd: None, tags: vec![], custom_fields: vec![],
/// #     attribution: Attribution::default(), date_added: None, date_updated: None, last_activity: None,
/// #     extra: serde_json::Map::new(),
/// # };
/// contact.timezone = Some("America/Denver".to_owned());
/// let sources =
///     Sources { contact: &contact, crm_country_code: None, notes: None, tasks: None, appointments: None, ip: None };
///
/// let insights = derive(&sources, "2026-11-22T08:00:00Z".parse().unwrap());
///
/// let zone = insights.timezone.unwrap();
/// assert_eq!((zone.name.as_str(), zone.utc_offset.as_str()), ("America/Denver", "-07:00"));
/// assert_eq!(zone.from, TimezoneOrigin::Contact);
/// assert_eq!(insights.activity, None, "without the notes nothing is known of them");
/// ```
#[must_use]
pub fn derive(sources: &Sources<'_>, now: Timestamp) -> Insights {
    let zones = Zones::of(sources);
    let country = country::derive(sources.crm_country_code, sources.ip);
    Insights {
        timezone: zones.insight(now),
        risk: sources.ip.map(|ip| risk::derive(ip, country.as_ref(), zones.disagree(now))),
        country,
        activity: sources.notes.map(|notes| activity::derive(notes, &zones.local(), now)),
        follow_ups: follow_ups::derive(sources, now),
        sentiment: sources.notes.and_then(sentiment::derive),
    }
}

/// The earliest instant after `now` at which [`derive()`] may answer differently though the sources are the same. Until
/// then, that instant excluded, it answers the same; `None` is never.
#[must_use]
pub fn next_change(sources: &Sources<'_>, now: Timestamp) -> Option<Timestamp> {
    [
        Zones::of(sources).next_change(now),
        sources.notes.and_then(|notes| activity::next_change(notes, now)),
        follow_ups::next_change(sources, now),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// A count for JSON.
fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}
