//! The contacts with fixed ids: the example of the documentation, and one for each oddity that real data has.

use std::time::Duration;

use serde_json::{Value, json};

use super::contact::{AppointmentSeed, ContactSeed, NoteSeed, TaskSeed};
use crate::examples as id;
use crate::tokens;

const DAY: u64 = 86_400;

fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY)
}

fn note(body: &str, age: Duration) -> NoteSeed {
    NoteSeed { body: body.to_owned(), age, title: None }
}

/// The contact of README, documentation and Swagger examples.
pub(super) fn example() -> ContactSeed {
    ContactSeed::new()
        .id(tokens::EXAMPLE_CONTACT)
        .name("Olivia", "Hartley")
        .email("Olivia.Hartley@example.com")
        .phone("+61491570156")
        .country("US")
        .attribution_ip("203.59.12.34")
        .last_attribution_ip("58.111.106.198")
        .tags(["newsletter", "hot lead", "webinar"])
        .field("companyName", "Harbour Light Interiors")
        .field("businessId", tokens::EXAMPLE_BUSINESS)
        .field("address1", "12 Kent Street")
        .field("city", "Sydney")
        .field("state", "NSW")
        .field("postalCode", "2000")
        .field("source", "quote form")
        .field("assignedTo", "sandboxUser000000001")
        .field("dateOfBirth", "1990-09-25T00:00:00.000Z")
        .custom_field(super::FIELD_COLOUR, "sea green")
        .custom_field(super::FIELD_SEATS, 12)
        .custom_field(super::FIELD_INTERESTS, json!(["lighting", "kitchens"]))
        .age(days(45))
        .note_seed(note("Great call! Olivia loved the demo and wants to start next month.", days(2)))
        .note_seed(note(
            "<p>Sent the quote. She was <strong>very happy</strong> with the price &amp; thanked us 😊</p>",
            days(5),
        ))
        .note_seed(note("Asked whether delivery to Perth is possible.", days(11)))
        .note_seed(note("A little annoyed that the first invoice was late, apologised.", days(20)))
        .note_seed(note("Wonderful first meeting, excellent fit for the showroom package.", days(40)))
        .task(TaskSeed {
            title: "Send the revised quote".to_owned(),
            body: Some("With the Perth delivery option".to_owned()),
            due_in_hours: -30,
            completed: false,
        })
        .task(TaskSeed::due_in_hours("Call about the showroom visit", 50))
        .appointment(AppointmentSeed::starts_in_hours("Showroom visit", 73))
}

/// One contact for each oddity, and one for each kind of network.
pub(super) fn odd() -> Vec<ContactSeed> {
    let by_ip = [
        (id::PRIVATE_IP, "Priya", "Local", "192.168.1.23"),
        (id::IPV6, "Jörg", "Sechs", "2a02:8108:8ac0:1e00::5f3"),
        (id::VPN, "Hidden", "Harry", "146.70.120.4"),
        (id::TOR, "Onion", "Otto", "185.220.101.34"),
        (id::HOSTING, "Cloud", "Claire", "3.88.120.5"),
        (id::RELAY, "Relay", "Rita", "172.225.20.33"),
        (id::MOBILE, "Mobile", "Mike", "172.58.27.14"),
        (id::COMMA_LIST, "Proxy", "Paula", "10.0.0.7, 81.2.69.142, 172.16.0.1"),
        (id::IP_WITH_PORT, "Port", "Peter", "86.145.10.5:52114"),
        (id::DOCUMENTATION_IP, "Doc", "Dora", "203.0.113.77"),
        (id::IPV6_WITH_ZONE, "Zone", "Zoë", "fe80::1c2d:3e4f:5a6b:7c8d%en0"),
        (id::MAPPED_IPV4, "Mapped", "Max", "::ffff:91.10.44.3"),
        (id::BRACKETED_IPV6, "Bracket", "Berta", "[2a01:cb08:8d8c:100::7]:443"),
        (id::NONSENSE_IP, "Nonsense", "Nils", "unknown"),
    ];
    let mut contacts: Vec<ContactSeed> =
        by_ip.into_iter().enumerate().map(|(at, (id, first, last, ip))| named(id, first, last, at).ip(ip)).collect();
    contacts.extend(others());
    contacts
}

fn named(id: &str, first: &str, last: &str, at: usize) -> ContactSeed {
    ContactSeed::new()
        .id(id)
        .name(first, last)
        .email(format!("{}@example.net", id.to_lowercase()))
        .phone(format!("+1202555{:04}", 9_000 + at))
        .tags(["example"])
        .age(days(60 + at as u64))
        .note("Seeded as an example.")
}

fn others() -> Vec<ContactSeed> {
    let huge = (1..1_000_u32).fold(named(id::HUGE_NOTES, "Verbose", "Vera", 20), |contact, number| {
        let mood = super::words::NOTES_PLAIN[number as usize % super::words::NOTES_PLAIN.len()];
        contact.note(format!("{mood} ({number}) {}", "More of the same, at length. ".repeat(8)))
    });
    let nameless = ContactSeed { first_name: None, last_name: None, ..named(id::NO_NAMES, "", "", 21) };
    vec![
        huge.ip("86.40.120.9"),
        nameless.ip("85.240.10.4"),
        named(id::EU_IP, "Anneliese", "Weiß", 22).country("DE").timezone("Europe/Berlin").ip("91.10.44.3"),
        named(id::CRM_ONLY, "Manual", "Mona", 23).country("AU").timezone("Australia/Sydney"),
        named(id::NULL_TAGS, "Tagless", "Tim", 24).ip("99.231.80.14").null_tags(),
        named(id::EMPTY_ATTRIBUTION, "Empty", "Emma", 25)
            .extra("attributionSource", json!({}))
            .extra("lastAttributionSource", json!({})),
        named(id::FIRST_ONLY, "First", "Fiona", 26)
            .attribution_ip("70.67.12.200")
            .extra("lastAttributionSource", json!({"sessionSource": "CRM UI", "ip": Value::Null})),
        named(id::OTHER_LOCATION, "Otto", "Anderswo", 27)
            .location(tokens::LOCATION_2)
            .country("GB")
            .ip("92.40.180.1")
            .task(TaskSeed::due_in_hours("Call back", -3))
            .appointment(AppointmentSeed::starts_in_hours("Demo", 20)),
    ]
}
