//! What a mapping can make of a value, beside what the engine brings: each filter passes on what is not there, takes
//! texts for texts alone, and says in words that hold no value why it takes none.

use super::instant;
use crate::{expressions::Refusal, settings::SystemSettings};
use jiff::tz::TimeZone;
use minijinja::{Environment, Error, Value, value::ValueKind};
use phonenumber::{Mode, PhoneNumber, country::Id, metadata::DATABASE};
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

/// The longest text that may be a phone number, in bytes: no need to look for one in a novel.
const MAX_PHONE_BYTES: usize = 64;
/// Fewest digits of a number that GHL is sent.
const MIN_PHONE_DIGITS: usize = 7;

/// Words that say whether a task is done, folded.
#[derive(Debug, Clone, Default)]
pub(super) struct StatusWords {
    pub(super) completed: BTreeSet<String>,
    pub(super) open: BTreeSet<String>,
}

/// Case, blanks and the usual separators weigh nothing in a status.
pub(super) fn fold(word: &str) -> String {
    word.trim().chars().map(|c| if matches!(c, '_' | '-') { ' ' } else { c }).flat_map(char::to_lowercase).collect()
}

/// Adds the filters of a system to what its mapping is compiled in.
pub(super) fn add(environment: &mut Environment<'static>, system: &SystemSettings, words: StatusWords) {
    let region = system.region.clone();
    environment.add_filter("phone", move |value: &Value, given: Option<String>| {
        phone(value, given.as_deref().or(region.as_deref())).map_err(Error::from)
    });
    let zone: Arc<TimeZone> = Arc::new(system.timezone.clone());
    environment.add_filter("date", move |value: &Value, format: Option<String>| {
        date(value, format.as_deref(), &zone).map_err(Error::from)
    });
    environment.add_filter("completed", move |value: &Value| completed(value, &words).map_err(Error::from));
    environment.add_filter("tags", |value: &Value| tags(value).map_err(Error::from));
    environment.add_filter("trim", |value: &Value, chars: Option<String>| {
        let chars: Option<Vec<char>> = chars.map(|chars| chars.chars().collect());
        each_text(value, |text| match &chars {
            Some(chars) => text.trim_matches(&chars[..]).to_owned(),
            None => text.trim().to_owned(),
        })
    });
    environment.add_filter("lower", |value: &Value| each_text(value, str::to_lowercase));
    environment.add_filter("upper", |value: &Value| each_text(value, str::to_uppercase));
    environment
        .add_filter("title", |value: &Value| each_text(value, |text| minijinja::filters::title(Cow::Borrowed(text))));
    environment.add_filter("capitalize", |value: &Value| each_text(value, capitalized));
}

fn refuse<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal(what.to_owned()))
}

/// The text that a value is; a whole number is its digits, as many systems send ids and phone numbers.
fn text(value: &Value) -> Result<Option<Cow<'_, str>>, Refusal> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(None),
        ValueKind::String => Ok(value.as_str().map(Cow::Borrowed)),
        ValueKind::Number if value.is_integer() => Ok(Some(Cow::Owned(value.to_string()))),
        _ => refuse("must be a text"),
    }
}

fn each_text(value: &Value, change: impl FnOnce(&str) -> String) -> Result<Value, Error> {
    Ok(text(value)?.map_or(Value::UNDEFINED, |text| Value::from(change(&text))))
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest.as_str().to_lowercase().chars()).collect())
}

/// A text without what is blank.
fn said(value: &Value) -> Result<Option<String>, Refusal> {
    Ok(text(value)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A phone number in E.164. One that is of a length which its country has counts, whether or not the tables know its
/// area: they are older than the number may be.
fn phone(value: &Value, region: Option<&str>) -> Result<Value, Refusal> {
    let Some(written) = said(value)? else { return Ok(Value::UNDEFINED) };
    let usual = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/');
    if written.len() > MAX_PHONE_BYTES || !written.chars().all(usual) {
        return refuse("must be a phone number");
    }
    let region = region.map(str::to_ascii_uppercase);
    let country: Option<Id> = match &region {
        // The parser takes it for granted that the tables have the country; of Antarctica they have nothing.
        Some(code) => match code.parse().ok().filter(|_| DATABASE.by_id(code.as_str()).is_some()) {
            Some(country) => Some(country),
            None => return refuse("is read for a country that has no phone numbers"),
        },
        None => None,
    };
    // The zero that is dialled within the country alone, as Europe writes it: +49 (0)30 901820.
    let abroad = written.starts_with('+') || written.starts_with("00");
    let written = if abroad { written.replace("(0)", "") } else { written };
    let mut plain: String = written.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    if digits < MIN_PHONE_DIGITS {
        return refuse("must be a phone number, of at least 7 digits");
    }
    // The parser slices what is left after the prefix of a call abroad without asking whether three digits are: with the
    // country's code before so short a number it looks for no such prefix.
    if digits == MIN_PHONE_DIGITS
        && let Some(home) = region.as_deref().and_then(|code| DATABASE.by_id(code))
        && !plain.starts_with('+')
    {
        plain = format!("+{}{plain}", home.country_code());
    }
    if country.is_none() && !plain.starts_with('+') {
        return refuse(
            "must begin with + and the country's code, as neither the source nor the mapping names a country",
        );
    }
    let Ok(number) = phonenumber::parse(country, &plain) else { return refuse("must be a phone number") };
    if !number.is_valid() && !has_possible_length(&number) {
        return refuse("must be a phone number, with as many digits as its country's numbers have");
    }
    Ok(Value::from(number.format().mode(Mode::E164).to_string()))
}

/// Whether some kind of number of its country has as many digits.
fn has_possible_length(number: &PhoneNumber) -> bool {
    let national = number.national().to_string().len();
    let regions = DATABASE.by_code(&number.code().value()).unwrap_or_default();
    let kinds = regions.iter().flat_map(|region| {
        let all = region.descriptors();
        [all.fixed_line(), all.mobile(), all.toll_free(), all.voip(), all.personal_number(), all.uan()]
    });
    kinds.flatten().flat_map(|kind| kind.possible_length()).any(|length| usize::from(*length) == national)
}

/// A date or time as RFC 3339 in UTC.
fn date(value: &Value, format: Option<&str>, zone: &TimeZone) -> Result<Value, Refusal> {
    let at = match value.kind() {
        ValueKind::Number if format.is_none() => instant::of_number(value),
        _ => match said(value)? {
            None => return Ok(Value::UNDEFINED),
            Some(written) => match format {
                Some(format) => instant::by_format(&written, format, zone),
                None => instant::of_text(&written, zone),
            },
        },
    };
    at.map(|at| Value::from(at.to_string())).map_err(|what| Refusal(what.to_owned()))
}

/// Whether a status means that a task is done.
fn completed(value: &Value, words: &StatusWords) -> Result<Value, Refusal> {
    if value.kind() == ValueKind::Bool {
        return Ok(value.clone());
    }
    let Some(word) = said(value)?.map(|word| fold(&word)) else { return Ok(Value::UNDEFINED) };
    if words.completed.contains(&word) {
        Ok(Value::from(true))
    } else if words.open.contains(&word) {
        Ok(Value::from(false))
    } else {
        refuse("is none of the status words that the mapping knows (completed_words, open_words)")
    }
}

/// A list of texts, from a list or from a text such as `a, b; c`.
fn tags(value: &Value) -> Result<Value, Refusal> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(value.clone());
    }
    let Some(written) = said(value)? else { return Ok(Value::UNDEFINED) };
    let parts = written.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty());
    Ok(parts.map(Value::from).collect())
}

#[cfg(test)]
mod tests;
