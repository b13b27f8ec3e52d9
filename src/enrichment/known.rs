//! What a rule can read of a profile, by dotted path: a misspelt path would be "not known" for ever and never an error.
//! Also which sections a path rests on, and which values may be shown. A table, which a test holds against the types.

use crate::domain::profile::Section;
use std::collections::BTreeSet;

/// Properties of `contact`. GHL may send others, which are passed through.
pub(super) const CONTACT: &[&str] = &[
    "additionalEmails",
    "additionalPhones",
    "address1",
    "assignedTo",
    "attribution",
    "businessId",
    "city",
    "companyName",
    "country",
    "customFields",
    "dateAdded",
    "dateOfBirth",
    "dateUpdated",
    "dnd",
    "email",
    "firstName",
    "followers",
    "id",
    "lastActivity",
    "lastName",
    "locationId",
    "name",
    "phone",
    "postalCode",
    "source",
    "state",
    "tags",
    "timezone",
    "type",
    "website",
];

/// Every path under `ip` and `insights`.
pub(super) const OTHERS: &[&str] = &[
    "insights",
    "insights.activity",
    "insights.activity.byHour",
    "insights.activity.byWeekday",
    "insights.activity.lastNoteAt",
    "insights.activity.notes",
    "insights.activity.notesLast30Days",
    "insights.activity.timezone",
    "insights.country",
    "insights.country.agreement",
    "insights.country.crm",
    "insights.country.ip",
    "insights.followUps",
    "insights.risk",
    "insights.risk.level",
    "insights.risk.reasons",
    "insights.sentiment",
    "insights.sentiment.label",
    "insights.sentiment.language",
    "insights.sentiment.method",
    "insights.sentiment.notesScored",
    "insights.sentiment.score",
    "insights.timezone",
    "insights.timezone.from",
    "insights.timezone.name",
    "insights.timezone.utcOffset",
    "ip",
    "ip.address",
    "ip.asn",
    "ip.asn.asn",
    "ip.asn.domain",
    "ip.asn.name",
    "ip.asn.type",
    "ip.carrier",
    "ip.carrier.mcc",
    "ip.carrier.mnc",
    "ip.carrier.name",
    "ip.company",
    "ip.company.domain",
    "ip.company.name",
    "ip.company.type",
    "ip.geo",
    "ip.geo.accuracyRadiusKm",
    "ip.geo.city",
    "ip.geo.continent",
    "ip.geo.continentCode",
    "ip.geo.country",
    "ip.geo.countryCode",
    "ip.geo.currency",
    "ip.geo.flag",
    "ip.geo.inEu",
    "ip.geo.latitude",
    "ip.geo.longitude",
    "ip.geo.postalCode",
    "ip.geo.region",
    "ip.geo.regionCode",
    "ip.geo.timezone",
    "ip.network",
    "ip.origin",
    "ip.privacy",
    "ip.privacy.anonymous",
    "ip.privacy.proxy",
    "ip.privacy.relay",
    "ip.privacy.residentialProxy",
    "ip.privacy.service",
    "ip.privacy.tor",
    "ip.privacy.vpn",
    "ip.provider",
    "ip.provider.backend",
    "ip.provider.databaseBuiltAt",
    "ip.provider.degraded",
    "ip.provider.plan",
    "ip.provider.precision",
    "ip.scope",
    "ip.traits",
    "ip.traits.anycast",
    "ip.traits.hosting",
    "ip.traits.mobile",
    "ip.traits.satellite",
    "ip.unusableBecause",
    "ip.usable",
    "ip.version",
];

/// What is not repeated in a sentence about a person, though it stands under `ip`.
const PERSONAL: &[&str] =
    &["ip.address", "ip.network", "ip.geo.latitude", "ip.geo.longitude", "ip.geo.postalCode", "ip.geo.city"];

/// What may be repeated, though it stands under `contact`.
const IMPERSONAL: &[&str] = &["contact.country", "contact.timezone", "contact.type", "contact.dnd", "contact.source"];

/// The word by which a condition leaves its rule undecided: it is never known.
pub(super) const UNDECIDED: &str = "undecided";

/// How far a misspelt word may be from the one that was meant.
const NEAR: usize = 2;

/// Whether a profile has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Known,
    Unknown { meant: Option<&'static str> },
}

/// Judges a path as the engine reports it.
pub(super) fn judge(path: &str) -> Path {
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    match root {
        "contact" => judge_contact(rest),
        UNDECIDED if rest.is_empty() => Path::Known,
        "ip" | "insights" if OTHERS.contains(&path) => Path::Known,
        _ => Path::Unknown { meant: nearest(path, OTHERS.iter().copied().chain(["contact", UNDECIDED])) },
    }
}

/// What is wrong with a path that a rule reads.
pub(super) fn unknown(path: &str) -> Option<String> {
    match judge(path) {
        Path::Known => None,
        Path::Unknown { meant: Some(meant) } => Some(format!("a profile has no {path}; did you mean {meant}?")),
        Path::Unknown { meant: None } => Some(format!("a profile has no {path}")),
    }
}

/// A property without a name of ours may be GHL's; one that nearly has one is a slip.
fn judge_contact(rest: &str) -> Path {
    let first = rest.split('.').next().unwrap_or_default();
    if first.is_empty() || CONTACT.contains(&first) {
        return Path::Known;
    }
    match nearest(first, CONTACT.iter().copied()) {
        Some(meant) => Path::Unknown { meant: Some(meant) },
        None => Path::Known,
    }
}

/// The known word nearest to one, if any is near; differences of case and `_` weigh nothing.
pub(super) fn nearest(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let plain = |text: &str| text.replace('_', "").to_lowercase();
    let word = plain(word);
    let distance = |other: &&'static str| strsim::osa_distance(&word, &plain(other));
    known.min_by_key(distance).filter(|meant| distance(meant) <= NEAR.min(meant.len() / 3))
}

/// The sections a path rests on, beside the contact.
pub(super) fn rests_on(path: &str) -> &'static [Section] {
    let mut words = path.split('.');
    match (words.next(), words.next()) {
        (Some("ip"), _) | (Some("insights"), Some("timezone" | "country" | "risk")) => &[Section::Ip],
        (Some("insights"), Some("activity" | "sentiment")) => &[Section::Notes],
        (Some("insights"), Some("followUps")) => &[Section::Tasks, Section::Appointments],
        (Some("insights"), _) => &[Section::Notes, Section::Tasks, Section::Appointments, Section::Ip],
        _ => &[],
    }
}

/// The contact's own fields that an insight is drawn from.
pub(super) fn drawn_from(path: &str) -> &'static [&'static str] {
    let mut words = path.split('.');
    match (words.next(), words.next(), words.next()) {
        (Some("insights"), Some("country"), _) => &["country"],
        (Some("insights"), Some("timezone"), _)
        | (Some("insights"), Some("activity"), Some("byHour" | "byWeekday" | "timezone") | None) => &["timezone"],
        (Some("insights"), Some("risk") | None, _) => &["country", "timezone"],
        _ => &[],
    }
}

/// Whether the value at a path may stand in a sentence.
pub(super) fn may_be_shown(path: &str) -> bool {
    if path.starts_with("contact") { IMPERSONAL.contains(&path) } else { !PERSONAL.contains(&path) }
}

/// Whether a text that is made of the values at these paths, or of what lies below them, may say something personal.
pub(super) fn is_personal(paths: &BTreeSet<String>) -> bool {
    let holds =
        |path: &String, below: &&str| below.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
    paths.iter().any(|path| !may_be_shown(path) || PERSONAL.iter().any(|below| holds(path, below)))
}
