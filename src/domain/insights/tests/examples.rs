//! One example a rule.

use super::*;
use jiff::civil;
use serde_json::json;

const NOW: &str = "2026-11-22T08:00:00Z";

#[test]
fn the_contracts_example_comes_out_as_written() {
    let mut held = nothing();
    held.crm_country_code = Some("US".to_owned());
    held.ip = Some(sydney());
    held.notes = Some(notes(&["Great call, she loves the product and wants to sign on Friday!"]));
    held.tasks = Some(vec![task("t1", Some(at("2026-11-01T00:00:00Z")), false)]);

    let json = serde_json::to_value(held.derive(NOW)).unwrap();

    assert_eq!(json["timezone"], json!({"name": "Australia/Sydney", "utcOffset": "+11:00", "from": "ip"}));
    assert_eq!(json["country"], json!({"crm": "US", "ip": "AU", "agreement": "mismatch"}));
    assert_eq!(json["risk"], json!({"level": "medium", "reasons": ["country-mismatch"]}));
    let due = "2026-11-01T00:00:00Z";
    let task = json!({"kind": "task", "id": "t1", "title": "Task t1", "dueAt": due, "overdue": true});
    assert_eq!(json["followUps"], json!([task]));
    let sentiment = json!({"score": 0.84, "label": "positive", "notesScored": 1, "method": "vader", "language": "en"});
    assert_eq!(json["sentiment"], sentiment);
    assert_eq!(json["activity"]["notes"], 1);
    assert_eq!(json["activity"]["lastNoteAt"], "2026-11-20T12:00:00Z");
    assert_eq!(json["activity"]["notesLast30Days"], 1);
    assert_eq!(json["activity"]["timezone"], "Australia/Sydney");
}

#[test]
fn what_is_not_held_is_null() {
    let json = serde_json::to_value(nothing().derive(NOW)).unwrap();
    let all_null = json!({
        "timezone": null, "country": null, "risk": null, "activity": null, "followUps": null, "sentiment": null
    });
    assert_eq!(json, all_null);
    assert_eq!(nothing().next_change(NOW), None);
}

#[test]
fn what_is_held_and_empty_is_zero() {
    let held = Held { notes: Some(vec![]), tasks: Some(vec![]), ..nothing() };
    let insights = held.derive(NOW);
    assert_eq!(insights.activity.unwrap().notes, 0);
    assert_eq!(insights.follow_ups, Some(vec![]));
    assert_eq!(insights.sentiment, None);
}

#[test]
fn a_usable_address_names_the_zone_and_an_unusable_one_never_does() {
    let mut held = nothing();
    held.contact.timezone = Some("america/denver".to_owned());
    let zone = |held: &Held| held.derive(NOW).timezone.map(|zone| (zone.name, zone.utc_offset, zone.from));

    held.ip = Some(sydney());
    let sydney_now = ("Australia/Sydney".to_owned(), "+11:00".to_owned(), TimezoneOrigin::Ip);
    assert_eq!(zone(&held), Some(sydney_now));
    held.ip = Some(unusable(Unusable::Vpn));
    let denver_now = ("America/Denver".to_owned(), "-07:00".to_owned(), TimezoneOrigin::Contact);
    assert_eq!(zone(&held), Some(denver_now));
    held.contact.timezone = Some("Mountain Time".to_owned());
    assert_eq!(zone(&held), None);
}

#[test]
fn countries_are_compared_only_if_the_address_is_usable() {
    let mut held = nothing();
    held.crm_country_code = Some("US".to_owned());
    let agreement = |held: &Held| held.derive(NOW).country.unwrap().agreement;

    assert_eq!(agreement(&held), Agreement::Unknown);
    held.ip = Some(sydney());
    assert_eq!(agreement(&held), Agreement::Mismatch);
    held.ip = Some(unusable(Unusable::Hosting));
    assert_eq!(agreement(&held), Agreement::Unknown);
    held.ip = Some(sydney());
    held.crm_country_code = Some("au".to_owned());
    assert_eq!(agreement(&held), Agreement::Match);
    held.crm_country_code = None;
    assert_eq!(agreement(&held), Agreement::Unknown);
}

