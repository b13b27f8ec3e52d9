//! Points in time, in the ways that systems write them.

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use minijinja::Value;

/// From here on a number counts milliseconds: as seconds it would be the year 5138.
const FIRST_MILLIS: i64 = 100_000_000_000;

/// What is wrong with what is no point in time.
type Read = Result<Timestamp, &'static str>;

const NO_TIME: &str =
    "must be a date or a time that exists, such as 2026-11-22, 2026-11-22 09:30 or 2026-11-22T09:30:00Z";
const NO_NUMBER: &str = "must be a time in seconds or milliseconds since 1970";
const NO_FIT: &str = "must be a date or a time that exists, in the format that the mapping gives";

/// Seconds or milliseconds since 1970, with a fraction or without one.
pub(super) fn of_number(value: &Value) -> Read {
    let number = value.as_i64().map_or_else(|| f64::try_from(value.clone()).ok().and_then(of_float), of_integer);
    number.ok_or(NO_NUMBER)
}

fn of_integer(number: i64) -> Option<Timestamp> {
    if number.checked_abs()? < FIRST_MILLIS {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "bounded before, and rounded to the millisecond"
)]
fn of_float(number: f64) -> Option<Timestamp> {
    let first_millis = FIRST_MILLIS as f64;
    if !number.is_finite() || number.abs() >= first_millis * 1_000_000.0 {
        return None;
    }
    let millis = if number.abs() < first_millis { number * 1_000.0 } else { number };
    Timestamp::from_millisecond(millis.round() as i64).ok()
}

/// RFC 3339; a date or a date with a time, which are the zone's; digits as a number is.
pub(super) fn of_text(text: &str, zone: &TimeZone) -> Read {
    if matches!(text.len(), 10 | 13) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().and_then(of_integer).ok_or(NO_NUMBER);
    }
    if !text.starts_with(|first: char| first.is_ascii_digit()) || text.len() > 64 {
        return Err(NO_TIME);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    // The parser of civil times passes over an offset, and a time with one was refused above.
    let offset = text.get(10..).is_some_and(|rest| rest.contains(['+', '-', 'Z', 'z', '[']));
    let civil = if offset { None } else { text.parse::<DateTime>().ok() };
    civil.and_then(|civil| in_zone(civil, zone)).ok_or(NO_TIME)
}

/// By a format of `strptime`; what names no offset is the zone's, what names no time the day's first.
pub(super) fn by_format(text: &str, format: &str, zone: &TimeZone) -> Read {
    let parsed = strtime::parse(format, text).map_err(|_| NO_FIT)?;
    if parsed.offset().is_some() || parsed.iana_time_zone().is_some() {
        return parsed.to_timestamp().map_err(|_| NO_FIT);
    }
    let civil = parsed.to_datetime().or_else(|_| parsed.to_date().map(|date| date.at(0, 0, 0, 0)));
    civil.ok().and_then(|civil| in_zone(civil, zone)).ok_or(NO_FIT)
}

/// In the hour that a change of the clocks doubles the earlier one, in the one that it skips the later.
fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}
