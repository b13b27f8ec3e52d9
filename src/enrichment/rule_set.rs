//! Rules as they are compiled: every text checked, each rule against all others, everything that is wrong at once.

use super::{
    fields::Field,
    known,
    ownership::{self, Ownership},
};
use crate::{
    domain::profile::{Include, Section},
    expressions::{self, Flaw, Kind, Position, Source, Terms},
    settings::RuleSettings,
};
use minijinja::Environment;
use std::{collections::BTreeSet, fmt, sync::Arc};

/// Rules in one file: each costs microseconds a contact, and a list longer than this is a slip.
const MAX_RULES: usize = 200;
/// Tags, and fields, of one rule.
const MAX_YIELDS: usize = 20;

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The setting, such as `enrichment.rules[2].when`.
    pub key: String,
    /// The rule's name.
    pub rule: String,
    /// Where in that text, as far as it is one place.
    pub position: Option<Position>,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (rule {:?}): ", self.key, self.rule)?;
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// Everything that is wrong with the rules, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleErrors(pub Vec<RuleError>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the rules have 1 error:")?,
            count => write!(f, "the rules have {count} errors:")?,
        }
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

/// Rules that compile. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(super) inner: Arc<Compiled>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) environment: Environment<'static>,
    pub(super) rules: Vec<Rule>,
    pub(super) owned: Ownership,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    /// `None` holds always.
    pub(super) when: Option<Source>,
    /// Folded.
    pub(super) prefix: Option<String>,
    pub(super) tags: Vec<Source>,
    pub(super) fields: Vec<(Field, Source)>,
    /// What condition and tags read: without it nothing can be said. Fields are left out, each is skipped by itself.
    pub(super) needs: BTreeSet<String>,
}

impl Rule {
    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.when.iter().chain(&self.tags).chain(self.fields.iter().map(|(_, source)| source))
    }
}

impl RuleSet {
    /// Compiles rules as they are written.
    ///
    /// # Errors
    /// All that is wrong with any of them.
    pub fn compile(settings: &[RuleSettings]) -> Result<Self, Vec<RuleError>> {
        let mut compiler = Compiler { environment: expressions::environment(), errors: Vec::new() };
        if settings.len() > MAX_RULES {
            let what = format!("there are {} rules; at most {MAX_RULES} are taken", settings.len());
            compiler.errors.push(RuleError {
                key: "enrichment.rules".to_owned(),
                rule: String::new(),
                position: None,
                what,
            });
        }
        let rules: Vec<Rule> =
            settings.iter().take(MAX_RULES).enumerate().map(|(index, rule)| compiler.rule(index, rule)).collect();
        let owned = owned_by(&rules);
        compiler.check_prefixes(&rules);
        compiler.check_loops(&rules);
        if compiler.errors.is_empty() {
            let compiled = Compiled { environment: compiler.environment, rules, owned };
            Ok(Self { inner: Arc::new(compiled) })
        } else {
            Err(compiler.errors)
        }
    }

    /// The rules' names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inner.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The parts of a profile that the rules read.
    #[must_use]
    pub fn include(&self) -> Include {
        let mut words = BTreeSet::from(["contact"]);
        let paths = self.inner.rules.iter().flat_map(Rule::sources).flat_map(|source| &source.reads);
        for path in paths {
            words.extend(known::rests_on(path).iter().map(|section: &Section| section.as_str()));
            words.extend(path.starts_with("insights").then_some("insights"));
        }
        let words: Vec<_> = words.into_iter().collect();
        Include::parse(&words.join(",")).unwrap_or(Include::ALL)
    }
}

fn owned_by(rules: &[Rule]) -> Ownership {
    let mut owned = Ownership::default();
    for rule in rules {
        owned.prefixes.extend(rule.prefix.clone());
        for tag in rule.tags.iter().filter(|_| rule.prefix.is_none()) {
            match tag.literal_start() {
                (start, true) => owned.tags.insert(ownership::fold(start)),
                (start, false) => owned.prefixes.insert(start.trim_start().to_lowercase()),
            };
        }
        owned.custom_fields.extend(rule.fields.iter().filter_map(|(field, _)| match field {
            Field::Custom(id) => Some(id.clone()),
            Field::Standard(_) => None,
        }));
    }
    owned
}

/// Gathers what is wrong.
struct Compiler {
    environment: Environment<'static>,
    errors: Vec<RuleError>,
}

/// Where an error belongs.
struct Place<'a> {
    index: usize,
    rule: &'a str,
}

impl Compiler {
    fn refuse(&mut self, place: &Place<'_>, key: &str, position: Option<Position>, what: impl Into<String>) {
        let key = format!("enrichment.rules[{}].{key}", place.index);
        self.errors.push(RuleError { key, rule: place.rule.to_owned(), position, what: what.into() });
    }

    fn source(&mut self, place: &Place<'_>, key: &str, kind: Kind, text: &str) -> Option<Source> {
        let terms = Terms { called: "a rule's text", judge: &known::unknown };
        match Source::compile(&self.environment, kind, text, terms) {
            Ok(source) => Some(source),
            Err(flaws) => {
                for Flaw { position, what } in flaws {
                    self.refuse(place, key, position, what);
                }
                None
            }
        }
    }