fn risk(ip: IpIntelligence) -> (Option<RiskLevel>, Vec<RiskReason>) {
    let held = Held { ip: Some(ip), ..nothing() };
    let risk = held.derive(NOW).risk.unwrap();
    (risk.level, risk.reasons)
}

#[test]
fn the_heaviest_reason_makes_the_level() {
    use RiskLevel::{High, Low, Medium};
    assert_eq!(risk(sydney()), (Some(Low), vec![]));
    let with = |privacy: Privacy| risk(IpIntelligence { privacy, ..sydney() });
    let yes = Some(true);
    assert_eq!(with(Privacy { relay: yes, ..Privacy::default() }), (Some(Low), vec![RiskReason::Relay]));
    assert_eq!(with(Privacy { vpn: yes, anonymous: yes, ..Privacy::default() }), (Some(Medium), vec![RiskReason::Vpn]));
    assert_eq!(with(Privacy { anonymous: yes, ..Privacy::default() }), (Some(Medium), vec![RiskReason::Anonymous]));
    let both = Privacy { vpn: yes, tor: yes, ..Privacy::default() };
    assert_eq!(with(both), (Some(High), vec![RiskReason::Tor, RiskReason::Vpn]));
    assert_eq!(risk(unusable(Unusable::ResidentialProxy)), (Some(High), vec![RiskReason::ResidentialProxy]));
    assert_eq!(risk(unusable(Unusable::Hosting)), (Some(Medium), vec![RiskReason::Hosting]));
}

#[test]
fn low_is_said_only_where_something_is_known() {
    let country_only = IpIntelligence { privacy: Privacy::default(), traits: Traits::default(), ..sydney() };
    assert_eq!(risk(country_only.clone()), (None, vec![]));
    let crm_country_code = Some("US".to_owned());
    let held = Held { ip: Some(country_only), crm_country_code, ..nothing() };
    assert_eq!(held.derive(NOW).risk.unwrap().level, Some(RiskLevel::Medium));

    assert_eq!(risk(unusable(Unusable::OwnServer)), (None, vec![RiskReason::OwnServer]));
    let private = IpIntelligence { scope: Scope::Private, usable: false, ..sydney() };
    assert_eq!(risk(private), (None, vec![RiskReason::ReservedAddress]));
}

#[test]
fn zones_two_hours_apart_are_a_reason() {
    let mut held = Held { ip: Some(sydney()), ..nothing() };
    for (zone, reasons) in [
        ("America/Denver", vec![RiskReason::TimezoneMismatch]),
        ("Australia/Brisbane", vec![]),
        ("Pacific/Auckland", vec![RiskReason::TimezoneMismatch]),
        ("nowhere", vec![]),
    ] {
        held.contact.timezone = Some(zone.to_owned());
        assert_eq!(held.derive(NOW).risk.unwrap().reasons, reasons, "{zone}");
    }
    held.ip = Some(unusable(Unusable::Vpn));
    held.contact.timezone = Some("America/Denver".to_owned());
    assert_eq!(held.derive(NOW).risk.unwrap().reasons, [RiskReason::Vpn]);
}

#[test]
fn activity_counts_on_the_contacts_clock() {
    let sunday_noon_utc = Some(at("2026-11-22T13:30:00Z"));
    let mut held = Held {
        notes: Some(vec![
            note("a", "", sunday_noon_utc),
            note("b", "", None),
            note("c", "", Some(at("2020-01-01T00:00:00Z"))),
        ]),
        ..nothing()
    };
    let activity = held.derive(NOW).activity.unwrap();
    assert_eq!((activity.notes, activity.notes_last_30_days, activity.timezone.as_str()), (3, 1, "UTC"));
    assert_eq!(activity.last_note_at, sunday_noon_utc);
    assert_eq!((activity.by_weekday[6], activity.by_hour[13]), (1, 1));

    held.ip = Some(sydney());
    let activity = held.derive(NOW).activity.unwrap();
    assert_eq!((activity.by_weekday[0], activity.by_hour[0]), (1, 1), "half past midnight on Monday in Sydney");
}

