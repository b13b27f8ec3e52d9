//! The profile as a document: which sections it has, what a caller may ask of it, and how each section stands.

use super::{
    appointment::Appointment,
    contact::Contact,
    ids::{ContactId, LocationId},
    insights::Insights,
    ip::{IpIntelligence, Scope},
    note::Note,
    problem::{FieldError, Problem, UpstreamFault},
    task::Task,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An independently fetched part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// The contact itself: without it there is no profile.
    Contact,
    /// Its notes.
    Notes,
    /// Its tasks.
    Tasks,
    /// Its appointments.
    Appointments,
    /// What is known of its address.
    Ip,
}

impl Section {
    /// Every section, in the order of the document.
    pub const ALL: [Self; 5] = [Self::Contact, Self::Notes, Self::Tasks, Self::Appointments, Self::Ip];

    /// The word used in the API, in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Notes => "notes",
            Self::Tasks => "tasks",
            Self::Appointments => "appointments",
            Self::Ip => "ip",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which parts of a profile a caller wants: `notes`, `tasks`, `appointments`, `ip`, `insights`. The contact is always
/// there. Insights are derived from the parts included: what is left out is not fetched for their sake.
///
/// ```
/// use ghl_enrich::domain::profile::{Include, Section};
/// let include = Include::parse("notes,ip").unwrap();
/// assert!(include.has(Section::Notes) && !include.has(Section::Tasks) && !include.insights());
/// assert!(Include::parse("notes,nonsense").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Include(u8);

/// A word that names no part of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown part '{0}'; known are notes, tasks, appointments, ip and insights")]
pub struct UnknownPart(pub String);

impl Include {
    const INSIGHTS: u8 = 1 << 7;

    /// All but appointments: what a request gets that does not say.
    pub const DEFAULT: Self =
        Self(Section::Contact.bit() | Section::Notes.bit() | Section::Tasks.bit() | Section::Ip.bit() | Self::INSIGHTS);

    /// The contact alone.
    pub const NOTHING: Self = Self(Section::Contact.bit());

    /// Everything.
    pub const ALL: Self = Self(Self::DEFAULT.0 | Section::Appointments.bit());

    /// Parses a comma list; blanks around words and empty words are ignored, so an empty text is the contact alone.
    ///
    /// # Errors
    /// [`UnknownPart`] with the first word that names none.
    pub fn parse(text: &str) -> Result<Self, UnknownPart> {
        let mut include = Self::NOTHING;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            include.0 |= match word {
                "contact" => Section::Contact.bit(),
                "notes" => Section::Notes.bit(),
                "tasks" => Section::Tasks.bit(),
                "appointments" => Section::Appointments.bit(),
                "ip" => Section::Ip.bit(),
                "insights" => Self::INSIGHTS,
                other => return Err(UnknownPart(other.chars().take(40).collect())),
            };
        }
        Ok(include)
    }

    /// Whether a section is in.
    #[must_use]
    pub const fn has(self, section: Section) -> bool {
        self.0 & section.bit() != 0
    }

    /// Whether insights are in.
    #[must_use]
    pub const fn insights(self) -> bool {
        self.0 & Self::INSIGHTS != 0
    }

    /// With all that `other` has, too.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The sections that are in, in the order of the document.
    pub fn sections(self) -> impl Iterator<Item = Section> {
        Section::ALL.into_iter().filter(move |section| self.has(*section))
    }
}

/// How a section stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SectionStatus {
    /// As the upstream had it, within its fresh time.
    Fresh,
    /// Older than that; a newer one is on its way, or could not be had (then `problem` says why).
    Stale,
    /// The contact has no address.
    Missing,
    /// The address is private, loopback, documentation … (`scope` says which).
    Reserved,
    /// What stands where an address should is none.
    Invalid,
    /// Could not be had (`problem` says why).
    Unavailable,
    /// Not asked for.
    Excluded,
}

/// One section's report within a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SectionReport {
    /// How it stands.
    pub status: SectionStatus,
    /// When it was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub fetched_at: Option<Timestamp>,
    /// Until when it is fresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The kind of a reserved address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Why it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemReport>,
}

impl SectionReport {
    /// A report that is only a status.
    #[must_use]
    pub const fn bare(status: SectionStatus) -> Self {
        Self { status, fetched_at: None, expires_at: None, scope: None, problem: None }
    }
}

/// A problem inside a document that as a whole is a success: RFC 9457 without the status of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemReport {
    /// `/problems/{kind}`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/upstream-timeout")]
    pub kind: String,
    /// Title of the kind.
    pub title: String,
    /// What happened.
    pub detail: String,
    /// What is wrong where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// Who is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamFault>,
    /// When trying again may help, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

impl From<&Problem> for ProblemReport {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: format!("/problems/{}", problem.kind.slug()),
            title: problem.kind.title().to_owned(),
            detail: problem.detail.clone().into_owned(),
            errors: problem.errors.clone(),
            upstream: problem.upstream.clone(),
            retry_after_seconds: problem.retry_after.map(|after| after.as_secs() + u64::from(after.subsec_nanos() > 0)),
        }
    }
}

/// The reports of all sections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "named as the sections")]
pub struct SectionReports {
    pub contact: SectionReport,
    pub notes: SectionReport,
    pub tasks: SectionReport,
    pub appointments: SectionReport,
    pub ip: SectionReport,
}

/// The combined profile, as served. Written piece by piece by `profiles::render`; this type is its schema and its test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile<'a> {
    /// The contact's id.
    pub id: &'a ContactId,
    /// The location it belongs to.
    pub location_id: &'a LocationId,
    /// When this document was made.
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Timestamp,
    /// The contact.
    pub contact: &'a Contact,
    /// Its notes, newest first; `null` if unavailable or excluded.
    pub notes: Option<&'a [Note]>,
    /// Its tasks.
    pub tasks: Option<&'a [Task]>,
    /// Its appointments.
    pub appointments: Option<&'a [Appointment]>,
    /// What is known of its address.
    pub ip: Option<&'a IpIntelligence>,
    /// What follows from the above.
    pub insights: Option<&'a Insights>,
    /// How each section stands.
    pub sections: SectionReports,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_all_but_appointments() {
        assert_eq!(Include::DEFAULT, Include::parse("notes, tasks,ip,insights").unwrap());
        assert!(!Include::DEFAULT.has(Section::Appointments));
        assert_eq!(Include::parse("").unwrap(), Include::NOTHING);
        assert_eq!(Include::ALL.sections().count(), 5);
    }
}
