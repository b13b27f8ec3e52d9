//! What each rule comes to for one profile, and why.

use super::{
    document::Document,
    fields::Field,
    known,
    ownership::{fold, refuses},
    rule_set::{Compiled, Rule, RuleSet},
};
use crate::{
    domain::{
        problem::Problem,
        rules::{RuleOutcome, RuleVerdict},
    },
    expressions::{Fault, Source},
};
use minijinja::Environment;
use serde_json::Value;

/// What a rule comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) verdict: RuleVerdict,
    /// Folded, in the rule's order, each once.
    pub(super) tags: Vec<String>,
    /// The same as an explanation shows them: of one that a personal value is part of, its beginning.
    told_tags: Vec<String>,
    /// The values of fields; `None` is not known, and so not filled. An empty one is left out.
    pub(super) fields: Vec<(Field, Option<String>)>,
    pub(super) why: String,
}

impl Outcome {
    fn nothing(verdict: RuleVerdict, why: String) -> Self {
        Self { verdict, tags: Vec::new(), told_tags: Vec::new(), fields: Vec::new(), why }
    }
}

impl RuleSet {
    /// Evaluates every rule for a profile as it is served, and writes nothing. Personal values are masked, in tags as well
    /// as in reasons.
    ///
    /// # Errors
    /// Where it is no profile.
    pub fn evaluate(&self, profile: &Value) -> Result<Vec<RuleOutcome>, Problem> {
        let document = Document::read(profile, &self.inner.owned)?;
        let outcomes = self.inner.outcomes(&document);
        let told = |(rule, outcome): (&Rule, Outcome)| RuleOutcome {
            tags: outcome.told_tags.clone(),
            ..shown(rule, &outcome)
        };
        Ok(self.inner.rules.iter().zip(outcomes).map(told).collect())
    }
}

/// A rule's outcome as it is reported.
pub(super) fn shown(rule: &Rule, outcome: &Outcome) -> RuleOutcome {
    RuleOutcome {
        name: rule.name.clone(),
        verdict: outcome.verdict,
        tags: outcome.tags.clone(),
        why: outcome.why.clone(),
    }
}

impl Compiled {
    pub(super) fn outcomes(&self, document: &Document) -> Vec<Outcome> {
        self.rules.iter().map(|rule| outcome(&self.environment, rule, document)).collect()
    }
}

fn outcome(environment: &Environment<'_>, rule: &Rule, document: &Document) -> Outcome {
    let misfits = |fault: &Fault| matches!(fault, Fault::Misfit(_)) && !document.not_known(&rule.needs).is_empty();
    match judge(environment, rule, document) {
        Ok(outcome) => outcome,
        Err(Fault::Unknown) => Outcome::nothing(RuleVerdict::Undecided, undecided(rule, document)),
        Err(fault) if misfits(&fault) => Outcome::nothing(RuleVerdict::Undecided, undecided(rule, document)),
        Err(Fault::Broken(what) | Fault::Misfit(what) | Fault::Refused(what)) => {
            Outcome::nothing(RuleVerdict::Failed, format!("It cannot be evaluated for this contact: {what}."))
        }
    }
}

fn judge(environment: &Environment<'_>, rule: &Rule, document: &Document) -> Result<Outcome, Fault> {
    if let Some(section) = document.lacks(&rule.needs) {
        let why = format!("The section {section}, which it reads, could not be had.");
        return Ok(Outcome::nothing(RuleVerdict::Undecided, why));
    }
    let why = match &rule.when {
        None => "It holds always.".to_owned(),
        Some(when) => {
            let told = told(when, document);
            if !when.holds(environment, &document.context)? {
                return Ok(Outcome::nothing(RuleVerdict::NotMatched, format!("It does not hold{told}.")));
            }
            format!("It holds{told}.")
        }
    };
    let (mut tags, mut told_tags) = (Vec::new(), Vec::new());
    for source in &rule.tags {
        let tag = tag(environment, rule, source, document)?;
        if let Some(tag) = tag.filter(|tag| !tags.contains(tag)) {
            let masked = || format!("{}…", fold(source.literal_start().0));
            told_tags.push(if known::is_personal(&source.reads) { masked() } else { tag.clone() });
            tags.push(tag);
        }
    }
    let fields = rule.fields.iter().filter_map(|(field, source)| {
        let value = value(environment, source, document);
        (value.as_deref() != Some("")).then(|| (field.clone(), value))
    });
    Ok(Outcome { verdict: RuleVerdict::Matched, tags, told_tags, fields: fields.collect(), why })
}

fn told(when: &Source, document: &Document) -> String {
    let told = document.tell(&when.reads);
    if told.is_empty() { told } else { format!(": {told}") }
}

fn undecided(rule: &Rule, document: &Document) -> String {
    let missing = document.not_known(&rule.needs);
    if missing.is_empty() {
        let when = rule.when.as_ref().map_or_else(String::new, |when| told(when, document));
        return format!("Its condition leaves it undecided{when}.");
    }
    format!("Not known: {}.", missing.join(", "))
}

/// The tag a template yields; none where nothing follows the part that is always the same.
fn tag(
    environment: &Environment<'_>,
    rule: &Rule,
    source: &Source,
    document: &Document,
) -> Result<Option<String>, Fault> {
    let tag = fold(&source.render(environment, &document.context)?);
    if let Some(what) = refuses(&tag) {
        return Err(Fault::Broken(what));
    }
    let (start, whole) = source.literal_start();
    let start = start.trim_start().to_lowercase();
    match &rule.prefix {
        Some(prefix) if tag.len() <= prefix.len() && prefix.starts_with(&tag) => Ok(None),
        Some(prefix) if !tag.starts_with(prefix) => {
            Err(Fault::Broken(format!("a tag does not begin with the managed prefix {prefix:?}")))
        }
        None if !whole && (tag.len() <= start.len() || !tag.starts_with(&start)) => Ok(None),
        Some(_) | None => Ok(Some(tag).filter(|tag| !tag.is_empty())),
    }
}

/// A field's value. What is not known now is filled another time, and a field that cannot be evaluated harms no tag.
fn value(environment: &Environment<'_>, source: &Source, document: &Document) -> Option<String> {
    if document.lacks(&source.reads).is_some() {
        return None;
    }
    source.render(environment, &document.context).ok()
}
