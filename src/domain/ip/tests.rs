//! Why an address is unusable, and what the tables fill in.

use super::*;

#[test]
fn a_mobile_or_anycast_address_is_usable() {
    let traits = Traits { mobile: Some(true), anycast: Some(true), satellite: Some(true), ..Traits::default() };
    assert!(unusable_because(Scope::Global, &Privacy::default(), &traits, Ownership::Foreign).is_empty());
}

#[test]
fn every_reason_is_named() {
    let privacy = Privacy {
        anonymous: Some(true),
        vpn: Some(true),
        proxy: Some(true),
        tor: Some(true),
        relay: Some(true),
        residential_proxy: Some(true),
        service: None,
    };
    let traits = Traits { hosting: Some(true), ..Traits::default() };
    let reasons = unusable_because(Scope::Private, &privacy, &traits, Ownership::Ours);
    let words = serde_json::to_value(&reasons).unwrap();
    let expected =
        serde_json::json!(["hosting", "vpn", "proxy", "tor", "relay", "residential-proxy", "reserved", "own-server"]);
    assert_eq!(words, expected);
}

#[test]
fn anonymous_is_named_only_where_nothing_finer_is() {
    let privacy = Privacy { anonymous: Some(true), vpn: Some(false), ..Privacy::default() };
    let reasons = unusable_because(Scope::Global, &privacy, &Traits::default(), Ownership::Foreign);
    assert_eq!(reasons, [Unusable::Anonymous]);
}

#[test]
fn the_tables_fill_gaps_and_overrule_no_name() {
    let mut geo = Geo { country_code: Some("TR".into()), country: Some("Türkiye".into()), ..Geo::default() };
    geo.fill_from_tables();
    assert_eq!(geo.country.as_deref(), Some("Türkiye"));
    assert_eq!((geo.continent.as_deref(), geo.continent_code.as_deref()), (Some("Asia"), Some("AS")));
    assert_eq!((geo.in_eu, geo.currency.as_deref(), geo.flag.as_deref()), (Some(false), Some("TRY"), Some("🇹🇷")));
    let mut unknown = Geo::default();
    unknown.fill_from_tables();
    assert_eq!(unknown, Geo::default());
}
