//! The insights as a whole: what each example yields, and what holds whatever the sources are.

mod examples;
mod properties;

use super::*;
use crate::domain::{
    appointment::EventTime,
    contact::Attribution,
    ids::{AppointmentId, ContactId, NoteId, TaskId},
    ip::{AddressOrigin, Backend, Geo, Precision, Privacy, Provider, Scope, Traits, Unusable},
};
use serde_json::Map;

/// What [`Sources`] borrows.
#[derive(Debug, Clone)]
struct Held {
    contact: Contact,
    crm_country_code: Option<String>,
    notes: Option<Vec<Note>>,
    tasks: Option<Vec<Task>>,
    appointments: Option<Vec<Appointment>>,
    ip: Option<IpIntelligence>,
}

impl Held {
    fn sources(&self) -> Sources<'_> {
        Sources {
            contact: &self.contact,
            crm_country_code: self.crm_country_code.as_deref(),
            notes: self.notes.as_deref(),
            tasks: self.tasks.as_deref(),
            appointments: self.appointments.as_deref(),
            ip: self.ip.as_ref(),
        }
    }

    fn derive(&self, now: &str) -> Insights {
        derive(&self.sources(), at(now))
    }

    fn next_change(&self, now: &str) -> Option<Timestamp> {
        next_change(&self.sources(), at(now))
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A contact of whom nothing else is held.
fn nothing() -> Held {
    let contact = contact();
    Held { contact, crm_country_code: None, notes: None, tasks: None, appointments: None, ip: None }
}

fn contact() -> Contact {
    Contact {
        id: ContactId::parse("seD4PfOuKoVMLkEZqohJ").unwrap(),
        location_id: None,
        kind: None,
        name: None,
        first_name: None,
        last_name: None,
        email: None,
        phone: None,
        additional_emails: vec![],
        additional_phones: vec![],
        company_name: None,
        business_id: None,
        address1: None,
        city: None,
        state: None,
        postal_code: None,
        country: None,
        timezone: None,
        website: None,
        date_of_birth: None,
        source: None,
        assigned_to: None,
        followers: vec![],
        dnd: None,
        tags: vec![],
        custom_fields: vec![],
        attribution: Attribution::default(),
        date_added: None,
        date_updated: None,
        last_activity: None,
        extra: Map::new(),
    }
}

fn note(id: &str, text: &str, added: Option<Timestamp>) -> Note {
    Note {
        id: NoteId::parse(id).unwrap(),
        contact_id: None,
        title: None,
        body: text.to_owned(),
        text: text.to_owned(),
        user_id: None,
        color: None,
        pinned: None,
        date_added: added,
        date_updated: None,
        extra: Map::new(),
    }
}

/// English notes, newest first, a day apart.
fn notes(texts: &[&str]) -> Vec<Note> {
    let day = |n: usize| at("2026-11-20T12:00:00Z") - jiff::SignedDuration::from_hours(24 * i64::try_from(n).unwrap());
    texts.iter().enumerate().map(|(n, text)| note(&format!("n{n}"), text, Some(day(n)))).collect()
}

fn task(id: &str, due: Option<Timestamp>, completed: bool) -> Task {
    Task {
        id: TaskId::parse(id).unwrap(),
        contact_id: None,
        title: Some(format!("Task {id}")),
        body: None,
        assigned_to: None,
        due_date: due,
        completed,
        extra: Map::new(),
    }
}

fn appointment(id: &str, start: Option<EventTime>, status: Option<&str>) -> Appointment {
    Appointment {
        id: AppointmentId::parse(id).unwrap(),
        contact_id: None,
        location_id: None,
        calendar_id: None,
        title: None,
        status: status.map(str::to_owned),
        assigned_user_id: None,
        notes: None,
        address: None,
        start_time: start,
        end_time: None,
        date_added: None,
        date_updated: None,
        extra: Map::new(),
    }
}

/// The contract's address: a usable one in Sydney.
fn sydney() -> IpIntelligence {
    let no = Some(false);
    IpIntelligence {
        address: "58.111.106.198".parse().unwrap(),
        origin: AddressOrigin::AttributionLast,
        version: 4,
        scope: Scope::Global,
        network: None,
        geo: Geo {
            country_code: Some("AU".to_owned()),
            timezone: Some("Australia/Sydney".to_owned()),
            ..Geo::default()
        },
        asn: None,
        company: None,
        carrier: None,
        privacy: Privacy { anonymous: no, vpn: no, proxy: no, tor: no, relay: no, ..Privacy::default() },
        traits: Traits { hosting: no, ..Traits::default() },
        usable: true,
        unusable_because: vec![],
        provider: Provider {
            backend: Backend::Api,
            plan: None,
            precision: Precision::City,
            database_built_at: None,
            degraded: false,
        },
    }
}

/// The same, where the address says little about the person.
fn unusable(because: Unusable) -> IpIntelligence {
    IpIntelligence { usable: false, unusable_because: vec![because], ..sydney() }
}
