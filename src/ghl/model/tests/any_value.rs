//! Any JSON under any known name: no panic, no lost record, no doubled key.

use super::*;

const NAMES: &str = "_id locationId type name contactName firstName firstNameRaw lastName email phone additionalEmails \
    additionalPhones companyName businessName businessId address1 address country timezone dateOfBirth followers \
    dnd tags customFields customField attributionSource lastAttributionSource attributions attribution dateAdded \
    dateUpdated lastActivity searchAfter unparsed extra ssn contactId title body text userId color pinned \
    assignedTo dueDate completed calendarId status appointmentStatus appoinmentStatus notes startTime endTime ip \
    userAgent url pageUrl isFirst isLast id value field_value";

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        (0_i64..2_000_000_000_000).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9 :TZ.+-]{0,28}".prop_map(Value::from),
        "<[a-z/]{0,4}>?[a-z&;#0-9]{0,6}".prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][01][0-9]:00)?)?"
            .prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(NAMES.split_whitespace().collect::<Vec<_>>()).prop_map(str::to_owned), 1 => "[a-zA-Z_]{0,12}"]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), value()), 0..30).prop_map(|pairs| {
        let mut map: serde_json::Map<String, Value> = pairs.into_iter().collect();
        map.insert("id".into(), CONTACT.into());
        Value::Object(map)
    })
}

fn check(read: Result<impl Serialize, NoId>) {
    let text = serde_json::to_string(&read.unwrap()).unwrap();
    let again: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(again["id"], CONTACT);
    assert_eq!(again.to_string().len(), text.len(), "a doubled key: {text}");
    assert!(again.get("ssn").is_none());
}

proptest! {
    #[test]
    fn a_record_with_an_id_is_never_lost(record in any_record(), zoned in any::<bool>()) {
        let reading = Reading { timezone: zoned.then_some(TimeZone::UTC), ..Reading::default() };
        check(contact(record.clone(), &reading));
        check(note(record.clone(), &reading));
        check(task(record.clone(), &reading));
        let event = event(record, &reading);
        let extra = &event.as_ref().unwrap().extra;
        prop_assert!(!extra.contains_key("appoinmentStatus"));
        check(event);
    }

    #[test]
    fn anything_else_is_no_record(value in value()) {
        let id = value.get("id").or_else(|| value.get("_id")).cloned();
        if let Err(NoId) = contact(value, &Reading::default()) {
            let usable = |id: &str| !id.is_empty() && id.len() <= MAX_ID_BYTES
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            prop_assert!(!id.is_some_and(|id| id.as_str().is_some_and(usable)));
        }
    }
}
