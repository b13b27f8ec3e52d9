//! The rules that `settings.default.toml` proposes, and those of the demo: they load, compile and do what they say.

use super::*;
use crate::settings::{DEFAULTS, Settings, Sources};

/// The proposed rules as a settings file would hold them.
fn proposed() -> Vec<RuleSettings> {
    let start = DEFAULTS.find("rules = []").expect("the key");
    let commented = DEFAULTS[start..].lines().skip(1).filter_map(|line| line.strip_prefix("# "));
    let file: String = commented.skip_while(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let table: toml::Table = file.parse().expect("TOML");
    let rules = table["enrichment"]["rules"].clone();
    let loaded = Settings::load(Sources::default().with("enrichment.rules", rules)).expect("they load");
    loaded.settings.enrichment.rules
}

#[test]
fn the_proposed_rules_yield_what_they_say() {
    let rules = proposed();
    let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let expected = ["country", "continent", "eu", "time-zone", "hosting", "vpn", "mobile", "network-operator"];
    assert_eq!(names, [&expected[..], &["country-mismatch"]].concat());
    let plan = planned(&rules, &profile());
    assert_eq!(
        plan.add_tags,
        [
            "geo:country:au",
            "geo:continent:oc",
            "net:mobile:yes",
            "net:operator:microplex pty ltd",
            "check:country-mismatch"
        ]
    );
    assert_eq!(plan.set_fields[0].value, "Australia/Sydney");
    let mut after = profile();
    carry_out(&mut after, &plan);
    assert!(is_empty(&planned(&rules, &after)));
}

#[test]
fn an_address_that_says_little_takes_no_country_away() {
    let mut held = with(profile(), "/contact/tags", json!(["geo:country:de", "geo:eu:member", "net:vpn:x"]));
    held = with(with(held, "/ip/usable", json!(false)), "/ip/privacy/vpn", json!(true));
    let plan = planned(&proposed(), &held);
    assert_eq!(plan.remove_tags, ["net:vpn:x"]);
    assert!(plan.add_tags.contains(&"net:vpn:yes".to_owned()) && plan.set_fields.is_empty());
}

#[cfg(feature = "demo")]
#[test]
fn the_demo_has_two_of_them_switched_on() {
    let flags = crate::cli::demo::settings_for("127.0.0.1:4010".parse().unwrap());
    let settings = Settings::load(Sources { flags, ..Sources::default() }).unwrap().settings;
    let proposed = proposed();
    assert_eq!(settings.enrichment.rules.len(), 2);
    assert!(settings.enrichment.rules.iter().all(|rule| proposed.contains(rule)));
}
