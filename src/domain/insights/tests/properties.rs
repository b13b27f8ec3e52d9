//! What holds whatever the sources are.

use super::*;
use jiff::{SignedDuration, civil, tz::TimeZone};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Instants around a few days, so that they meet; and the ends of time.
fn instants() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (-60 * 86_400..60 * 86_400_i64).prop_map(|s| at("2026-11-22T08:00:00Z") + SignedDuration::from_secs(s)),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        vec(
            select(vec![
                "good",
                "GREAT!!!",
                "not",
                "never so",
                "but",
                "😡",
                "👨🏿‍🎓",
                "no",
                "at least",
                "ß",
                "İ",
                "\u{200d}"
            ]),
            0..40
        )
        .prop_map(|words| words.join(" ")),
        (select(vec!["a", "!", "?", "😀", "n't", "お", "\u{301}", "so the shit "]), 0..3_000_usize)
            .prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn zone_names() -> impl Strategy<Value = Option<String>> {
    let names = vec!["Australia/Sydney", "America/Denver", "Europe/Dublin", "Asia/Kathmandu", "UTC", "nowhere", ""];
    option::of(select(names).prop_map(str::to_owned))
}

fn event_times() -> impl Strategy<Value = EventTime> {
    let wall = prop_oneof![
        4 => instants().prop_map(|at| TimeZone::UTC.to_datetime(at)),
        1 => Just(civil::DateTime::MIN),
        1 => Just(civil::DateTime::MAX),
    ];
    prop_oneof![
        instants().prop_map(|at| EventTime::Zoned(at.to_zoned(TimeZone::UTC))),
        wall.prop_map(EventTime::Zoneless),
    ]
}

fn addresses() -> impl Strategy<Value = IpIntelligence> {
    let flag = || option::of(any::<bool>());
    let because = select(vec![Unusable::Vpn, Unusable::Hosting, Unusable::Reserved, Unusable::OwnServer]);
    (zone_names(), option::of("[A-Z]{2}"), option::of(because), flag(), flag(), flag(), flag()).prop_map(
        |(timezone, country_code, because, tor, relay, anonymous, hosting)| IpIntelligence {
            geo: Geo { timezone, country_code, ..Geo::default() },
            privacy: Privacy { tor, relay, anonymous, ..Privacy::default() },
            traits: Traits { hosting, ..Traits::default() },
            usable: because.is_none(),
            unusable_because: because.into_iter().collect(),
            ..sydney()
        },
    )
}

fn held() -> impl Strategy<Value = Held> {
    let ids = || "[a-z0-9]{1,8}";
    let notes = vec((ids(), texts(), option::of(instants())), 0..6);
    let tasks = vec((ids(), option::of(instants()), any::<bool>()), 0..6);
    let status = option::of(select(vec!["confirmed", "cancelled", "noshow", "?"]));
    let appointments = vec((ids(), option::of(event_times()), status), 0..6);
    let country = option::of(select(vec!["US", "AU"]).prop_map(str::to_owned));
    (option::of(notes), option::of(tasks), option::of(appointments), option::of(addresses()), zone_names(), country)
        .prop_map(|(notes, tasks, appointments, ip, timezone, crm_country_code)| Held {
            contact: Contact { timezone, ..contact() },
            crm_country_code,
            notes: notes.map(|all| all.into_iter().map(|(id, text, added)| note(&id, &text, added)).collect()),
            tasks: tasks.map(|all| all.into_iter().map(|(id, due, done)| task(&id, due, done)).collect()),
            appointments: appointments
                .map(|all| all.into_iter().map(|(id, start, status)| appointment(&id, start, status)).collect()),
            ip,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn insights_are_within_their_bounds(held in held(), now in instants()) {
        let insights = derive(&held.sources(), now);
        prop_assert!(serde_json::to_string(&insights).is_ok());
        if let Some(sentiment) = &insights.sentiment {
            prop_assert!((-1.0..=1.0).contains(&sentiment.score) && sentiment.notes_scored > 0);
        }
        for it in insights.follow_ups.iter().flatten() {
            let due_before_now = it.kind == FollowUpKind::Task && it.due_at.is_some_and(|due| due < now);
            prop_assert_eq!(it.overdue, due_before_now);
        }
        if let Some(activity) = &insights.activity {
            prop_assert_eq!(activity.by_weekday.iter().sum::<u32>(), activity.by_hour.iter().sum::<u32>());
            prop_assert!(activity.notes_last_30_days <= activity.notes);
        }
        prop_assert_eq!(insights.risk.is_some(), held.ip.is_some());
        prop_assert_eq!(insights.activity.is_some(), held.notes.is_some());
    }

    #[test]
    fn nothing_changes_before_next_change(held in held(), now in instants(), fraction in 0.0..1.0_f64) {
        let next = next_change(&held.sources(), now);
        prop_assert!(next.is_none_or(|next| next > now));
        let last = next.map_or(Timestamp::MAX, |next| next - SignedDuration::from_nanos(1));
        let between = now + last.duration_since(now).mul_f64(fraction);
        for later in [between.min(last), last] {
            prop_assert_eq!(derive(&held.sources(), later), derive(&held.sources(), now), "at {}", later);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(held in held(), now in instants()) {
        let mut turned = held.clone();
        turned.notes.iter_mut().for_each(|all| all.reverse());
        turned.tasks.iter_mut().for_each(|all| all.reverse());
        turned.appointments.iter_mut().for_each(|all| all.reverse());
        prop_assert_eq!(derive(&turned.sources(), now), derive(&held.sources(), now));
        prop_assert_eq!(next_change(&turned.sources(), now), next_change(&held.sources(), now));
    }
}
