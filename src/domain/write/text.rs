//! Texts with a meaning: e-mail addresses, phones, dates and the like, each checked and brought into one form.
//!
//! Every function gives the text to send, or a sentence that says what must stand there.

use crate::domain::{country::Country, ids::NoteId};
use jiff::{Timestamp, civil::Date, tz::TimeZoneDatabase};

/// Longest text of one line, in characters. GHL publishes no bounds; these are ours.
pub const MAX_LINE_CHARS: usize = 1000;
/// Longest text of many lines, in bytes.
pub const MAX_BODY_BYTES: usize = 100 * 1024;
/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_EMAIL_CHARS: usize = 254;
const MAX_EMAIL_LOCAL_CHARS: usize = 64;
const MAX_WEBSITE_CHARS: usize = 2048;
/// Fewest and most digits of a phone number (E.164 has at most 15).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A checked text, or what is wrong with it.
pub(super) type Checked = Result<String, String>;

fn refuse(message: &str) -> Checked {
    Err(message.to_owned())
}

/// One line of text, empty or not.
pub(super) fn line(text: &str) -> Checked {
    if text.chars().count() > MAX_LINE_CHARS {
        return Err(format!("has at most {MAX_LINE_CHARS} characters"));
    }
    if text.chars().any(char::is_control) {
        return refuse("must not hold control characters");
    }
    Ok(text.to_owned())
}

/// One line that says something.
pub(super) fn title(text: &str) -> Checked {
    if text.trim().is_empty() { refuse("must not be blank") } else { line(text) }
}

/// Text of many lines, HTML or not. It is data: what stands in it, script included, is passed on unchanged.
pub(super) fn body(text: &str) -> Checked {
    if text.len() > MAX_BODY_BYTES {
        return Err(format!("has at most {MAX_BODY_BYTES} bytes"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return refuse("must not hold control characters other than line breaks and tabulators");
    }
    Ok(text.to_owned())
}

/// The same, and it says something.
pub(super) fn message(text: &str) -> Checked {
    if text.trim().is_empty() { refuse("must not be blank") } else { body(text) }
}

/// An e-mail address, as far as syntax tells.
pub(super) fn email(text: &str) -> Checked {
    let text = text.trim();
    let formed = text.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
    if formed && text.chars().count() <= MAX_EMAIL_CHARS {
        Ok(text.to_owned())
    } else {
        refuse("must be an e-mail address such as rosa@example.com")
    }
}

/// The part before the `@`: dot-atom of RFC 5322, letters beyond ASCII admitted (RFC 6531).
fn is_local(local: &str) -> bool {
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.chars().count() <= MAX_EMAIL_LOCAL_CHARS
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

/// A host name of at least two labels.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(label) && !top.bytes().all(|byte| byte.is_ascii_digit())
}

/// A phone number in any usual writing. GHL brings it into E.164 by the location's country.
pub(super) fn phone(text: &str) -> Checked {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    let formed = rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'));
    if formed && PHONE_DIGITS.contains(&digits) {
        Ok(text.to_owned())
    } else {
        refuse("must be a phone number of 7 to 15 digits such as +14155550142")
    }
}

/// A country by its ISO 3166-1 code.
pub(super) fn country(text: &str) -> Checked {
    let code = text.trim().to_ascii_uppercase();
    match Country::by_code(&code) {
        Some(_) => Ok(code),
        None => refuse("must be a country's two-letter code (ISO 3166-1) such as US"),
    }
}

/// A zone of the time zone database.
pub(super) fn time_zone(text: &str) -> Checked {
    let zone = TimeZoneDatabase::bundled().get(text.trim()).ok().filter(|zone| !zone.is_unknown());
    match zone.as_ref().and_then(|zone| zone.iana_name()) {
        Some(name) => Ok(name.to_owned()),
        None => refuse("must be a time zone of the IANA database such as Australia/Sydney"),
    }
}

/// The address of a page, with its scheme or without.
pub(super) fn website(text: &str) -> Checked {
    let text = text.trim();
    let bare = strip_scheme(text);
    let host = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    let visible = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_domain(host) && port.parse::<u16>().is_ok() && visible && text.chars().count() <= MAX_WEBSITE_CHARS {
        Ok(text.to_owned())
    } else {
        refuse("must be a web address such as https://example.com")
    }
}

fn strip_scheme(text: &str) -> &str {
    ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| {
            let head = text.get(..scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then(|| text.get(scheme.len()..)).flatten()
        })
        .unwrap_or(text)
}

/// A date of birth as `YYYY-MM-DD`; also taken as `MM-DD-YYYY` and with `/`, `.` or `_`, as GHL does.
pub(super) fn birth_date(text: &str) -> Checked {
    date(text.trim())
        .map_or_else(|| refuse("must be a date that exists, as YYYY-MM-DD or MM-DD-YYYY"), |date| Ok(date.to_string()))
}

fn date(text: &str) -> Option<Date> {
    let separator = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/' | '.' | '_'))?;
    let mut parts = text.split(separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = if first.len() == 4 { (first, second, third) } else { (third, first, second) };
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<i16>().ok())?
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (year > 0).then_some(date)
}

/// A point in time (RFC 3339), in UTC and to the millisecond, as GHL gives it back.
pub(super) fn instant(text: &str) -> Checked {
    let text = text.trim().to_ascii_uppercase();
    // jiff reads more than RFC 3339 has, so the shape is looked at first.
    if is_rfc3339(&text).is_none() {
        return refuse("must be a date and time with its zone (RFC 3339) such as 2026-11-22T09:30:00Z");
    }
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
        Err(_) => refuse("is written as in RFC 3339, but there is no such time, or it is after 9999-12-30T22:00:00Z"),
    }
}

fn is_rfc3339(text: &str) -> Option<()> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix('T')?;
    let (time, rest) = time.split_at_checked(8)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let end = fraction.bytes().position(|byte| !byte.is_ascii_digit()).filter(|end| (1..=9).contains(end))?;
            fraction.get(end..)?
        }
        None => rest,
    };
    let offset = zone.strip_prefix(['+', '-']).is_some_and(|offset| like(offset, "00:00") && offset < "24:00");
    (like(date, "0000-00-00") && like(time, "00:00:00") && (offset || zone == "Z")).then_some(())
}

/// Whether a text has digits where the pattern has, and otherwise the same characters.
fn like(text: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}

/// A colour as GHL's notes have it.
pub(super) fn colour(text: &str) -> Checked {
    let digits = text.strip_prefix('#').unwrap_or(text);
    if matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_owned())
    } else {
        refuse("must be a colour such as #ffaa00")
    }
}

/// An id of GHL's, of whatever kind: all have one alphabet.
pub(super) fn id(text: &str) -> Checked {
    NoteId::parse(text).map(|_| text.to_owned()).map_err(|invalid| invalid.to_string())
}
