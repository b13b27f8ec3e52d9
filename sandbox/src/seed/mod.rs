//! The data every sandbox is born with: two locations, believable contacts with notes, tasks and appointments, most of
//! them captured from the web with a real public address. All of it follows from the seed; dates are counted from the
//! minute the sandbox started.

mod build;
pub(crate) mod contact;
mod people;
mod special;
mod words;

use std::time::Duration;

use contact::{AppointmentSeed, ContactSeed, NoteSeed, TaskSeed};
use serde_json::json;

use crate::clock::Millis;
use crate::ipinfo::table::{HOSTS, Host};
use crate::model::{DuplicatePolicy, FieldDefinition, FieldKind, Location};
use crate::rng::Rng;
use crate::state::State;
use crate::tokens;

/// Custom field `contact.favourite_colour`, TEXT.
pub(crate) const FIELD_COLOUR: &str = "sandboxFieldColour01";
/// Custom field `contact.seats`, NUMERICAL.
pub(crate) const FIELD_SEATS: &str = "sandboxFieldSeats001";
/// Custom field `contact.interests`, CHECKBOX.
pub(crate) const FIELD_INTERESTS: &str = "sandboxFieldInter001";

const SECOND_LOCATION_CONTACTS: usize = 20;
const FURTHER_CONTACTS: usize = 5;
const HOUR: u64 = 3_600;

pub(crate) fn fill(state: &mut State) {
    for location in [
        location(tokens::LOCATION_1, "Sandbox Sydney", "Australia/Sydney", "AU", "Sydney"),
        location(tokens::LOCATION_2, "Sandbox London", "Europe/London", "GB", "London"),
    ] {
        state.locations.insert(location.id.clone(), location);
    }
    let (base, seed, wanted) = (state.clock.seed_base(), state.config.seed, state.config.contacts);
    let fixed = std::iter::once(special::example()).chain(special::odd());
    let (here, elsewhere): (Vec<_>, Vec<_>) = fixed.partition(|contact| contact.location.is_none());
    let mut made = 0;
    for contact in here.into_iter().take(wanted) {
        contact.add_at(state, base);
        made += 1;
    }
    for number in made..wanted {
        person(seed, number, tokens::LOCATION_1).add_at(state, base);
    }
    state.rng = Rng::new(seed ^ 0x2_0000);
    let second = elsewhere.len();
    for contact in elsewhere {
        contact.add_at(state, base);
    }
    for number in second..SECOND_LOCATION_CONTACTS {
        person(seed ^ 0x10CA_7102, 1_000_000 + number, tokens::LOCATION_2).add_at(state, base);
    }
    state.rng = Rng::new(seed ^ 0x3_0000);
    for number in 3..3 + state.config.extra_locations {
        further(state, number, base);
    }
}

/// A location beside the first two. It has a generator of its own, so that the others stay as they are without it.
fn further(state: &mut State, number: usize, base: Millis) {
    let id = tokens::location(number);
    let made = location(&id, &format!("Sandbox No. {number}"), "Etc/UTC", "US", "Springfield");
    state.locations.insert(id.clone(), made);
    let (seed, usual) = (state.config.seed ^ (number as u64) << 32, state.rng.clone());
    state.rng = Rng::new(seed ^ 0x4_0000);
    for contact in 0..FURTHER_CONTACTS {
        person(seed, 2_000_000 + number * FURTHER_CONTACTS + contact, &id).add_at(state, base);
    }
    state.rng = usual;
}

fn location(id: &str, name: &str, timezone: &str, country: &str, city: &str) -> Location {
    let field = |id: &str, key: &str, name: &str, kind| FieldDefinition {
        id: id.to_owned(),
        key: format!("contact.{key}"),
        name: name.to_owned(),
        kind,
    };
    Location {
        id: id.to_owned(),
        company_id: tokens::COMPANY.to_owned(),
        name: name.to_owned(),
        timezone: timezone.to_owned(),
        country: country.to_owned(),
        city: city.to_owned(),
        policy: DuplicatePolicy::default(),
        custom_fields: vec![
            field(FIELD_COLOUR, "favourite_colour", "Favourite colour", FieldKind::Text),
            field(FIELD_SEATS, "seats", "Seats", FieldKind::Numerical),
            field(FIELD_INTERESTS, "interests", "Interests", FieldKind::Checkbox),
            field("sandboxFieldRenew001", "renewal", "Renewal", FieldKind::Date),
            field("sandboxFieldValue001", "deal_value", "Deal value", FieldKind::Monetory),
            field("sandboxFieldPlan0001", "plan", "Plan", FieldKind::SingleOptions),
            field("sandboxFieldTopic001", "topics", "Topics", FieldKind::MultipleOptions),
            field("sandboxFieldAbout001", "about", "About", FieldKind::LargeText),
            field("sandboxFieldFile0001", "contract", "Contract", FieldKind::FileUpload),
            field("sandboxFieldIpCity01", "ip_city", "IP city", FieldKind::Text),
            field("sandboxFieldIpCtry01", "ip_country", "IP country", FieldKind::Text),
        ],
        tags: Vec::new(),
    }
}

