//! From a payload to what it means: its id, type, time and place in the order. What it says of records, `records` reads.

use super::{
    Arrival, Mapped, context, instant,
    parts::{Compiled, Expression},
};
use crate::{
    domain::{
        problem::FieldError,
        source::{ExternalId, InvalidName, SourceEvent, SourceEventId, Version},
    },
    expressions::Fault,
};
use jiff::{SignedDuration, Timestamp};
use minijinja::{Value as Jinja, value::ValueKind};
use serde_json::Value;
use std::cell::OnceCell;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// How far ahead of its arrival an event may be: clocks and zones are wrong by hours. What is further ahead would outweigh
/// whatever comes until then.
pub(in crate::sources) const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Most errors that are told of one payload.
const MAX_ERRORS: usize = 50;
/// Longest property name, and longest type, that is told back, in characters.
const MAX_SHOWN_CHARS: usize = 64;

/// The pointer to a property of what `at` points to (RFC 6901).
pub(super) fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A payload on its way, and what was wrong with it.
pub(super) struct Reading<'a> {
    pub(super) compiled: &'a Compiled,
    payload: &'a Value,
    seen: Jinja,
    /// What the record's part is, where there is one, and where it stands.
    data: Option<Jinja>,
    data_at: String,
    kind: Option<String>,
    roots: OnceCell<Jinja>,
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(compiled: &'a Compiled, payload: &'a Value) -> Self {
        let seen = context::jinja(payload);
        let mut reading = Self {
            compiled,
            payload,
            seen,
            data: None,
            data_at: String::new(),
            kind: None,
            roots: OnceCell::new(),
            errors: Vec::new(),
        };
        let roots = context::roots(&reading.seen, None, None);
        let data = compiled.data.source.evaluate(&compiled.environment, &roots).ok();
        reading.data = data.filter(|data| !data.is_undefined() && !data.is_none());
        reading.data_at = reading.pointer(&compiled.data);
        reading
    }

    /// What a payload means that came as an event.
    pub(super) fn read(mut self, arrival: Arrival<'_>) -> Result<Mapped, Vec<FieldError>> {
        if !self.payload.is_object() {
            return Err(vec![FieldError { pointer: String::new(), message: "must be a JSON object".to_owned() }]);
        }
        let compiled = self.compiled;
        let kind = self.identifier(&compiled.kind);
        self.say_kind(kind);
        let id = self.event_id(arrival);
        let (id, at) = (self.noted(id), self.time(arrival.received_at, arrival.received_at));
        let record_of = id.clone().unwrap_or_else(|| self.made_id("content", ""));
        self.understood(id, Some(&record_of), at)
    }

    /// What a line of a listing means.
    pub(super) fn read_listed(
        mut self,
        kind: Option<&str>,
        as_of: Timestamp,
        received_at: Timestamp,
    ) -> Result<Mapped, Vec<FieldError>> {
        if !self.payload.is_object() {
            return Err(vec![FieldError { pointer: String::new(), message: "must be a JSON object".to_owned() }]);
        }
        let compiled = self.compiled;
        let bare = self.data.as_ref().is_none_or(|data| data.kind() != ValueKind::Map);
        if bare && kind.is_some() {
            (self.data, self.data_at) = (Some(self.seen.clone()), String::new());
        }
        let own = self.identifier(&compiled.kind);
        // A record may have a property of that name, which says something else.
        let own = own.ok().flatten().filter(|own| kind.is_none() || !bare && compiled.types.contains_key(own));
        self.say_kind(Ok(own.or_else(|| kind.map(str::to_owned))));
        let at = self.time(as_of, as_of.min(received_at));
        let id = at.map(|at| self.made_id("listed", &format!("{:?} {at}", self.kind)));
        // A record alone has no event's id, whatever it calls its own.
        let event = if bare && kind.is_some() { None } else { self.named_id().ok().flatten() };
        self.understood(id, event.as_ref(), at)
    }

    /// The id that a dead letter is known by.
    pub(super) fn id_at_any_rate(&self, arrival: Arrival<'_>) -> SourceEventId {
        self.event_id(arrival).unwrap_or_else(|_| {
            let header = Self::header_id(arrival).and_then(|id| SourceEventId::parse(&id).ok());
            header.unwrap_or_else(|| self.made_id("content", ""))
        })
    }

    /// The record and its contact, as far as they can be told.
    pub(super) fn subjects(mut self) -> (Option<ExternalId>, Option<ExternalId>) {
        if !self.payload.is_object() || !self.has_data() {
            return (None, None);
        }
        let word = self.identifier(&self.compiled.kind);
        self.say_kind(word);
        let kind = self.kind.as_ref().and_then(|word| self.compiled.types.get(word).copied().flatten());
        self.ids(kind)
    }

    fn say_kind(&mut self, kind: Result<Option<String>, FieldError>) {
        if matches!(kind, Ok(None)) {
            self.add(self.pointer(&self.compiled.kind), "is required: it says what the event tells of");
        }
        self.kind = self.noted(kind).flatten();
        self.roots = OnceCell::new();
    }

    /// What all that was read so far comes to. A note without an id is known by that of its event.
    fn understood(
        mut self,
        id: Option<SourceEventId>,
        event: Option<&SourceEventId>,
        at: Option<Timestamp>,
    ) -> Result<Mapped, Vec<FieldError>> {
        let Some(word) = self.kind.clone() else { return Err(self.errors) };
        let Some(kind) = self.compiled.types.get(&word).copied().flatten() else {
            let shown: String = word.chars().take(MAX_SHOWN_CHARS).collect();
            let known = self.compiled.types.contains_key(&word);
            let verb = if known { "passes over" } else { "does not know" };
            return match id {
                Some(id) => Ok(Mapped::PassedOver { id, why: format!("The mapping {verb} events of type {shown:?}.") }),
                None => Err(self.errors),
            };
        };
        let order = at.map(|at| self.order(at));
        let (Some(id), Some(at), Some(Some(order))) = (id, at, order) else {
            // All that is wrong is told at once, so the records are looked at, too.
            let stand_in = Version { order: 0, tie: 0, at_ms: 0 };
            self.changes(kind, event, stand_in);
            return Err(self.ended());
        };
        let tie = xxh3_64(id.as_str().as_bytes());
        let version = Version { order, tie, at_ms: at.as_millisecond() };
        let changes = self.changes(kind, event, version);
        if self.errors.is_empty() {
            Ok(Mapped::Event(SourceEvent { id, kind, at, changes }))
        } else {
            Err(self.ended())
        }
    }

    fn ended(mut self) -> Vec<FieldError> {
        let further = self.errors.len().saturating_sub(MAX_ERRORS);
        if further > 0 {
            self.errors.truncate(MAX_ERRORS);
            self.add(String::new(), format!("and {further} more"));
        }
        self.errors
    }

    /// The mapping's id, else the header's, else one that is made of the payload: then the same content is the same event.
    fn event_id(&self, arrival: Arrival<'_>) -> Result<SourceEventId, FieldError> {
        if let Some(named) = self.named_id()? {
            return Ok(named);
        }
        let header = Self::header_id(arrival).and_then(|id| SourceEventId::parse(&id).ok());
        Ok(header.unwrap_or_else(|| self.made_id("content", "")))
    }

    /// The id that the mapping finds.
    fn named_id(&self) -> Result<Option<SourceEventId>, FieldError> {
        let Some(expression) = &self.compiled.id else { return Ok(None) };
        let Some(text) = self.identifier(expression)? else { return Ok(None) };
        SourceEventId::parse(&text).map(Some).map_err(|invalid| self.invalid(expression, &invalid))
    }

    fn header_id(arrival: Arrival<'_>) -> Option<String> {
        let id = arrival.header_id?;
        Some(arrival.index.map_or_else(|| id.to_owned(), |index| format!("{id}/{index}")))
    }

    fn made_id(&self, word: &'static str, beside: &str) -> SourceEventId {
        SourceEventId::made(word, xxh3_128(format!("{beside} {}", self.payload).as_bytes()))
    }

    /// When it happened, which the clock of `now` must not be far behind; `otherwise` of what does not say so.
    fn time(&mut self, otherwise: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let Some(expression) = &self.compiled.time else { return Some(otherwise) };
        let read = match self.value(expression) {
            Ok(None) => return Some(otherwise),
            Ok(Some(Value::String(text))) => instant::of_text(text.trim(), &self.compiled.zone),
            Ok(Some(number @ Value::Number(_))) => instant::of_number(&context::jinja(&number)),
            Ok(Some(_)) => Err("must be a time"),
            Err(error) => {
                self.errors.push(error);
                return None;
            }
        };
        match read {
            Ok(at) if at.duration_since(now) > MAX_AHEAD => {
                self.add(
                    self.pointer(expression),
                    "is more than 24 hours ahead: it would outweigh all that comes until then",
                );
                None
            }
            Ok(at) => Some(at),
            Err(message) => {
                self.add(self.pointer(expression), message);
                None
            }
        }
    }

    fn order(&mut self, at: Timestamp) -> Option<i64> {
        let Some(expression) = &self.compiled.sequence else { return Some(at.as_microsecond()) };
        let number = match self.value(expression) {
            Ok(Some(Value::Number(number))) => number.as_i64(),
            Ok(Some(Value::String(digits))) => digits.trim().parse().ok(),
            Ok(Some(_)) => None,
            Ok(None) => {
                self.add(self.pointer(expression), "is required: the mapping orders events by it");
                return None;
            }
            Err(error) => {
                self.errors.push(error);
                return None;
            }
        };
        if number.is_none() {
            self.add(self.pointer(expression), "must be a whole number");
        }
        number
    }

    /// Whether the record's part is one; if not, that is said.
    pub(super) fn has_data(&mut self) -> bool {
        let message = match &self.data {
            Some(data) if data.kind() == ValueKind::Map => return true,
            Some(_) => "must be a JSON object",
            None => "is required: the mapping looks for the record there",
        };
        self.add(self.data_at.clone(), message);
        false
    }

    pub(super) fn data_at(&self) -> &str {
        &self.data_at
    }

    pub(super) fn roots(&self) -> &Jinja {
        self.roots.get_or_init(|| context::roots(&self.seen, self.data.as_ref(), self.kind.as_deref()))
    }

    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.errors.push(FieldError { pointer: pointer.into(), message: message.into() });
    }

    /// The value, if nothing is wrong with it; otherwise that is noted.
    pub(super) fn noted<T>(&mut self, read: Result<T, FieldError>) -> Option<T> {
        read.map_err(|error| self.errors.push(error)).ok()
    }

    /// Where what an expression reads stands in the payload: the first that is there, else the first that could be.
    pub(super) fn pointer(&self, expression: &Expression) -> String {
        let pointers = || expression.paths.iter().filter_map(|path| self.pointer_of(path));
        pointers().find(|at| self.is_there(at)).or_else(|| pointers().next()).unwrap_or_default()
    }

    fn pointer_of(&self, path: &[String]) -> Option<String> {
        let (root, rest) = path.split_first()?;
        let at = match root.as_str() {
            "payload" => String::new(),
            "data" => self.data_at.clone(),
            // Its place is the type expression's business.
            _ => return None,
        };
        Some(rest.iter().fold(at, |at, step| below(&at, step)))
    }

    fn is_there(&self, pointer: &str) -> bool {
        self.payload.pointer(pointer).is_some_and(|value| !value.is_null())
    }

    pub(super) fn array_at(&self, pointer: &str) -> bool {
        self.payload.pointer(pointer).is_some_and(Value::is_array)
    }

    /// What an expression yields; `None` where it says nothing.
    pub(super) fn value(&self, expression: &Expression) -> Result<Option<Value>, FieldError> {
        let refuse = |message: String| Err(FieldError { pointer: self.pointer(expression), message });
        match expression.source.value(&self.compiled.environment, self.roots()) {
            Ok(value) => Ok(value.filter(says)),
            Err(Fault::Unknown) => Ok(None),
            Err(Fault::Misfit(_)) if self.lacks(expression) => Ok(None),
            Err(Fault::Refused(message)) => refuse(message),
            Err(Fault::Misfit(what) | Fault::Broken(what)) => {
                refuse(format!("cannot be read by the mapping's expression: {what}"))
            }
        }
    }

    /// Whether something that an expression reads is not there: then what it makes of it does not count.
    fn lacks(&self, expression: &Expression) -> bool {
        expression.paths.iter().filter_map(|path| self.pointer_of(path)).any(|at| !self.is_there(&at))
    }

    /// A text, or the digits of a whole number.
    pub(super) fn identifier(&self, expression: &Expression) -> Result<Option<String>, FieldError> {
        match self.value(expression)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
            Some(_) => Err(FieldError {
                pointer: self.pointer(expression),
                message: "must be a text or a whole number".to_owned(),
            }),
        }
    }

    /// A record's id, where there is one.
    pub(super) fn external_id(&mut self, expression: &Expression) -> Option<ExternalId> {
        let text = self.identifier(expression);
        let text = self.noted(text)??;
        let parsed = ExternalId::parse(&text).map_err(|invalid| self.invalid(expression, &invalid));
        self.noted(parsed)
    }

    /// The same where it must be there.
    pub(super) fn required_id(&mut self, expression: &Expression) -> Option<ExternalId> {
        let before = self.errors.len();
        let id = self.external_id(expression);
        if id.is_none() && self.errors.len() == before {
            self.add(self.pointer(expression), "is required");
        }
        id
    }

    fn invalid(&self, expression: &Expression, invalid: &InvalidName) -> FieldError {
        FieldError { pointer: self.pointer(expression), message: invalid.to_string() }
    }
}

/// Whether a value says anything: null, an empty text and an empty list do not.
fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(_) | Value::Object(_) | Value::Bool(_) | Value::Number(_) => true,
    }
}
