//! Takes known fields out of a JSON object, one by one and leniently; what is left over is the record's `extra`.

use super::{NoId, Reading};
use crate::domain::ids::InvalidId;
use jiff::{
    Timestamp, civil,
    fmt::temporal::Pieces,
    tz::{Offset, TimeZone},
};
use serde_json::{Map, Value};

/// Where the raw value of a known field is kept that has no possible reading.
pub(super) const UNPARSED: &str = "unparsed";

/// Nothing stands there (`Ok(None)`), it was read, or it has an impossible type and comes back.
type Read<T> = Result<Option<T>, Value>;

/// A date and time as GHL wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    /// With an offset, or as epoch milliseconds.
    Instant(Timestamp, Offset),
    /// A wall-clock time of an unnamed zone.
    Wall(civil::DateTime),
}

/// What an instant without an offset means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Zoneless<'a> {
    /// GHL's rule: instants are UTC.
    Utc,
    /// Appointments: the location's zone, and no reading where that is not known.
    Location(Option<&'a TimeZone>),
}

/// The fields of one object, redacted.
pub(super) struct Fields {
    map: Map<String, Value>,
    taken: Vec<&'static str>,
    odd: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(record: Value, reading: &Reading) -> Result<Self, NoId> {
        let Value::Object(mut map) = record else { return Err(NoId) };
        reading.redact.strip(&mut map);
        Ok(Self::of(map))
    }

    /// The fields of an object inside a record that was redacted as a whole.
    pub(super) fn of(map: Map<String, Value>) -> Self {
        Self { map, taken: Vec::with_capacity(48), odd: Map::new() }
    }

    /// The record's own id, without which it is none.
    pub(super) fn own_id<T>(&mut self, parse: fn(&str) -> Result<T, InvalidId>) -> Result<T, NoId> {
        self.id(&["id", "_id"], parse).ok_or(NoId)
    }

