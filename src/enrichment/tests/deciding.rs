//! What rules come to, and the difference that makes.

use super::*;
use RuleVerdict::{Failed, Matched, NotMatched, Undecided};

fn judged(when: &str, profile: &Value) -> RuleVerdict {
    verdict(rule("it", when, "it:", &["it:yes"]), profile).0
}

#[test]
fn conditions_are_three_valued() {
    for (when, expected) in [
        ("", Matched),
        ("ip.geo.countryCode == 'AU'", Matched),
        ("ip.geo.countryCode in ['AT', 'DE']", NotMatched),
        ("ip.geo.countryCode|lower ~ '!' == 'au!'", Matched),
        ("ip.traits.anycast", Undecided),
        ("not ip.traits.anycast", Undecided),
        ("ip.traits.anycast == true", Undecided),
        ("ip.traits.mobile and ip.traits.anycast", Undecided),
        ("ip.traits.hosting and ip.traits.anycast", NotMatched),
        ("ip.traits.mobile or ip.traits.anycast", Matched),
        ("ip.traits.anycast|default(false)", NotMatched),
        ("ip.traits.anycast is not defined", Matched),
        ("ip.company.name == 'x'", Undecided),
        ("ip.geo.postalCode|length > 3", Undecided),
        ("insights.risk.level == 'high'", Undecided),
        ("undecided", Undecided),
        ("ip.traits.hosting or undecided", Undecided),
        ("contact.visitorId == 'x'", Undecided),
        ("none", NotMatched),
        ("ip.geo.countryCode > 3 and 'x' + 3 == 1", Failed),
        ("contact.email|int == 3", Failed),
    ] {
        assert_eq!(judged(when, &profile()), expected, "{when:?}");
    }
}

#[test]
fn a_section_that_could_not_be_had_leaves_its_rules_undecided() {
    let gone = without_ip(profile());
    for when in ["ip.usable", "ip is not defined", "insights.country.agreement == 'mismatch'"] {
        assert_eq!(judged(when, &gone), Undecided, "{when:?}");
    }
    assert_eq!(judged("contact.firstName == 'Ada'", &gone), Matched, "what does not read it is decided");
    let none = with(gone, "/sections/ip/status", json!("missing"));
    assert_eq!(judged("ip is not defined", &none), Matched, "that there is no address is known");
    assert_eq!(judged("ip.usable", &none), Undecided);
    let why = outcomes(&[country()], &without_ip(profile())).remove(0).why;
    assert_eq!(why, "The section ip, which it reads, could not be had.");
}

#[test]
fn steps_and_output_are_bounded() {
    let loops = "{% for a in 'x' * 1000 %}{% for b in 'x' * 1000 %}{% endfor %}{% endfor %}";
    let outcome = outcomes(&[rule("it", "", "it:", &[&format!("it:{loops}")])], &profile()).remove(0);
    assert_eq!(outcome.verdict, Failed);
    assert!(outcome.why.contains("takes too many steps"), "{}", outcome.why);
    let outcome = outcomes(&[rule("it", "", "it:", &["it:{{ 'x' * 5000 }}"])], &profile()).remove(0);
    assert!(outcome.verdict == Failed && outcome.why.contains("more than 4096 bytes"), "{}", outcome.why);
    let outcome = outcomes(&[rule("it", "", "it:", &["it:{{ 'x' * 300 }}"])], &profile()).remove(0);
    assert!(outcome.verdict == Failed && outcome.why.contains("at most 255 characters"), "{}", outcome.why);
}

#[test]
fn tags_are_as_ghl_keeps_them() {
    let tags = |templates: &[&str]| verdict(rule("it", "", "it:", templates), &profile()).1;
    assert_eq!(tags(&["  IT:{{ ip.geo.countryCode }} ", "it:au"]), ["it:au"], "trimmed, lower case, each once");
    assert_eq!(tags(&["it:{{ '' }}", "it:{{ ' ' }}"]), Vec::<String>::new(), "a prefix alone is no tag");
    assert_eq!(tags(&["it:<b>&amp;"]), ["it:<b>&amp;"], "nothing is escaped");
    let outcome = verdict(rule("it", "", "it:", &["{{ ip.geo.countryCode }}"]), &profile());
    assert_eq!(outcome, (Failed, Vec::new()), "not under its prefix");
    assert_eq!(verdict(rule("it", "", "it:", &["it:a", "it:{{ ip.company.name }}"]), &profile()).0, Undecided);
}

#[test]
fn why_names_what_was_read_and_no_personal_value() {
    let why = |when: &str| outcomes(&[rule("it", when, "it:", &["it:x"])], &profile()).remove(0).why;
    assert_eq!(why("ip.geo.countryCode == 'AU'"), "It holds: ip.geo.countryCode is AU.");
    assert_eq!(why("ip.traits.hosting"), "It does not hold: ip.traits.hosting is false.");
    assert_eq!(why("ip.traits.anycast"), "Not known: ip.traits.anycast.");
    assert_eq!(why("ip.traits.hosting or undecided"), "Its condition leaves it undecided: ip.traits.hosting is false.");
    assert_eq!(why(""), "It holds always.");
    let told = why("contact.email and contact.firstName and ip.address and contact.tags and contact.country");
    assert_eq!(
        told,
        "It holds: contact.country is US, contact.email is known, contact.firstName is known, contact.tags has 1 entries, ip.address is known."
    );
    let failed = why("contact.email|int == 3");
    assert!(failed.contains("line 1, column") && !failed.contains("ada@"), "{failed}");
}

