//! Rules: conditions over a profile, the tags and fields they yield, and the way of the difference back to GHL.
//!
//! Guarantees: only tags under a managed prefix are ever removed; a field is filled only while it is empty; a rule that
//! asks for what is not known at present changes nothing; rules do not see what rules wrote, so evaluating again after the
//! plan was carried out gives an empty plan. Tags are compared as GHL keeps them. What is written goes through durable
//! operations, and only by GHL's additive routes.
//!
//! A `when` is an expression and tags and fields are templates in the language of Jinja (the crate minijinja), over
//! `contact`, `ip` and `insights` as the profile shows them. A value that is `null` there is undefined here, and whatever
//! needs an undefined value is undecided; `is defined` and `|default(…)` ask on purpose. A `none` that an expression makes
//! itself is its author's business: it counts as false.

mod document;
mod evaluate;
mod fields;
mod known;
mod ownership;
mod plan;
mod rule_set;
mod run;

#[cfg(test)]
mod tests;

pub use crate::expressions::Position;
pub use rule_set::{RuleError, RuleErrors, RuleSet};
pub use run::{Contacts, Enrichment, EnrichmentRequest, Writes};

use crate::settings::Settings;

const HIDDEN: &str = "is redacted (profile.redact), so nobody can tell what the contact holds there";

/// Compiles the rules of the settings.
///
/// # Errors
/// All that is wrong with any of them.
pub fn compile(settings: &Settings) -> Result<RuleSet, RuleErrors> {
    let rules = &settings.enrichment.rules;
    let mut errors = RuleSet::compile(rules).err().unwrap_or_default();
    // Of a field that is cut out of what GHL sends nobody can tell whether it is empty.
    let redacted = |name: &str| settings.profile.redact.iter().any(|cut| cut.trim().eq_ignore_ascii_case(name));
    for (index, rule) in rules.iter().enumerate() {
        let mut refuse = |key: String, what: &str| {
            let key = format!("enrichment.rules[{index}].{key}");
            errors.push(RuleError { key, rule: rule.name.clone(), position: None, what: what.to_owned() });
        };
        for name in rule.fields.keys() {
            if redacted(name) || (redacted("customFields") && fields::is_custom(name)) {
                refuse(format!("fields.{name}"), HIDDEN);
            }
            if settings.profile.ip_custom_field.as_deref() == Some(name.as_str()) {
                refuse(
                    format!("fields.{name}"),
                    "is where a contact's address is looked for (profile.ip_custom_field)",
                );
            }
        }
        if redacted("tags") && !rule.tags.is_empty() {
            refuse("tags".to_owned(), HIDDEN);
        }
    }
    if errors.is_empty() { RuleSet::compile(rules).map_err(RuleErrors) } else { Err(RuleErrors(errors)) }
}