/// The `number`-th person; the same whatever stands before or after.
fn person(seed: u64, number: usize, location: &str) -> ContactSeed {
    let mut rng = Rng::new(seed.wrapping_mul(0x9E37).wrapping_add(number as u64));
    let culture = &people::CULTURES[rng.below(people::CULTURES.len())];
    let (first, first_slug) = culture.firsts[rng.below(culture.firsts.len())];
    let (last, last_slug) = culture.lasts[rng.below(culture.lasts.len())];
    let home = culture.countries[rng.below(culture.countries.len())];
    let domain = ["example.com", "example.org", "example.net"][rng.below(3)];
    let age = Duration::from_secs(HOUR * (24 + rng.below(24 * 700) as u64) + rng.below(3_600) as u64);
    let mut contact = ContactSeed::new()
        .id(rng.id20())
        .location(location)
        .name(first, last)
        .email(format!("{first_slug}.{last_slug}{number}@{domain}"))
        .phone(format!("+{}5550{:05}", people::calling_code(home), number % 100_000))
        .age(age);
    let host = host_for(&mut rng, home);
    if rng.percent(75) {
        contact = contact.last_attribution_ip(host.ip);
        let same = rng.percent(70);
        let first_host = if same { host } else { host_for(&mut rng, home) };
        contact = contact.attribution_ip(first_host.ip);
    }
    contact = typed_place(contact, &mut rng, home, host);
    contact = belongings(contact, &mut rng);
    history(contact, &mut rng, age)
}

/// Mostly somebody at home in their country, sometimes anybody anywhere.
fn host_for(rng: &mut Rng, home: &str) -> &'static Host {
    let at_home: Vec<&Host> =
        HOSTS.iter().filter(|host| host.is_personal() && host.place().country_code == home).collect();
    match rng.pick(&at_home) {
        Some(host) if rng.percent(85) => host,
        _ => &HOSTS[rng.below(HOSTS.len())],
    }
}

fn typed_place(mut contact: ContactSeed, rng: &mut Rng, home: &str, host: &'static Host) -> ContactSeed {
    if rng.percent(80) {
        contact = contact.country(home);
    }
    if rng.percent(40) && host.place().country_code == home {
        let place = host.place();
        contact = contact
            .timezone(place.timezone)
            .field("city", place.city)
            .field("state", place.region_code)
            .field("postalCode", place.postal)
            .field("address1", format!("{} Example Street", 1 + rng.below(200)));
    }
    contact
}

fn belongings(mut contact: ContactSeed, rng: &mut Rng) -> ContactSeed {
    let tags: Vec<&str> = words::TAGS.iter().copied().filter(|_| rng.percent(22)).collect();
    contact = contact.tags(tags);
    if rng.percent(35) {
        contact = contact.field("companyName", words::COMPANIES[rng.below(words::COMPANIES.len())]);
        let business = if rng.percent(20) { tokens::EXAMPLE_BUSINESS } else { "63771dcac1116f0e21de8e13" };
        contact = contact.field("businessId", business);
    }
    if rng.percent(50) {
        contact = contact.field("source", ["website", "facebook", "referral", "trade fair"][rng.below(4)]);
    }
    if rng.percent(45) {
        let colours = ["blue", "vermilion", "grün", "красный", "sea green"];
        contact = contact.custom_field(FIELD_COLOUR, colours[rng.below(colours.len())]);
    }
    if rng.percent(30) {
        contact = contact.custom_field(FIELD_SEATS, 1 + rng.below(50));
    }
    if rng.percent(20) {
        contact = contact.custom_field(FIELD_INTERESTS, json!(["lighting", "kitchens"]));
    }
    contact
}

/// Notes, tasks and appointments since the contact was added.
fn history(mut contact: ContactSeed, rng: &mut Rng, age: Duration) -> ContactSeed {
    let count = rng.below(7);
    let span = age.as_secs().max(2);
    for number in 0..count {
        let pool = [words::NOTES_GOOD, words::NOTES_BAD, words::NOTES_PLAIN, words::NOTES_OTHER];
        let pool = pool[rng.below(pool.len())];
        let part = span * (number as u64 + 1) / (count as u64 + 1);
        let jitter = rng.below(3_600) as u64;
        let age = Duration::from_secs(part.saturating_sub(jitter));
        contact = contact.note_seed(NoteSeed { body: pool[rng.below(pool.len())].to_owned(), age, title: None });
    }
    for _ in 0..rng.below(4) {
        let hours = rng.below(24 * 40) as i64 - 24 * 20;
        let task = TaskSeed::due_in_hours(words::TASKS[rng.below(words::TASKS.len())], hours);
        contact = contact.task(if rng.percent(30) { task.completed() } else { task });
    }
    if rng.percent(25) {
        let hours = rng.below(24 * 30) as i64 - 24 * 15;
        let status = match hours {
            ..0 => ["showed", "noshow", "cancelled"][rng.below(3)],
            _ => ["confirmed", "new"][rng.below(2)],
        };
        let title = words::EVENTS[rng.below(words::EVENTS.len())];
        contact = contact.appointment(AppointmentSeed::starts_in_hours(title, hours).status(status));
    }
    contact
}
