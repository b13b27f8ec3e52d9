//! From held sections to the bytes of a document: written once, hashed without its timestamps, kept until a section's
//! status or an insight would change by time alone.

use super::{
    entry::{Entry, Slot},
    freshness::{CLOCK_SLACK, Life, Policy, after},
    served::{ContactKey, Rendered},
};
use crate::domain::{
    address::Outcome,
    country,
    insights::{self, Sources},
    problem::{Problem, ProblemKind},
    profile::{Include, ProblemReport, Section, SectionReport, SectionReports, SectionStatus},
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use xxhash_rust::xxh3::Xxh3;

/// A document and for how long it holds.
#[derive(Debug, Clone)]
pub(super) struct Rendering {
    pub(super) include: Include,
    pub(super) document: Arc<Rendered>,
    /// When it was made.
    pub(super) made_at: Timestamp,
    /// Until when not a byte of it would differ, timestamps of its making aside.
    pub(super) valid_until: Timestamp,
    /// Whether every section in it is as good as its upstream is known to have it.
    pub(super) all_fresh: bool,
    /// Fetch time of the section that expires first.
    pub(super) age_from: Timestamp,
    /// When that one expires.
    pub(super) expires_at: Timestamp,
    /// Calls to GHL that it takes to fetch what is in it.
    pub(super) calls: u64,
}

/// What is remembered of a document after a section of it changed.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) include: Include,
    etag: Bytes,
    modified_at: Timestamp,
}

impl Rendering {
    /// Whether it may be told. One made in what is now the future may not: the clock was set back.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now < self.valid_until && self.made_at <= after(now, CLOCK_SLACK)
    }

    pub(super) fn to_past(&self) -> Past {
        Past { include: self.include, etag: self.document.etag.clone(), modified_at: self.document.modified_at }
    }
}

/// What a rendering is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Materials<'a> {
    pub(super) key: &'a ContactKey,
    pub(super) entry: &'a Entry,
    pub(super) policy: &'a Policy,
    pub(super) include: Include,
    pub(super) now: Timestamp,
}

/// One section on its way into the document.
struct Part<'a, T> {
    value: Option<&'a T>,
    report: SectionReport,
}

impl<'a> Materials<'a> {
    /// Writes the document. Fails with the contact section's problem where there is no contact to show.
    pub(super) fn render(self, past: Option<Past>) -> Result<Rendering, Problem> {
        let contact = self.part(Section::Contact, &self.entry.contact);
        let Some(value) = contact.value else { return Err(self.contact_problem()) };
        let notes = self.part(Section::Notes, &self.entry.notes);
        let tasks = self.part(Section::Tasks, &self.entry.tasks);
        let appointments = self.part(Section::Appointments, &self.entry.appointments);
        let (ip, ip_report) = self.ip_part();
        let sources = Sources {
            contact: value,
            crm_country_code: value.country.as_deref().and_then(country::code_from_text),
            notes: notes.value.map(|notes| notes.as_slice()),
            tasks: tasks.value.map(|tasks| tasks.as_slice()),
            appointments: appointments.value.map(|appointments| appointments.as_slice()),
            ip,
        };
        let derived = self.include.insights().then(|| insights::derive(&sources, self.now));
        let changes_at = derived.as_ref().and_then(|_| insights::next_change(&sources, self.now));
        let reports = SectionReports {
            contact: contact.report,
            notes: notes.report,
            tasks: tasks.report,
            appointments: appointments.report,
            ip: ip_report,
        };
        let mut writer = Writer::open();
        writer.field("id", &self.key.contact)?;
        writer.field("locationId", &self.key.location)?;
        writer.dated_field("generatedAt", &self.now)?;
        writer.field("contact", value)?;
        writer.field("notes", &notes.value)?;
        writer.field("tasks", &tasks.value)?;
        writer.field("appointments", &appointments.value)?;
        writer.field("ip", &ip)?;
        writer.field("insights", &derived)?;
        writer.hash_reports(&reports);
        writer.dated_field("sections", &reports)?;
        Ok(self.finish(writer, &reports, changes_at, past))
    }

