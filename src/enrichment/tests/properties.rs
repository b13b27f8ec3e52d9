//! What holds for every set of rules and every contact: carried out once, a plan leaves nothing to do, and nothing that is
//! a person's is touched.

use super::*;
use proptest::{prelude::*, sample::subsequence};

fn pool() -> Vec<RuleSettings> {
    vec![
        country(),
        rule("eu", "(ip.usable or undecided) and ip.geo.inEu", "eu:", &["eu:member"]),
        rule("net", "ip.traits.hosting", "net-", &["net-hosting", "Net-{{ ip.asn.name }}"]),
        rule("mobile", "ip.traits.mobile", "net-", &["net-mobile"]),
        rule("mismatch", "insights.country.agreement == 'mismatch'", "check:", &["check:{{ contact.country|lower }}"]),
        rule("counts", "", "n:", &["n:{{ contact.tags|length }}", "n:{{ contact.customFields|length }}"]),
        rule("flip", "'n:1' not in contact.tags", "flip:", &["flip:flop"]),
        rule("plain", "contact.tags|length > 1", "", &["Busy", "seen {{ contact.tags|first }}"]),
        rule("broken", "contact.firstName + 1 == 2", "broken:", &["broken:x"]),
        filling("zone", "ip.usable", "timezone", "{{ ip.geo.timezone }}"),
        filling("city", "", "city", "{{ ip.geo.city }}"),
        filling("operator", "", "c1XyZ0aBcDeFgHiJkLmN", "{{ ip.asn.name }}"),
    ]
}

fn tags() -> impl Strategy<Value = Vec<&'static str>> {
    let held = [
        "vip",
        "Busy",
        "geo:de",
        "GEO:AU",
        "geography",
        "net-mobile",
        "network",
        "n:1",
        "flip:flop",
        "flip",
        "eu:member",
        "check:us",
        "seen vip",
        "unseen",
        " padded ",
        "broken:x",
        "ÄÖ",
        "it's",
    ];
    subsequence(held.to_vec(), 0..=held.len())
}

fn maybe<T: Into<Value> + Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 3 => proptest::sample::select(values).prop_map(Into::into)]
}

fn profiles() -> impl Strategy<Value = Value> {
    let facts = (
        maybe(vec!["AU", "DE"]),
        maybe(vec![true, false]),
        maybe(vec![true, false]),
        maybe(vec![true, false]),
        maybe(vec!["UTC", "Nowhere/Land", ""]),
        maybe(vec!["Bonn", ""]),
        maybe(vec!["match", "mismatch", "unknown"]),
    );
    let sections = proptest::sample::select(vec!["fresh", "stale", "missing", "unavailable"]);
    (tags(), facts, any::<bool>(), sections).prop_map(|(tags, facts, usable, ip)| {
        let (code, eu, hosting, mobile, zone, city, agreement) = facts;
        let mut it = profile();
        for (pointer, value) in [
            ("/contact/tags", json!(tags)),
            ("/ip/usable", json!(usable)),
            ("/ip/geo/countryCode", code),
            ("/ip/geo/inEu", eu),
            ("/ip/traits/hosting", hosting),
            ("/ip/traits/mobile", mobile),
            ("/contact/timezone", zone),
            ("/contact/city", city),
            ("/insights/country/agreement", agreement),
            ("/sections/ip/status", json!(ip)),
        ] {
            it = with(it, pointer, value);
        }
        if ip == "fresh" || ip == "stale" { it } else { with(it, "/ip", Value::Null) }
    })
}

proptest! {
    #[test]
    fn a_second_time_there_is_nothing_to_do(rules in subsequence(pool(), 0..=12), profile in profiles()) {
        let before = profile.clone();
        let mut after = profile;
        let plan = planned(&rules, &after);
        carry_out(&mut after, &plan);
        let second = planned(&rules, &after);
        prop_assert!(is_empty(&second), "first {plan:?}, second {second:?}");
        let managed: Vec<_> = rules.iter().map(|rule| &*rule.managed_prefix).filter(|it| !it.is_empty()).collect();
        for tag in before["contact"]["tags"].as_array().unwrap() {
            let folded = tag.as_str().unwrap().trim().to_lowercase();
            let own = !managed.iter().any(|prefix| folded.starts_with(prefix));
            prop_assert!(!own || after["contact"]["tags"].as_array().unwrap().contains(tag), "{tag} is a person's");
        }
        for field in ["timezone", "city", "country", "email", "firstName"] {
            let typed = before["contact"][field].as_str().is_some_and(|text| !text.is_empty());
            prop_assert!(!typed || before["contact"][field] == after["contact"][field]);
        }
    }

    #[test]
    fn only_what_was_asked_for_changes(
        rules in subsequence(pool(), 0..=12),
        asked in subsequence(vec!["country", "net", "mobile", "counts", "zone"], 0..=5),
        profile in profiles(),
    ) {
        let whole = planned(&rules, &profile);
        let part = planned_for(&rules, &profile, |name| asked.contains(&name));
        prop_assert!(part.add_tags.iter().all(|tag| whole.add_tags.contains(tag)));
        prop_assert!(part.remove_tags.iter().all(|tag| whole.remove_tags.contains(tag)));
        prop_assert!(part.set_fields.iter().all(|set| asked.contains(&&*set.rule)));
    }
}