    /// Takes a field by the first of its names that holds something; its other names are gone with it.
    pub(super) fn take<T>(&mut self, names: &[&'static str], read: impl Fn(Value) -> Read<T>) -> Option<T> {
        let mut found = None;
        let mut odd = None;
        for &name in names {
            let Some(slot) = self.map.get_mut(name) else { continue };
            let value = slot.take();
            self.taken.push(name);
            if found.is_some() {
                continue;
            }
            match read(value) {
                Ok(read) => found = read,
                Err(raw) => odd = odd.or(Some(raw)),
            }
        }
        if let (None, Some(raw), Some(&name)) = (&found, odd, names.first()) {
            self.set_aside(name, raw);
        }
        found
    }

    /// Keeps a value that cannot be read.
    pub(super) fn set_aside(&mut self, name: &str, raw: Value) {
        self.odd.insert(name.to_owned(), raw);
    }

    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<String> {
        self.take(names, text)
    }

    pub(super) fn flag(&mut self, names: &[&'static str]) -> Option<bool> {
        self.take(names, flag)
    }

    pub(super) fn id<T>(&mut self, names: &[&'static str], parse: fn(&str) -> Result<T, InvalidId>) -> Option<T> {
        self.take(names, |value| match text(value)? {
            None => Ok(None),
            Some(id) => parse(id.trim()).map(Some).map_err(|_| Value::String(id)),
        })
    }

    /// A list of texts; objects count by the first of `keys` that they hold. Entries without a reading are set aside.
    pub(super) fn texts(&mut self, names: &[&'static str], keys: &[&str]) -> Vec<String> {
        let mut odd = Vec::new();
        let mut texts = Vec::new();
        for entry in self.entries(names) {
            match keyed_text(entry, keys) {
                Ok(read) => texts.extend(read),
                Err(raw) => odd.push(raw),
            }
        }
        if let (false, Some(&name)) = (odd.is_empty(), names.first()) {
            self.set_aside(name, Value::Array(odd));
        }
        texts
    }

    /// A list; one value stands for a list of one.
    pub(super) fn entries(&mut self, names: &[&'static str]) -> Vec<Value> {
        let list = self.take(names, |value| Ok(Some(entries(value)).filter(|list| !list.is_empty())));
        list.unwrap_or_default()
    }

    pub(super) fn instant(&mut self, names: &[&'static str], zoneless: Zoneless<'_>) -> Option<Timestamp> {
        self.take(names, |value| {
            let Some((moment, raw)) = moment(value)? else { return Ok(None) };
            match (moment, zoneless) {
                (Moment::Instant(at, _), _) => Ok(Some(at)),
                (Moment::Wall(at), Zoneless::Utc) => in_zone(at, &TimeZone::UTC).map(Some).ok_or(raw),
                (Moment::Wall(at), Zoneless::Location(Some(zone))) => in_zone(at, zone).map(Some).ok_or(raw),
                (Moment::Wall(_), Zoneless::Location(None)) => Err(raw),
            }
        })
    }

    pub(super) fn moment(&mut self, names: &[&'static str]) -> Option<Moment> {
        self.take(names, |value| Ok(moment(value)?.map(|(moment, _)| moment)))
    }

    /// What nobody took. `ours` are names our own answer uses for something else, `dropped` what is worth nothing.
    pub(super) fn rest(mut self, ours: &[&str], dropped: &[&str]) -> Map<String, Value> {
        let taken = self.taken;
        self.map.retain(|name, value| {
            let name = name.as_str();
            let was_read = value.is_null() && taken.contains(&name);
            !was_read && !dropped.contains(&name)
        });
        for &name in ours {
            if let Some(raw) = self.map.shift_remove(name) {
                self.odd.insert(name.to_owned(), raw);
            }
        }
        if !self.odd.is_empty() {
            self.map.insert(UNPARSED.to_owned(), Value::Object(self.odd));
        }
        self.map
    }
}

/// The entries of a list, without its nulls.
pub(super) fn entries(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.into_iter().filter(|entry| !entry.is_null()).collect(),
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => vec![one],
    }
}

/// A text: empty is nothing, a number is its digits, a list of one is its entry. `false` is how JavaScript says nothing.
pub(super) fn text(value: Value) -> Read<String> {
    match value {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(list) if list.is_empty() => Ok(None),
        Value::Array(mut list) if list.len() == 1 => match list.pop() {
            Some(one @ (Value::Null | Value::String(_) | Value::Number(_))) => text(one),
            Some(odd) => Err(Value::Array(vec![odd])),
            None => Ok(None),
        },
        Value::Object(map) if map.is_empty() => Ok(None),
        odd @ (Value::Bool(true) | Value::Array(_) | Value::Object(_)) => Err(odd),
    }
}

fn keyed_text(value: Value, keys: &[&str]) -> Read<String> {
    let Value::Object(mut map) = value else { return text(value) };
    match keys.iter().find(|&&key| map.get(key).is_some_and(|held| held.is_string() || held.is_number())) {
        Some(&key) => map.get_mut(key).map_or(Ok(None), |held| text(held.take())),
        None if map.values().all(Value::is_null) => Ok(None),
        None => Err(Value::Object(map)),
    }
}

fn flag(value: Value) -> Read<bool> {
    let word = match &value {
        Value::Null => return Ok(None),
        Value::Bool(flag) => return Ok(Some(*flag)),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Array(_) | Value::Object(_) => return Err(value),
    };
    match word.as_str() {
        "" => Ok(None),
        "true" | "1" | "yes" => Ok(Some(true)),
        "false" | "0" | "no" => Ok(Some(false)),
        _ => Err(value),
    }
}

/// A date: RFC 3339, without an offset, a day alone, or epoch milliseconds as a number or a text. The raw value comes
/// along, for whoever finds that it will not do.
fn moment(value: Value) -> Read<(Moment, Value)> {
    let Some(written) = text(value.clone())? else { return Ok(None) };
    let written = written.trim();
    epoch(written).or_else(|| calendar(written)).map(|moment| Some((moment, value.clone()))).ok_or(value)
}

/// GHL writes milliseconds; fewer than twelve digits can only be seconds (as milliseconds they would be before 1974).
fn epoch(written: &str) -> Option<Moment> {
    let whole = written.split('.').next()?;
    if whole.len() < 9 || written.contains(|c: char| !c.is_ascii_digit() && c != '.') {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let milliseconds = if whole.len() < 12 { number.checked_mul(1000)? } else { number };
    Timestamp::from_millisecond(milliseconds).ok().map(|at| Moment::Instant(at, Offset::UTC))
}

fn calendar(written: &str) -> Option<Moment> {
    let pieces = Pieces::parse(written).ok()?;
    let at = pieces.date().to_datetime(pieces.time().unwrap_or_else(civil::Time::midnight));
    match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(at).ok().map(|instant| Moment::Instant(instant, offset)),
        None => Some(Moment::Wall(at)),
    }
}

fn in_zone(at: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}
