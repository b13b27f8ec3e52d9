//! What does not compile, and what is said about it: key, rule, line, column.

use super::*;
use crate::settings::{Settings, Sources};

fn errors(rules: &[RuleSettings]) -> Vec<String> {
    RuleSet::compile(rules).expect_err("they do not compile").iter().map(ToString::to_string).collect()
}

#[test]
fn conditions_are_refused_with_line_and_column() {
    for (when, says) in [
        ("ip.geo.countryCode ==", "line 1, column 20: "),
        ("ip.usable and\n  (ip.geo.inEu", "line 2, column 11: unexpected end of input, expected `)`"),
        ("ip.usable &", "line 1, column 11: unexpected character"),
        ("ip.usable ip.usable", "line 1, column 11: unexpected input after expression"),
        ("'DE", "line 1, column 4: unexpected end of string"),
        ("ip.geo.countryCode|lowr == 'de'", "line 1, column 20: there is no filter \"lowr\""),
        ("ip.usable or\n ip.asn is definde", "line 2, column 12: there is no test \"definde\""),
        ("ip.usable and (false and ip.geo.city|nope)", "line 1, column 38: there is no filter \"nope\""),
        (
            "ip.geo.contryCode == 'DE'",
            "line 1, column 1: a profile has no ip.geo.contryCode; did you mean ip.geo.countryCode?",
        ),
        (
            "true and ip.geo.country_code == 'DE'",
            "line 1, column 10: a profile has no ip.geo.country_code; did you mean ip.geo.countryCode?",
        ),
        ("contact.emial is defined", "line 1, column 1: a profile has no contact.emial; did you mean email?"),
        ("insights.risk.levle == 'high'", "a profile has no insights.risk.levle; did you mean insights.risk.level?"),
        ("range(10)", "line 1, column 1: a profile has no range"),
        ("debug()", "line 1, column 1: a profile has no debug"),
        ("weather == 'fine'", "line 1, column 1: a profile has no weather"),
    ] {
        let errors = errors(&[country(), rule("it", when, "it:", &["it:yes"])]);
        let prefix = "enrichment.rules[1].when (rule \"it\"): ";
        assert!(errors[0].starts_with(prefix) && errors[0].contains(says), "{when:?}: {errors:?}, expected {says:?}");
    }
}

#[test]
fn templates_are_refused_with_line_and_column() {
    for (tag, says) in [
        ("it:{{ ip.geo.countryCode", "line 1, column"),
        ("it:{{ ip.geo.countryCode }}{% if %}", "line 1, column 34: "),
        ("it:{% nonsense %}", "line 1, column 7: unknown statement nonsense"),
        ("it:\n{{ ip.geo.city|lowr }}", "line 2, column 16: there is no filter \"lowr\""),
        ("it:{{ ip.geo.town }}", "line 1, column 7: a profile has no ip.geo.town"),
        ("it:{% include 'x' %}", "line 1, column 7: "),
        ("it:{% macro a() %}{% endmacro %}", "line 1, column 7: "),
    ] {
        let errors = errors(&[rule("it", "", "it:", &["it:yes", tag])]);
        let prefix = "enrichment.rules[0].tags[1] (rule \"it\"): ";
        assert!(errors[0].starts_with(prefix) && errors[0].contains(says), "{tag:?}: {errors:?}, expected {says:?}");
    }
    let errors = errors(&[filling("it", "", "city", "{{ ip.geo.city }")]);
    assert!(errors[0].starts_with("enrichment.rules[0].fields.city (rule \"it\"): line 1, column"), "{errors:?}");
}

