//! Reading raw texts and choosing among them.

use super::*;
use crate::domain::{
    contact::{Attribution, Contact, CustomField, Touch},
    ids::ContactId,
    ip::AddressOrigin,
};
use ipnetwork::IpNetwork;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn global(text: &str) -> Candidate {
    Candidate::Global(ip(text))
}

#[test]
fn decorations_fall_off() {
    let cases = [
        ("8.8.8.8", global("8.8.8.8")),
        ("  8.8.8.8\r\n", global("8.8.8.8")),
        ("\"8.8.8.8\"", global("8.8.8.8")),
        ("8.8.8.8:443", global("8.8.8.8")),
        ("8.8.8.8:", global("8.8.8.8")),
        ("::ffff:8.8.8.8", global("8.8.8.8")),
        ("[::ffff:8.8.8.8]:80", global("8.8.8.8")),
        ("64:ff9b::808:808", global("8.8.8.8")),
        ("2001:4860:4860::8888", global("2001:4860:4860::8888")),
        ("2001:4860:4860:0:0:0:0:8888", global("2001:4860:4860::8888")),
        ("[2001:4860:4860::8888]:443", global("2001:4860:4860::8888")),
        ("[2001:4860:4860::8888%25eth0]:443", global("2001:4860:4860::8888")),
        ("2001:4860:4860::8888%eth0", global("2001:4860:4860::8888")),
        ("10.0.0.1, 8.8.8.8, 1.1.1.1", global("8.8.8.8")),
        ("\"10.0.0.1, 8.8.8.8\"", global("8.8.8.8")),
        ("unknown, 8.8.8.8", global("8.8.8.8")),
        (", ,8.8.8.8", global("8.8.8.8")),
        ("fe80::1%eth0", Candidate::Reserved(ip("fe80::1"), Scope::LinkLocal)),
        ("nonsense,10.0.0.1,192.168.0.1", Candidate::Reserved(ip("10.0.0.1"), Scope::Private)),
        ("::ffff:10.0.0.1", Candidate::Reserved(ip("10.0.0.1"), Scope::Private)),
        ("", Candidate::Empty),
        (" \t\"\" , ", Candidate::Empty),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_candidate(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_no_address_is_invalid() {
    let long = format!("{}8.8.8.8", " ".repeat(MAX_CANDIDATE_BYTES));
    let bad = [
        "null",
        "N/A",
        "8.8.8",
        "8.8.8.8.8",
        "256.1.1.1",
        "8.8.8.8:99999",
        "8.8.8.8:x",
        "[8.8.8.8",
        "[::1]x",
        "::g",
        "008.8.8.8",
        "8.8.8.8/24",
        "8.8.8.8%eth0",
        "2001:4860::1%",
        "example.com",
        "۸.۸.۸.۸",
        &long,
    ];
    for text in bad {
        assert_eq!(parse_candidate(text), Candidate::Invalid, "{text:?}");
    }
}

fn touch(text: &str) -> Option<Touch> {
    Some(Touch { ip: Some(text.to_owned()), ..Touch::default() })
}

fn contact(last: Option<Touch>, first: Option<Touch>, further: &[&str], field: Value) -> Contact {
    Contact {
        id: ContactId::parse("seD4PfOuKoVMLkEZqohJ").unwrap(),
        location_id: None,
        kind: None,
        name: None,
        first_name: None,
        last_name: None,
        email: None,
        phone: None,
        additional_emails: Vec::new(),
        additional_phones: Vec::new(),
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
        followers: Vec::new(),
        dnd: None,
        tags: Vec::new(),
        custom_fields: vec![CustomField { id: "ipField".into(), value: field }],
        attribution: Attribution { first, last, further: further.iter().filter_map(|text| touch(text)).collect() },
        date_added: None,
        date_updated: None,
        last_activity: None,
        extra: Map::new(),
    }
}

fn found(address: &str, origin: AddressOrigin) -> Outcome {
    Outcome::Found { address: ip(address), origin }
}

#[test]
fn the_first_usable_address_wins() {
    let full = contact(touch("1.1.1.1"), touch("8.8.4.4"), &["9.9.9.9"], json!("4.4.4.4"));
    let by_request = choose(&full, Some(ip("8.8.8.8")), Some("ipField"), &[]);
    assert_eq!(by_request.outcome, found("8.8.8.8", AddressOrigin::Request));
    let verdicts: Vec<_> = by_request.considered.iter().map(|one| one.verdict.as_str()).collect();
    assert_eq!(verdicts, ["taken", "not-needed", "not-needed", "not-needed", "not-needed"]);
    assert_eq!(choose(&full, None, None, &[]).outcome, found("1.1.1.1", AddressOrigin::AttributionLast));

    let only_first = contact(touch("10.0.0.1"), touch("8.8.4.4"), &[], Value::Null);
    assert_eq!(choose(&only_first, None, None, &[]).outcome, found("8.8.4.4", AddressOrigin::AttributionFirst));
    let only_further = contact(None, touch("-"), &["::1", "9.9.9.9"], Value::Null);
    assert_eq!(choose(&only_further, None, None, &[]).outcome, found("9.9.9.9", AddressOrigin::AttributionFurther(1)));
    let only_field = contact(None, None, &[], json!(["x", "4.4.4.4"]));
    let origin = AddressOrigin::CustomField("ipField".into());
    assert_eq!(choose(&only_field, None, Some("ipField"), &[]).outcome, found("4.4.4.4", origin));
    assert_eq!(choose(&only_field, None, None, &[]).outcome, Outcome::Missing);
}

#[test]
fn reserved_beats_invalid_beats_missing() {
    let reserved = contact(touch("nonsense"), touch("192.168.1.7"), &[], Value::Null);
    let expected = Outcome::Reserved {
        address: ip("192.168.1.7"),
        scope: Scope::Private,
        origin: AddressOrigin::AttributionFirst,
    };
    assert_eq!(choose(&reserved, None, None, &[]).outcome, expected);
    let invalid = contact(None, touch("nonsense"), &[], json!(7));
    let choice = choose(&invalid, None, Some("ipField"), &[]);
    assert_eq!(choice.outcome, Outcome::Invalid { origin: AddressOrigin::AttributionFirst });
    assert_eq!(choice.considered.last().unwrap().verdict, Verdict::Invalid);
    let missing = contact(None, touch(" "), &[], Value::Null);
    assert_eq!(choose(&missing, None, Some("ipField"), &[]).outcome, Outcome::Missing);
}

#[test]
fn an_own_server_is_taken_only_where_there_is_nothing_else() {
    let own: Vec<IpNetwork> = vec!["1.1.1.0/24".parse().unwrap()];
    let both = contact(touch("1.1.1.1"), touch("8.8.4.4"), &[], Value::Null);
    let choice = choose(&both, None, None, &own);
    assert_eq!(choice.outcome, found("8.8.4.4", AddressOrigin::AttributionFirst));
    assert_eq!(choice.considered[0].verdict, Verdict::OwnServer);
    let alone = contact(touch("::ffff:1.1.1.1"), touch("10.0.0.1"), &[], Value::Null);
    let choice = choose(&alone, None, None, &own);
    assert_eq!(choice.outcome, found("1.1.1.1", AddressOrigin::AttributionLast));
    assert_eq!(choice.considered[0].verdict, Verdict::Taken);
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
        any::<u128>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
        // The space that is in use, which random bits seldom meet.
        any::<u64>().prop_map(|bits| IpAddr::from(((0x2600_u128 << 112) | u128::from(bits)).to_be_bytes())),
    ]
}

/// Ways to write an address that mean the same.
fn spellings(address: IpAddr) -> Vec<String> {
    let common =
        [format!("{address}"), format!(" {address}\t"), format!("\"{address}\""), format!("x, {address}, ::1")];
    let own = match address {
        IpAddr::V4(v4) => vec![format!("{v4}:8080"), v4.to_ipv6_mapped().to_string(), format!("[::ffff:{v4}]:1")],
        IpAddr::V6(v6) => vec![
            format!("[{v6}]"),
            format!("[{v6}]:65535"),
            format!("{v6}%eth0"),
            format!("[{v6}%25en1]:80"),
            v6.to_string().to_uppercase(),
        ],
    };
    common.into_iter().chain(own).collect()
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = parse_candidate(&text);
    }

    #[test]
    fn nearly_addresses_do_not_panic(text in "[0-9a-f:.,%\\[\\] \"]{0,80}") {
        let _ = parse_candidate(&text);
    }

    #[test]
    fn every_spelling_parses_back(address in any_address()) {
        let address = canonical(address);
        for text in spellings(address) {
            if classify(address) == Scope::Global {
                prop_assert_eq!(parse_candidate(&text), Candidate::Global(address), "{}", text);
            }
        }
    }

    #[test]
    fn reserved_is_never_found(address in any_address(), text in any_address()) {
        let contact = contact(touch(&text.to_string()), None, &[], Value::Null);
        if let Outcome::Found { address, .. } = choose(&contact, Some(address), None, &[]).outcome {
            prop_assert_eq!(classify(address), Scope::Global);
        }
    }
}