    fn rule(&mut self, index: usize, settings: &RuleSettings) -> Rule {
        let place = Place { index, rule: &settings.name };
        if settings.tags.is_empty() && settings.fields.is_empty() {
            self.refuse(&place, "tags", None, "the rule yields neither tags nor fields");
        }
        for (key, count) in [("tags", settings.tags.len()), ("fields", settings.fields.len())] {
            if count > MAX_YIELDS {
                self.refuse(&place, key, None, format!("there are {count}; a rule has at most {MAX_YIELDS}"));
            }
        }
        let when = if settings.when.trim().is_empty() {
            None
        } else {
            self.source(&place, "when", Kind::Expression, &settings.when)
        };
        let prefix = self.prefix(&place, &settings.managed_prefix);
        let mut tags = Vec::new();
        for (at, text) in settings.tags.iter().enumerate() {
            let key = format!("tags[{at}]");
            let Some(source) = self.source(&place, &key, Kind::Template, text) else { continue };
            if let Some(what) = wrong_start(&source, prefix.as_deref()) {
                self.refuse(&place, &key, None, what);
            }
            tags.push(source);
        }
        let fields = self.fields(&place, settings);
        let needs = when.iter().chain(&tags).flat_map(|source| source.reads.iter().cloned()).collect();
        Rule { name: settings.name.clone(), when, prefix, tags, fields, needs }
    }

    fn prefix(&mut self, place: &Place<'_>, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        ownership::prefix(text).map_err(|what| self.refuse(place, "managed_prefix", None, what)).ok()
    }

    fn fields(&mut self, place: &Place<'_>, settings: &RuleSettings) -> Vec<(Field, Source)> {
        let mut fields = Vec::new();
        for (name, text) in &settings.fields {
            let key = format!("fields.{name}");
            let source = self.source(place, &key, Kind::Template, text);
            match (Field::parse(name), source) {
                (Ok(field), Some(source)) => fields.push((field, source)),
                (Ok(_), None) => {}
                (Err(what), _) => self.refuse(place, &key, None, what),
            }
        }
        fields
    }

    /// Two prefixes of which one begins with the other would fight for the same tags; so would a prefix and a tag of a
    /// rule without one.
    fn check_prefixes(&mut self, rules: &[Rule]) {
        let prefixes: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.prefix.as_deref()).collect();
        for (index, rule) in rules.iter().enumerate() {
            let place = Place { index, rule: &rule.name };
            match &rule.prefix {
                Some(mine) => {
                    let within = prefixes.iter().find(|other| **other != mine && mine.starts_with(**other));
                    if let Some(other) = within {
                        let what = format!("begins with {other:?}, which another rule manages; share it or part them");
                        self.refuse(&place, "managed_prefix", None, what);
                    }
                }
                None => self.check_unmanaged(&place, rule, &prefixes),
            }
        }
    }

    fn check_unmanaged(&mut self, place: &Place<'_>, rule: &Rule, prefixes: &BTreeSet<&str>) {
        for (at, tag) in rule.tags.iter().enumerate() {
            let (start, whole) = tag.literal_start();
            let start = start.trim_start().to_lowercase();
            let clash = |prefix: &&&str| start.starts_with(**prefix) || (!whole && prefix.starts_with(&start));
            if let Some(prefix) = prefixes.iter().find(clash) {
                let what = format!("may begin with {prefix:?}, which another rule manages and would remove");
                self.refuse(place, &format!("tags[{at}]"), None, what);
            }
        }
    }

    /// A rule that reads a field which a rule fills would say something else the next time.
    fn check_loops(&mut self, rules: &[Rule]) {
        let filled: Vec<(&'static str, &str)> = rules
            .iter()
            .flat_map(|rule| rule.fields.iter().map(move |(field, _)| (field, rule.name.as_str())))
            .filter_map(|(field, rule)| match field {
                Field::Standard(name) => Some((*name, rule)),
                Field::Custom(_) => None,
            })
            .collect();
        for (index, rule) in rules.iter().enumerate() {
            let named = rule.when.iter().map(|source| ("when".to_owned(), source));
            let named = named.chain(rule.tags.iter().enumerate().map(|(at, tag)| (format!("tags[{at}]"), tag)));
            let fields = rule.fields.iter().map(|(field, source)| (format!("fields.{}", field.name()), source));
            for (key, source) in named.chain(fields) {
                for (path, (field, by)) in loops(source, &filled) {
                    let what = format!(
                        "reads {path}, which depends on contact.{field}, and rule {by:?} fills that; a field is filled only while it is empty, there is no need to ask"
                    );
                    self.refuse(&Place { index, rule: &rule.name }, &key, None, what);
                }
            }
        }
    }
}

fn loops<'a>(source: &'a Source, filled: &'a [(&'static str, &str)]) -> Vec<(&'a str, (&'static str, &'a str))> {
    let reads = |path: &str, field: &str| {
        path == "contact" || path.strip_prefix("contact.") == Some(field) || known::drawn_from(path).contains(&field)
    };
    let first = |path: &'a String| filled.iter().find(|(field, _)| reads(path, field)).map(|by| (path.as_str(), *by));
    source.reads.iter().filter_map(first).collect()
}

/// Why a tag cannot be what its rule's prefix asks, as far as its literal start tells.
fn wrong_start(source: &Source, prefix: Option<&str>) -> Option<String> {
    let (start, whole) = source.literal_start();
    let folded = start.trim_start().to_lowercase();
    if let Some(what) = ownership::refuses(&folded) {
        return Some(what);
    }
    match prefix {
        Some(prefix) => {
            let fits = if whole { folded.trim_end().len() > prefix.len() && folded.starts_with(prefix) } else {
                folded.starts_with(prefix) || prefix.starts_with(&folded)
            };
            (!fits).then(|| format!("does not begin with the managed prefix {prefix:?}"))
        }
        None if folded.trim().is_empty() && whole => Some("is empty".to_owned()),
        None if folded.trim().chars().count() < 2 && !whole => Some(
            "begins with an expression; give the rule a managed_prefix, or the tag a beginning of its own, for it could be anybody's tag"
                .to_owned(),
        ),
        None => None,
    }
}