#[test]
fn a_note_leaves_the_window_when_next_change_says_so() {
    let held = Held { notes: Some(notes(&["hello"])), ..nothing() };
    let recent = |now: Timestamp| derive(&held.sources(), now).activity.unwrap().notes_last_30_days;
    let leaves = held.next_change(NOW).unwrap();
    assert_eq!(leaves, at("2026-12-20T12:00:00Z"));
    assert_eq!((recent(leaves - jiff::SignedDuration::from_nanos(1)), recent(leaves)), (1, 0));
}

#[test]
fn next_change_knows_when_clocks_change() {
    let mut held = nothing();
    held.contact.timezone = Some("America/Denver".to_owned());
    assert_eq!(held.next_change(NOW), Some(at("2027-03-14T09:00:00Z")));
    held.contact.timezone = Some("UTC".to_owned());
    assert_eq!(held.next_change(NOW), None);
}

fn follow_ups(held: &Held, now: &str) -> Vec<(String, bool)> {
    held.derive(now).follow_ups.unwrap().into_iter().map(|it| (it.id, it.overdue)).collect()
}

#[test]
fn follow_ups_are_what_is_open_soonest_first() {
    let due = |text: &str| Some(at(text));
    let zoned = |text: &str| Some(EventTime::Zoned(at(text).to_zoned(jiff::tz::TimeZone::UTC)));
    let held = Held {
        tasks: Some(vec![
            task("whenever", None, false),
            task("done", due("2026-11-23T00:00:00Z"), true),
            task("later", due("2026-12-01T00:00:00Z"), false),
            task("late", due("2026-11-22T07:59:59Z"), false),
            task("just-now", due(NOW), false),
        ]),
        appointments: Some(vec![
            appointment("soon", zoned("2026-11-23T00:00:00Z"), Some("confirmed")),
            appointment("begun", zoned("2026-11-22T07:00:00Z"), Some("confirmed")),
            appointment("off", zoned("2026-11-23T00:00:00Z"), Some("Cancelled")),
            appointment("undated", None, None),
        ]),
        ..nothing()
    };
    let expected = [("late", true), ("just-now", false), ("soon", false), ("later", false), ("whenever", false)];
    assert_eq!(follow_ups(&held, NOW), expected.map(|(id, overdue)| (id.to_owned(), overdue)));

    let overdue_at = held.next_change(NOW).unwrap();
    assert_eq!(overdue_at, at(NOW) + jiff::SignedDuration::from_nanos(1));
    assert!(derive(&held.sources(), overdue_at).follow_ups.unwrap()[1].overdue);
}

#[test]
fn an_appointment_without_a_zone_stays_until_it_has_begun_everywhere() {
    let wall = civil::date(2026, 11, 22).at(9, 0, 0, 0);
    let held = Held { appointments: Some(vec![appointment("a", Some(EventTime::Zoneless(wall)), None)]), ..nothing() };
    let json = serde_json::to_value(&held.derive(NOW).follow_ups.unwrap()[0]).unwrap();
    assert_eq!((&json["dueAt"], &json["dueLocal"]), (&json!(null), &json!("2026-11-22T09:00:00")));
    assert_eq!(follow_ups(&held, "2026-11-22T21:00:00Z").len(), 1);
    assert_eq!(follow_ups(&held, "2026-11-22T21:00:00.000000001Z").len(), 0);
}

