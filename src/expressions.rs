//! The expression and template engine (minijinja), as rules and mappings use it: strict about what is not known, bounded in
//! steps and output, without functions, includes or macros. Compiles a text and says everything that is wrong with it;
//! which paths there are to read, the caller says.

pub mod scan;

#[cfg(test)]
mod tests;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use scan::Use;
use std::{collections::BTreeSet, error::Error as _, fmt, io};

/// Steps one evaluation may take: a loop over some hundred tags takes a few thousand.
const FUEL: u64 = 50_000;
/// How deep blocks may nest.
const MAX_NESTING: usize = 32;
/// Bytes a template may yield, unless its caller admits more. A tag is shorter, a field's value hardly longer.
pub const MAX_OUTPUT_BYTES: usize = 4096;
/// Bytes a text may have.
pub const MAX_SOURCE_BYTES: usize = 4096;

/// What texts are compiled and evaluated in. Filters may be added to it before a text is compiled.
#[must_use]
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_NESTING);
    // Without it errors do not know their column.
    environment.set_debug(true);
    for function in ["range", "dict", "debug", "namespace"] {
        environment.remove_global(function);
    }
    environment
}

/// A place in a text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One thing wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where, as far as it is one place.
    pub position: Option<Position>,
    /// What, in words.
    pub what: String,
}

/// What a filter of ours says of a value that it does not take. It names no value: it is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorKind::InvalidOperation, "a filter refuses the value").with_source(refusal)
    }
}

/// Why an evaluation gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It needs a value that is not known.
    Unknown,
    /// It makes something of a value that the value does not admit: perhaps because that is not known, which filters
    /// do not tell apart.
    Misfit(String),
    /// It cannot be evaluated for this contact. The sentence names no value.
    Broken(String),
    /// A filter of ours does not take a value, and says why in words that name none.
    Refused(String),
}

impl Fault {
    /// The same in words, which name no value.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Unknown => "it needs a value that is not there",
            Self::Misfit(what) | Self::Broken(what) | Self::Refused(what) => what,
        }
    }
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yields a value.
    Expression,
    /// Yields a text.
    Template,
}

/// What whoever has texts compiled says of them.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What an error calls a text, such as `a rule's text`.
    pub called: &'static str,
    /// What is wrong with a path that a text reads, if anything is.
    pub judge: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").field("called", &self.called).finish_non_exhaustive()
    }
}

/// A text that compiles, and what it reads of what it is evaluated for.
///
/// It is compiled anew for each evaluation: that takes microseconds, and the engine's compiled form borrows both the text
/// and the environment.
#[derive(Debug, Clone)]
pub struct Source {
    text: String,
    /// The paths it reads, dotted.
    pub reads: BTreeSet<String>,
}

