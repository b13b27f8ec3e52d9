//! Tests of the filters.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn of(value: serde_json::Value) -> Value {
    Value::from_serialize(value)
}

#[test]
fn a_phone_number_becomes_e_164() {
    for (written, region, expected) in [
        ("(415) 555-0142", Some("US"), "+14155550142"),
        ("+1 415.555.0142", None, "+14155550142"),
        ("030 / 901 820", Some("de"), "+4930901820"),
        ("0049 30 901820", Some("DE"), "+4930901820"),
        ("+49 (0)30 901820", Some("US"), "+4930901820"),
        ("020 7946 0958", Some("GB"), "+442079460958"),
        ("02 1234 5678", Some("IT"), "+390212345678"),
        ("581 2345", Some("IS"), "+3545812345"),
        ("+1 555 010 0123", Some("US"), "+15550100123"),
    ] {
        assert_eq!(phone(&of(json!(written)), region), Ok(Value::from(expected)), "{written}");
    }
    assert_eq!(phone(&of(json!(4_155_550_142_u64)), Some("US")), Ok(Value::from("+14155550142")));
    assert!(phone(&Value::UNDEFINED, None).unwrap().is_undefined());
    assert!(phone(&of(json!(" ")), None).unwrap().is_undefined());
    for (written, region, says) in [
        ("030 901820", None, "must begin with +"),
        ("030 901820", Some("XX"), "country that has no phone numbers"),
        ("030 901820", Some("AQ"), "country that has no phone numbers"),
        ("12", Some("US"), "phone number"),
        ("+", Some("US"), "phone number"),
        ("++1", None, "phone number"),
        ("tel:+14155550142;phone-context=x", Some("US"), "phone number"),
        ("+1 415 555 0142 9999", None, "as many digits"),
        ("0000000000", Some("US"), "phone number"),
    ] {
        let refusal = phone(&of(json!(written)), region).unwrap_err();
        assert!(refusal.0.contains(says), "{written}: {}", refusal.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_number_makes_the_parser_panic(
        region in proptest::option::of("[A-Z]{2}"),
        known in prop::sample::select(vec!["US", "CO", "FI", "HK", "BR", "RU", "IS", "CU", "IT", "AR", "MX", "KR"]),
        written in prop_oneof!["[+]?[0-9]{0,18}", "(00|011|810|99511|0044456|119|[+]+)[0-9]{0,9}", "[+0-9 ().-]{0,24}"],
    ) {
        for region in [region.as_deref(), Some(known)] {
            if let Ok(number) = phone(&of(json!(written)), region)
                && let Some(number) = number.as_str()
            {
                prop_assert!(number.starts_with('+') && number.bytes().skip(1).all(|byte| byte.is_ascii_digit()));
            }
        }
    }
}

#[test]
fn a_date_becomes_an_instant() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for (written, format, expected) in [
        (json!("2026-11-22T09:30:00Z"), None, "2026-11-22T09:30:00Z"),
        (json!("2026-11-22T09:30:00.25-05:00"), None, "2026-11-22T14:30:00.25Z"),
        (json!("2026-11-22"), None, "2026-11-21T23:00:00Z"),
        (json!(" 2026-07-01 09:30 "), None, "2026-07-01T07:30:00Z"),
        (json!("2026-07-01 09:30:15"), None, "2026-07-01T07:30:15Z"),
        (json!("2026-07-01T09:30"), None, "2026-07-01T07:30:00Z"),
        (json!("2026-03-29 02:30"), None, "2026-03-29T01:30:00Z"),
        (json!(1_795_338_000), None, "2026-11-22T09:00:00Z"),
        (json!(1_795_338_000_500_i64), None, "2026-11-22T09:00:00.5Z"),
        (json!(1_795_338_000.5), None, "2026-11-22T09:00:00.5Z"),
        (json!("1795338000"), None, "2026-11-22T09:00:00Z"),
        (json!("1.12.2026"), Some("%d.%m.%Y"), "2026-11-30T23:00:00Z"),
        (json!("12/01/26 03:15 PM"), Some("%m/%d/%y %I:%M %p"), "2026-12-01T14:15:00Z"),
        (json!("2026-12-01 10:00 +0530"), Some("%Y-%m-%d %H:%M %z"), "2026-12-01T04:30:00Z"),
        (json!(20_261_201), Some("%Y%m%d"), "2026-11-30T23:00:00Z"),
    ] {
        assert_eq!(date(&of(written.clone()), format, &zone), Ok(Value::from(expected)), "{written}");
    }
    for (written, format) in [
        (json!("2026-02-30"), None),
        (json!("2026-13-01"), None),
        (json!("2026-11-22 25:00"), None),
        (json!("2026-02-30T00:00:00+01:00"), None),
        (json!("2026-02-28T00:00:00+26:00"), None),
        (json!("22.11.2026"), None),
        (json!("now"), None),
        (json!(i64::MAX), None),
        (json!(i64::MIN), None),
        (json!(f64::MAX), None),
        (json!("31.02.2026"), Some("%d.%m.%Y")),
        (json!("2026"), Some("%d.%m.%Y")),
        (json!("2026"), Some("%!")),
        (json!({}), None),
    ] {
        assert!(date(&of(written.clone()), format, &zone).is_err(), "{written}");
    }
}

#[test]
fn a_status_is_done_or_open() {
    let words = |list: &[&str]| list.iter().map(|word| fold(word)).collect();
    let words = StatusWords { completed: words(&["Done"]), open: words(&["in progress"]) };
    assert_eq!(completed(&of(json!(" DONE ")), &words), Ok(Value::from(true)));
    assert_eq!(completed(&of(json!("In_Progress")), &words), Ok(Value::from(false)));
    assert_eq!(completed(&of(json!(true)), &words), Ok(Value::from(true)));
    assert!(completed(&Value::UNDEFINED, &words).unwrap().is_undefined());
    assert!(completed(&of(json!("Rosa")), &words).is_err_and(|refusal| !refusal.0.contains("Rosa")));
}

#[test]
fn tags_come_as_a_list_or_as_a_text() {
    assert_eq!(tags(&of(json!(" a, b;c ,,"))), Ok(of(json!(["a", "b", "c"]))));
    assert_eq!(tags(&of(json!(["a, b"]))), Ok(of(json!(["a, b"]))));
    assert!(tags(&of(json!(""))).unwrap().is_undefined());
    assert!(tags(&of(json!({"a": 1}))).is_err());
}

#[test]
fn texts_are_changed_and_nothing_else_is() {
    assert_eq!(capitalized("roSA"), "Rosa");
    assert!(each_text(&Value::UNDEFINED, str::to_owned).unwrap().is_undefined());
    assert_eq!(each_text(&of(json!(7)), str::to_uppercase).unwrap(), Value::from("7"));
    assert!(each_text(&of(json!([])), str::to_uppercase).is_err());
}