#[test]
fn at_most_fifty_follow_ups_are_given() {
    let many = (0..80).map(|n| task(&format!("t{n:02}"), None, false)).collect();
    let held = Held { tasks: Some(many), ..nothing() };
    let given = follow_ups(&held, NOW);
    assert_eq!((given.len(), given[49].0.as_str()), (MAX_FOLLOW_UPS, "t49"));
}

fn sentiment(texts: &[&str]) -> Option<SentimentInsight> {
    Held { notes: Some(notes(texts)), ..nothing() }.derive(NOW).sentiment
}

/// Compound values of the reference implementation, vaderSentiment 3.3.2 for Python, rounded to two decimals.
#[test]
fn scores_equal_the_reference_implementations() {
    for (text, score, label) in [
        ("Customer is not happy with the delay.", -0.65, SentimentLabel::Negative),
        ("These are the shittiest of times, she said on the phone", -0.66, SentimentLabel::Negative),
        ("The meeting with the customer was moved to Monday!!!", 0.0, SentimentLabel::Neutral),
        ("Very disappointed, wants a refund. Terrible experience 😡", -0.76, SentimentLabel::Negative),
        ("Spoke with John re: pricing. He is interested, follow up next week.", 0.4, SentimentLabel::Positive),
    ] {
        let sentiment = sentiment(&[text]).unwrap();
        assert_eq!((sentiment.score, sentiment.label), (score, label), "{text}");
    }
}

#[test]
fn only_english_is_scored() {
    let german = "Der Kunde ist sehr zufrieden mit dem Angebot, no problem, und unterschreibt morgen.";
    let english = "Great call, she loves the product and wants to sign on Friday!";
    for foreign in
        [german, "お客様は大変満足しています。", "Клиент очень доволен и хочет продлить договор.", "العميل سعيد جدا"]
    {
        assert_eq!(sentiment(&[foreign]), None, "{foreign}");
    }
    let mixed = sentiment(&[english, german]).unwrap();
    assert_eq!((mixed.notes_scored, mixed.score), (1, 0.84));
}

#[test]
fn a_short_note_follows_the_language_of_all() {
    assert_eq!(sentiment(&["Not interested"]), None, "too short to know its language");
    let english = "Spoke with John about pricing on Monday and sent him the contract";
    assert_eq!(sentiment(&[english, "Not interested", "👍"]).unwrap().notes_scored, 3);
    let spanish = "El cliente está muy contento con el servicio y quiere renovar el contrato";
    assert_eq!(sentiment(&[spanish, "No"]), None);
    assert_eq!(sentiment(&["", "  ", "\u{200b}", "12345"]), None);
}

#[test]
fn the_newest_notes_weigh_most() {
    let (good, bad) = ("The customer is very happy with the service", "The customer is very angry about the service");
    let (newest, older) =
        (at("2026-11-20T00:00:00Z"), at("2026-11-20T00:00:00Z") - jiff::SignedDuration::from_hours(90 * 24));
    let score = |notes: Vec<Note>| Held { notes: Some(notes), ..nothing() }.derive(NOW).sentiment.unwrap().score;
    let only_good = score(vec![note("g", good, Some(newest))]);
    let only_bad = score(vec![note("b", bad, Some(newest))]);
    let both = score(vec![note("b", bad, Some(older)), note("g", good, Some(newest))]);
    assert!((both - (2.0 * only_good + only_bad) / 3.0).abs() < 0.01, "{only_good} {only_bad} {both}");
}

#[test]
fn cost_is_bounded_in_notes_and_characters() {
    let good = "The customer is very happy with the service. ";
    let angry_at_the_end = format!("{}terrible awful angry horrible", good.repeat(MAX_NOTE_CHARS / good.len() + 1));
    assert!(sentiment(&[&angry_at_the_end]).unwrap().score > 0.9);
    assert_eq!(sentiment(&vec![good; 100]).unwrap().notes_scored, u32::try_from(MAX_NOTES_SCORED).unwrap());
}