    fn part<T>(&self, section: Section, slot: &'a Slot<Arc<T>>) -> Part<'a, T> {
        if !self.include.has(section) {
            return Part { value: None, report: SectionReport::bare(SectionStatus::Excluded) };
        }
        let value = slot.usable(self.policy, self.now).map(|held| &*held.value);
        Part { value, report: self.report(section, slot) }
    }

    fn ip_part(&self) -> (Option<&'a crate::domain::ip::IpIntelligence>, SectionReport) {
        if !self.include.has(Section::Ip) {
            return (None, SectionReport::bare(SectionStatus::Excluded));
        }
        let report = self.report(Section::Ip, &self.entry.ip);
        let Some(held) = self.entry.ip.usable(self.policy, self.now) else { return (None, report) };
        let absent = |status, scope| (None, SectionReport { status, scope, ..report.clone() });
        match &held.value.choice.outcome {
            Outcome::Missing => absent(SectionStatus::Missing, None),
            Outcome::Reserved { scope, .. } => absent(SectionStatus::Reserved, Some(*scope)),
            Outcome::Invalid { .. } => absent(SectionStatus::Invalid, None),
            Outcome::Found { .. } => (held.value.intelligence.as_deref(), report),
        }
    }

    fn report<T>(&self, section: Section, slot: &Slot<T>) -> SectionReport {
        let problem = slot.failure.as_ref().map(|failure| ProblemReport::from(&failure.problem));
        let Some(held) = slot.usable(self.policy, self.now) else {
            let problem = problem.or_else(|| Some(ProblemReport::from(&never_fetched(section))));
            return SectionReport { problem, ..SectionReport::bare(SectionStatus::Unavailable) };
        };
        let Life { fetched_at, expires_at } = held.life;
        let fresh = slot.touched.is_none() && self.now < expires_at;
        SectionReport {
            status: if fresh { SectionStatus::Fresh } else { SectionStatus::Stale },
            fetched_at: Some(fetched_at),
            expires_at: Some(expires_at),
            scope: None,
            // A failure since: what is held is still fresh, but a newer read was asked for and could not be had.
            problem,
        }
    }

    /// Why there is no contact to show.
    fn contact_problem(&self) -> Problem {
        let failure = self.entry.contact.failure.as_ref().map(|failure| failure.problem.clone());
        failure.unwrap_or_else(|| never_fetched(Section::Contact))
    }

    fn finish(
        &self,
        writer: Writer,
        reports: &SectionReports,
        changes_at: Option<Timestamp>,
        past: Option<Past>,
    ) -> Rendering {
        let (body, etag) = writer.close();
        let span = self.span(reports);
        let modified_at = past.filter(|past| past.etag == etag).map_or(self.now, |past| past.modified_at);
        let document = Rendered {
            body,
            etag,
            last_modified: Bytes::from(imf_fixdate(modified_at)),
            modified_at,
            cache_control: Bytes::from(self.cache_control(&span)),
            encoded: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
        };
        Rendering {
            include: self.include,
            document: Arc::new(document),
            made_at: self.now,
            valid_until: changes_at.map_or(span.changes_at, |at| at.min(span.changes_at)),
            all_fresh: span.all_fresh,
            age_from: span.age_from,
            expires_at: span.expires_at,
            calls: ghl_sections(reports),
        }
    }

    /// What is missing may be back in a moment: nobody should show its absence for longer.
    fn cache_control(&self, span: &Span) -> String {
        let error = self.policy.stale_if_error.as_secs();
        if span.partial {
            return format!("private, max-age=0, stale-if-error={error}");
        }
        let fresh = span.expires_at.duration_since(span.age_from).as_secs().max(0);
        let stale = self.policy.stale_while_revalidate.as_secs();
        format!("private, max-age={fresh}, stale-while-revalidate={stale}, stale-if-error={error}")
    }

    /// How long the statuses in a document hold, by the ages of its sections.
    fn span(&self, reports: &SectionReports) -> Span {
        let mut span = Span {
            all_fresh: self.include.sections().all(|section| self.entry.touch_of(section).is_none()),
            partial: false,
            age_from: self.now,
            expires_at: Timestamp::MAX,
            changes_at: Timestamp::MAX,
        };
        for report in [&reports.contact, &reports.notes, &reports.tasks, &reports.appointments, &reports.ip] {
            let (Some(fetched_at), Some(expires_at)) = (report.fetched_at, report.expires_at) else {
                let excluded = report.status == SectionStatus::Excluded;
                span.all_fresh &= excluded;
                span.partial |= !excluded;
                continue;
            };
            let fresh = report.status != SectionStatus::Stale && self.now < expires_at;
            span.all_fresh &= fresh;
            let unusable_at = || self.policy.unusable_at(Life { fetched_at, expires_at });
            span.changes_at = span.changes_at.min(if fresh { expires_at } else { unusable_at() });
            if expires_at < span.expires_at {
                (span.age_from, span.expires_at) = (fetched_at, expires_at);
            }
        }
        span
    }
}

/// Sections in a document that come from GHL, each by a call of its own.
fn ghl_sections(reports: &SectionReports) -> u64 {
    let sections = [&reports.contact, &reports.notes, &reports.tasks, &reports.appointments];
    sections.iter().map(|report| u64::from(report.fetched_at.is_some())).sum()
}

/// From when to when a document holds.
struct Span {
    all_fresh: bool,
    /// Whether a section that was asked for could not be had.
    partial: bool,
    age_from: Timestamp,
    expires_at: Timestamp,
    changes_at: Timestamp,
}

/// A section that is included was fetched before rendering, or its failure noted: this is for the log of a defect.
fn never_fetched(section: Section) -> Problem {
    Problem::new(ProblemKind::Internal, "The section was not fetched.")
        .with_cause(format!("section {section} is empty"))
}

/// Writes a JSON object field by field and hashes what is content.
struct Writer {
    body: Vec<u8>,
    hash: Xxh3,
}

impl Writer {
    fn open() -> Self {
        Self { body: Vec::with_capacity(8 * 1024), hash: Xxh3::new() }
    }