impl Source {
    /// Checks a text: its syntax, its filters and tests, and each path it reads.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of the text.
    pub fn compile(environment: &Environment<'_>, kind: Kind, text: &str, terms: Terms<'_>) -> Result<Self, Vec<Flaw>> {
        if text.len() > MAX_SOURCE_BYTES {
            let what = format!("has {} bytes; {} has at most {MAX_SOURCE_BYTES}", text.len(), terms.called);
            return Err(vec![Flaw { position: None, what }]);
        }
        let reads: BTreeSet<String> = match kind {
            Kind::Expression => {
                environment.compile_expression(text).map(|expression| expression.undeclared_variables(true))
            }
            Kind::Template => environment.template_from_str(text).map(|template| template.undeclared_variables(true)),
        }
        .map_err(|error| vec![syntax_flaw(text, &error)])?
        .into_iter()
        .collect();
        let mut flaws = misspelt_names(environment, kind, text);
        flaws.extend(reads.iter().filter_map(|path| unknown_path(text, path, terms)));
        flaws.sort_by_key(|flaw| flaw.position);
        if flaws.is_empty() { Ok(Self { text: text.to_owned(), reads }) } else { Err(flaws) }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a template begins with before any of its code, and whether that is all of it.
    #[must_use]
    pub fn literal_start(&self) -> (&str, bool) {
        let start = scan::literal_start(&self.text);
        (start, start.len() == self.text.len())
    }

    /// Whether an expression holds.
    ///
    /// # Errors
    /// Why it says neither.
    pub fn holds(&self, environment: &Environment<'_>, context: &Value) -> Result<bool, Fault> {
        let value = self.evaluate(environment, context)?;
        if value.is_undefined() { Err(Fault::Unknown) } else { Ok(value.is_true()) }
    }

    /// What an expression yields, as JSON; `None` where that is undefined.
    ///
    /// # Errors
    /// Why it yields nothing.
    pub fn value(&self, environment: &Environment<'_>, context: &Value) -> Result<Option<serde_json::Value>, Fault> {
        let value = self.evaluate(environment, context)?;
        if value.is_undefined() {
            return Ok(None);
        }
        let json = serde_json::to_value(&value);
        json.map(Some).map_err(|_| Fault::Broken("it yields what JSON cannot hold".to_owned()))
    }

    /// What an expression yields, undefined or not, for a further evaluation.
    ///
    /// # Errors
    /// Why it yields nothing.
    pub fn evaluate(&self, environment: &Environment<'_>, context: &Value) -> Result<Value, Fault> {
        let evaluated = environment.compile_expression(&self.text).and_then(|expression| expression.eval(context));
        evaluated.map_err(|error| self.fault(&error, MAX_OUTPUT_BYTES))
    }

    /// What a template yields, trimmed.
    ///
    /// # Errors
    /// Why it yields nothing.
    pub fn render(&self, environment: &Environment<'_>, context: &Value) -> Result<String, Fault> {
        self.render_within(environment, context, MAX_OUTPUT_BYTES)
    }

    /// The same with another bound, in bytes.
    ///
    /// # Errors
    /// Why it yields nothing.
    pub fn render_within(&self, environment: &Environment<'_>, context: &Value, bound: usize) -> Result<String, Fault> {
        let mut output = Bounded { bytes: Vec::new(), bound };
        let rendered = environment
            .template_from_str(&self.text)
            .and_then(|template| template.render_captured_to(context, &mut output).map(|_| ()));
        rendered.map_err(|error| self.fault(&error, bound))?;
        let text = String::from_utf8(output.bytes).map_err(|_| Fault::Broken("it yields no text".to_owned()))?;
        Ok(text.trim().to_owned())
    }

    /// The engine's own words are left out: they may quote a value.
    fn fault(&self, error: &Error, bound: usize) -> Fault {
        if let Some(refusal) = error.source().and_then(|source| source.downcast_ref::<Refusal>()) {
            return Fault::Refused(refusal.0.clone());
        }
        let what = match error.kind() {
            ErrorKind::UndefinedError => return Fault::Unknown,
            ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
            ErrorKind::WriteFailure => format!("it yields more than {bound} bytes"),
            kind => kind.to_string(),
        };
        let what = match error.range() {
            Some(range) => format!("{}: {what}", Position::of(&self.text, range.start)),
            None => what,
        };
        if error.kind() == ErrorKind::InvalidOperation { Fault::Misfit(what) } else { Fault::Broken(what) }
    }
}

fn syntax_flaw(text: &str, error: &Error) -> Flaw {
    let line = || error.line().map(|line| Position { line, column: 1 });
    let position = error.range().map(|range| Position::of(text, range.start)).or_else(line);
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Flaw { position, what }
}

/// Filters and tests that the engine does not have.
fn misspelt_names(environment: &Environment<'_>, kind: Kind, text: &str) -> Vec<Flaw> {
    let named = match kind {
        Kind::Expression => scan::in_expression(text),
        Kind::Template => scan::in_template(text),
    };
    let unknown = named.into_iter().filter(|named| !exists(environment, named.used_as, named.name));
    unknown
        .map(|named| {
            let word = if named.used_as == Use::Filter { "filter" } else { "test" };
            let what = format!("there is no {word} {:?}", named.name);
            Flaw { position: Some(Position::of(text, named.offset)), what }
        })
        .collect()
}

/// The engine lists neither, but answers a question about a name.
fn exists(environment: &Environment<'_>, used_as: Use, name: &str) -> bool {
    let question = if used_as == Use::Filter { "name is filter" } else { "name is test" };
    let context = Value::from_iter([("name", Value::from(name))]);
    let answer = environment.compile_expression(question).and_then(|question| question.eval(context));
    answer.is_ok_and(|answer| answer.is_true())
}

fn unknown_path(text: &str, path: &str, terms: Terms<'_>) -> Option<Flaw> {
    let what = (terms.judge)(path)?;
    // Somebody may have written blanks around a dot: then it is the first word that is pointed at.
    let root = path.split('.').next().unwrap_or(path);
    let offset = text.find(path).or_else(|| text.find(root)).unwrap_or(0);
    Some(Flaw { position: Some(Position::of(text, offset)), what })
}

/// Takes so many bytes and refuses more.
struct Bounded {
    bytes: Vec<u8>,
    bound: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.bound {
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