#[test]
fn rules_that_contradict_the_contract_are_refused() {
    let long = "x".repeat(300);
    let many = vec!["it:x"; 21];
    for (rules, says) in [
        (vec![rule("a", "", "it", &["it:x"])], "managed_prefix (rule \"a\"): must end with one of"),
        (vec![rule("a", "", ":", &[":x"])], "must begin with a letter or digit"),
        (
            vec![rule("a", "", "it:", &["other"])],
            "tags[0] (rule \"a\"): does not begin with the managed prefix \"it:\"",
        ),
        (vec![rule("a", "", "it:", &["it:"])], "does not begin with the managed prefix"),
        (vec![rule("a", "", "it:", &[&format!("it:{long}")])], "a tag has at most 255 characters"),
        (vec![rule("a", "", "it:", &many)], "tags (rule \"a\"): there are 21; a rule has at most 20"),
        (vec![rule("a", "", "", &[""])], "tags[0] (rule \"a\"): is empty"),
        (vec![rule("a", "", "", &["{{ ip.geo.city }}"])], "begins with an expression; give the rule a managed_prefix"),
        (vec![rule("a", "true", "", &[])], "tags (rule \"a\"): the rule yields neither tags nor fields"),
        (
            vec![rule("a", "", "geo:", &["geo:x"]), rule("b", "", "Geo:EU:", &["geo:eu:x"])],
            "rules[1].managed_prefix (rule \"b\"): begins with \"geo:\", which another rule manages",
        ),
        (
            vec![rule("a", "", "geo:", &["geo:x"]), rule("b", "", "", &["GEO:x"])],
            "rules[1].tags[0] (rule \"b\"): may begin with \"geo:\", which another rule manages",
        ),
        (
            vec![rule("a", "", "geo:", &["geo:x"]), rule("b", "", "", &["ge{{ ip.geo.city }}"])],
            "rules[1].tags[0] (rule \"b\"): may begin with \"geo:\"",
        ),
        (vec![filling("a", "", "email", "x")], "fields.email (rule \"a\"): is for people to fill"),
        (vec![filling("a", "", "time_zone", "x")], "did you mean timezone?"),
        (
            vec![filling("a", "", "country", "DE"), rule("b", "contact.country == 'DE'", "x:", &["x:y"])],
            "rules[1].when (rule \"b\"): reads contact.country, which depends on contact.country, and rule \"a\" fills",
        ),
        (
            vec![filling("a", "", "country", "DE"), rule("b", "insights.country.agreement == 'match'", "x:", &["x:y"])],
            "reads insights.country.agreement, which depends on contact.country",
        ),
        (
            vec![filling("a", "contact.city is not defined", "city", "x")],
            "rules[0].when (rule \"a\"): reads contact.city",
        ),
        (vec![rule("a", &"(".repeat(5000), "it:", &["it:x"])], "has 5000 bytes; a rule's text has at most 4096"),
    ] {
        let errors = errors(&rules);
        assert!(errors.iter().any(|error| error.contains(says)), "{errors:?}, expected {says:?}");
    }
}

#[test]
fn everything_is_said_at_once() {
    let errors = errors(&[
        rule("a", "ip.usable ==", "it", &["{{ ip.", "x|y {{ ip.geo.city|nope }}"]),
        filling("b", "ip.geo.nope", "email", "{{ nope }}"),
    ]);
    let keys: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "enrichment.rules[0].when",
            "enrichment.rules[0].managed_prefix",
            "enrichment.rules[0].tags[0]",
            "enrichment.rules[0].tags[1]",
            "enrichment.rules[1].when",
            "enrichment.rules[1].fields.email",
            "enrichment.rules[1].fields.email",
        ]
    );
}

#[test]
fn redacted_fields_cannot_be_filled() {
    let load = |redact: &str, rule: &str| {
        let sources = Sources::default().with("profile.redact", redact).with("enrichment.rules", rule);
        super::super::compile(&Settings::load(sources).unwrap().settings).map_err(|errors| errors.to_string())
    };
    let fills = "[{ name = 'a', fields = { city = 'x' } }]";
    assert!(load("['phone']", fills).is_ok());
    let error = load("['City']", fills).unwrap_err();
    assert!(error.starts_with("the rules have 1 error:\n  enrichment.rules[0].fields.city (rule \"a\"): "), "{error}");
    assert!(load("['tags']", "[{ name = 'a', tags = ['x'] }]").is_err());
    assert!(load("['customFields']", fills).is_ok());
    assert!(load("['customfields']", "[{ name = 'a', fields = { c1XyZ0aBcDeFgHiJkLmN = 'x' } }]").is_err());
    let address = Sources::default()
        .with("profile.ip_custom_field", "c1XyZ0aBcDeFgHiJkLmN")
        .with("enrichment.rules", "[{ name = 'a', fields = { c1XyZ0aBcDeFgHiJkLmN = 'x' } }]");
    assert!(super::super::compile(&Settings::load(address).unwrap().settings).is_err());
}

#[test]
fn what_is_read_is_what_is_fetched() {
    use crate::domain::profile::{Include, Section};
    assert_eq!(compiled(&[]).include(), Include::NOTHING);
    assert_eq!(compiled(&[rule("a", "contact.dnd", "x:", &["x:y"])]).include(), Include::NOTHING);
    let include = compiled(&[country()]).include();
    assert!(include.has(Section::Ip) && !include.has(Section::Notes) && !include.insights());
    let include = compiled(&[rule("a", "", "x:", &["x:{{ insights.sentiment.label }}"])]).include();
    assert!(include.has(Section::Notes) && !include.has(Section::Ip) && include.insights());
    assert_eq!(compiled(&[rule("a", "insights", "x:", &["x:y"])]).include(), Include::ALL);
}