    fn dated_field<T: Serialize>(&mut self, name: &'static str, value: &T) -> Result<usize, Problem> {
        self.body.extend_from_slice(if self.body.is_empty() { b"{\"" } else { b",\"" });
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(b"\":");
        let start = self.body.len();
        serde_json::to_writer(&mut self.body, value).map_err(|error| {
            Problem::new(ProblemKind::Internal, "The profile could not be written.").with_cause(error.to_string())
        })?;
        Ok(start)
    }

    fn field<T: Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Problem> {
        let start = self.dated_field(name, value)?;
        self.hash.update(&self.body[start..]);
        self.hash.update(&[0]);
        Ok(())
    }

    /// Statuses are content, but fresh and stale are one: the same data a minute later is still the same data.
    fn hash_reports(&mut self, reports: &SectionReports) {
        for report in [&reports.contact, &reports.notes, &reports.tasks, &reports.appointments, &reports.ip] {
            let word: u8 = match report.status {
                SectionStatus::Fresh | SectionStatus::Stale => 1,
                SectionStatus::Missing => 2,
                SectionStatus::Reserved => 3,
                SectionStatus::Invalid => 4,
                SectionStatus::Unavailable => 5,
                SectionStatus::Excluded => 6,
            };
            self.hash.update(&[word]);
        }
    }

    fn close(mut self) -> (Bytes, Bytes) {
        self.body.push(b'}');
        self.body.shrink_to_fit();
        let etag = format!("W/\"{:032x}\"", self.hash.digest128());
        (Bytes::from(self.body), Bytes::from(etag))
    }
}

/// RFC 9110 §5.6.7, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
fn imf_fixdate(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Age and remaining time of a rendering at `now`.
pub(super) fn age_and_ttl(rendering: &Rendering, now: Timestamp) -> (std::time::Duration, i64) {
    let age = now.duration_since(rendering.age_from).max(SignedDuration::ZERO);
    (age.unsigned_abs(), rendering.expires_at.duration_since(now).as_secs())
}
