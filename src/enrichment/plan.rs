//! The difference between what the rules yield and what the contact holds: a pure function.

use super::{
    document::Document,
    evaluate::Outcome,
    rule_set::{Compiled, Rule},
};
use crate::domain::rules::{EnrichmentPlan, FieldChange, Kept, RuleVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// A rule, what it came to, and whether it was asked for.
struct Judged<'a> {
    rule: &'a Rule,
    outcome: &'a Outcome,
    asked: bool,
}

impl Judged<'_> {
    /// Why tags under this rule's prefix must stay: it may yield them.
    fn open(&self) -> Option<&'static str> {
        if !self.asked {
            return Some("was not asked for");
        }
        match self.outcome.verdict {
            RuleVerdict::Undecided => Some("is undecided"),
            RuleVerdict::Failed => Some("failed"),
            RuleVerdict::Matched | RuleVerdict::NotMatched => None,
        }
    }

    fn kept(&self, what: &str, why: impl Into<String>) -> Kept {
        Kept { what: what.to_owned(), why: why.into(), rule: self.rule.name.clone() }
    }
}

/// Plans for the rules that were asked for; tags under a managed prefix go only if every rule that shares it was asked for
/// and knows its mind.
pub(super) fn plan(
    compiled: &Compiled,
    outcomes: &[Outcome],
    asked: impl Fn(&str) -> bool,
    document: &Document,
) -> EnrichmentPlan {
    let judged: Vec<_> = compiled
        .rules
        .iter()
        .zip(outcomes)
        .map(|(rule, outcome)| Judged { rule, outcome, asked: asked(&rule.name) })
        .collect();
    let mut plan = EnrichmentPlan::default();
    add_tags(&judged, document, &mut plan);
    remove_tags(&judged, document, &mut plan);
    set_fields(&judged, document, &mut plan);
    plan
}

fn add_tags(judged: &[Judged<'_>], document: &Document, plan: &mut EnrichmentPlan) {
    for one in judged.iter().filter(|one| one.asked) {
        for tag in &one.outcome.tags {
            if document.tags.contains(tag) {
                plan.kept.push(one.kept(tag, "The contact has it."));
            } else if !plan.add_tags.contains(tag) {
                plan.add_tags.push(tag.clone());
            }
        }
    }
}

fn remove_tags(judged: &[Judged<'_>], document: &Document, plan: &mut EnrichmentPlan) {
    let yielded: BTreeSet<&str> = judged.iter().flat_map(|one| &one.outcome.tags).map(String::as_str).collect();
    let mut sharing: BTreeMap<&str, Vec<&Judged<'_>>> = BTreeMap::new();
    for one in judged {
        if let Some(prefix) = &one.rule.prefix {
            sharing.entry(prefix).or_default().push(one);
        }
    }
    for (prefix, rules) in sharing.into_iter().filter(|(_, rules)| rules.iter().any(|one| one.asked)) {
        let open = rules.iter().find_map(|one| one.open().map(|why| (one, why)));
        let held = document.tags.iter().filter(|tag| tag.starts_with(prefix) && !yielded.contains(tag.as_str()));
        for tag in held {
            match open {
                None => plan.remove_tags.push(tag.clone()),
                Some((one, why)) => {
                    let why = format!("The rule {:?}, which may have given it, {why}.", one.rule.name);
                    plan.kept.push(one.kept(tag, why));
                }
            }
        }
    }
}

fn set_fields(judged: &[Judged<'_>], document: &Document, plan: &mut EnrichmentPlan) {
    for one in judged.iter().filter(|one| one.asked) {
        for (field, value) in &one.outcome.fields {
            let name = field.name();
            let Some(value) = value else {
                plan.kept.push(one.kept(name, "Its value is not known or cannot be evaluated."));
                continue;
            };
            let before = plan.set_fields.iter().find(|change| change.field == name);
            if !field.is_empty_in(&document.contact) {
                plan.kept.push(one.kept(name, "The contact has a value, which is never overwritten."));
            } else if let Some(before) = before {
                let why = format!("The rule {:?}, which comes before, fills it.", before.rule);
                plan.kept.push(one.kept(name, why));
            } else {
                match field.check(value) {
                    Ok(value) => {
                        let rule = one.rule.name.clone();
                        plan.set_fields.push(FieldChange { field: name.to_owned(), value, rule });
                    }
                    Err(why) => plan.kept.push(one.kept(name, why)),
                }
            }
        }
    }
}