#[test]
fn a_moved_contact_loses_the_old_managed_tag_and_keeps_a_persons_own() {
    let own = ["newsletter", "geography", "Geo Fan", "DE", "geo", "vip"];
    let mut tags = vec!["geo:de", "GEO:At"];
    tags.extend(own);
    let mut profile = with(profile(), "/contact/tags", json!(tags));
    let plan = planned(&[country()], &profile);
    assert_eq!(
        (plan.add_tags.as_slice(), plan.remove_tags.as_slice()),
        (&["geo:au".to_owned()][..], &["geo:at".to_owned(), "geo:de".to_owned()][..])
    );
    carry_out(&mut profile, &plan);
    let mut expected = own.to_vec();
    expected.push("geo:au");
    assert_eq!(profile["contact"]["tags"], json!(expected));
    assert!(is_empty(&planned(&[country()], &profile)), "a second time there is nothing to do");
}

#[test]
fn nothing_is_removed_while_a_rule_of_the_prefix_is_open() {
    let rules = [country(), rule("vpn", "ip.privacy.vpn", "geo:", &["geo:vpn"])];
    let held = with(profile(), "/contact/tags", json!(["geo:vpn", "geo:de"]));
    assert_eq!(planned(&rules, &held).remove_tags, ["geo:de", "geo:vpn"]);
    let unknown = with(held.clone(), "/ip/privacy/vpn", Value::Null);
    let plan = planned(&rules, &unknown);
    assert_eq!((plan.add_tags, plan.remove_tags), (vec!["geo:au".to_owned()], Vec::new()));
    assert_eq!(plan.kept[0].why, "The rule \"vpn\", which may have given it, is undecided.");
    let plan = planned_for(&rules, &held, |name| name == "country");
    assert_eq!((plan.add_tags, plan.remove_tags), (vec!["geo:au".to_owned()], Vec::new()), "vpn was not asked for");
    let plan = planned_for(&rules, &held, |_| false);
    assert!(is_empty(&plan) && plan.kept.is_empty());
    assert!(is_empty(&planned(&rules, &without_ip(held))));
}

#[test]
fn rules_without_a_prefix_only_add() {
    let rules = [rule("mobile", "ip.traits.mobile", "", &["On the Go"])];
    assert_eq!(planned(&rules, &profile()).add_tags, ["on the go"]);
    let still = with(with(profile(), "/ip/traits/mobile", json!(false)), "/contact/tags", json!(["on the go"]));
    assert!(is_empty(&planned(&rules, &still)));
}

#[test]
fn rules_do_not_see_what_rules_give() {
    // Each would feed on itself or another: now one, now the other.
    let rules = [
        rule("flip", "'it:x' not in contact.tags", "it:", &["it:x"]),
        rule("count", "", "n:", &["n:{{ contact.tags|length }}"]),
        rule("chain", "'plain' in contact.tags", "", &["chained"]),
        rule("plain", "", "", &["Plain"]),
        rule("seen", "", "", &["seen {{ contact.tags|join(' ') }}"]),
    ];
    let mut profile = profile();
    let first = planned(&rules, &profile);
    assert_eq!(first.add_tags, ["it:x", "n:1", "plain", "seen newsletter"]);
    carry_out(&mut profile, &first);
    assert!(is_empty(&planned(&rules, &profile)));
}

#[test]
fn only_empty_fields_are_filled() {
    let custom = "c1XyZ0aBcDeFgHiJkLmN";
    let rules = [
        filling("zone", "ip.usable", "timezone", "{{ ip.geo.timezone }}"),
        filling("city", "", "city", "{{ ip.geo.city }}"),
        filling("again", "", "timezone", "UTC"),
        filling("operator", "", custom, "{{ ip.asn.name }}"),
        filling("postal", "", "postalCode", "{{ ip.geo.postalCode }}"),
        filling("state", "", "state", "{{ '' }}"),
        filling("country", "", "country", "Australia"),
    ];
    let profile = with(profile(), "/contact/country", Value::Null);
    let plan = planned(&rules, &profile);
    let set: Vec<_> = plan.set_fields.iter().map(|set| (set.field.as_str(), set.value.as_str().unwrap())).collect();
    assert_eq!(set, [("timezone", "Australia/Sydney"), (custom, "Microplex PTY LTD")]);
    let kept: Vec<_> = plan.kept.iter().map(|kept| (kept.rule.as_str(), kept.what.as_str())).collect();
    assert_eq!(kept, [("city", "city"), ("again", "timezone"), ("postal", "postalCode"), ("country", "country")]);
    let mut after = profile;
    carry_out(&mut after, &plan);
    assert!(is_empty(&planned(&rules, &after)));
}

#[test]
fn an_explanation_masks_what_is_personal_in_tags_too() {
    let told = |tag: &str| outcomes(&[rule("it", "", "it:", &[tag])], &profile()).remove(0).tags;
    assert_eq!(told("it:{{ ip.geo.countryCode }}"), ["it:au"]);
    for personal in
        ["it:{{ contact.email }}", "IT:{{ ip.geo.city }}", "it:{{ ip.geo|length }}", "it:{{ contact|length }}"]
    {
        assert_eq!(told(personal), ["it:…"], "{personal}");
    }
    let planned = planned(&[rule("it", "", "it:", &["it:{{ ip.geo.city }}"])], &profile());
    assert_eq!(planned.add_tags, ["it:sydney"], "what is written is not masked");
}
