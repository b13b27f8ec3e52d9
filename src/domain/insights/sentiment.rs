//! How a contact's notes sound.
//!
//! Scoring is VADER's, by the `vader-parity` crate, whose scores equal those of the reference implementation
//! (vaderSentiment 3.3.2); its tables are parsed once, at first use. Cost is bounded by [`MAX_NOTES_SCORED`] and
//! [`MAX_NOTE_CHARS`], and is linear in the text.

use super::count;
use crate::domain::note::Note;
use jiff::Timestamp;
use serde::Serialize;
use std::{cmp::Reverse, sync::LazyLock};
use utoipa::ToSchema;
use vader_parity::SentimentIntensityAnalyzer;
use whatlang::{Detector, Lang};

/// How many notes are looked at: the newest.
pub const MAX_NOTES_SCORED: usize = 25;

/// How much of a note is looked at, in characters from its beginning.
pub const MAX_NOTE_CHARS: usize = 1_000;

/// From this confidence on (0 to 1), a text's language is taken as recognised. Tried on short CRM notes in English and some
/// twenty other languages: at 0.5 no foreign one passed as English.
const RECOGNISED: f64 = 0.5;

/// Days in which a note's weight halves.
const HALF_LIFE_DAYS: f64 = 90.0;

/// VADER's own border between neutral and not.
const NEUTRAL_BELOW: f64 = 0.05;

/// How the notes sound. A hint: a lexicon knows no irony and no trade's jargon.
///
/// Method: of the newest 25 notes, the first 1,000 characters each. Only English is scored. A note whose language is
/// recognised speaks for itself; one too short for that ("Not interested") counts as English if all of them together
/// are recognised as English, else it is left out. A note's score is VADER's compound value; the contact's is their mean,
/// a note's weight halving with every 90 days it is older than the newest scored one (without a date: as the oldest).
/// The label is VADER's: positive from 0.05, negative from -0.05.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentimentInsight {
    /// -1 (all negative) to 1 (all positive), two decimals.
    #[schema(minimum = -1, maximum = 1, example = 0.34)]
    pub score: f64,
    /// The score in a word.
    pub label: SentimentLabel,
    /// How many notes were scored.
    pub notes_scored: u32,
    /// How they were scored.
    pub method: SentimentMethod,
    /// The language scored.
    pub language: SentimentLanguage,
}

/// A sentiment in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SentimentLabel {
    /// 0.05 and more.
    Positive,
    /// In between.
    Neutral,
    /// -0.05 and less.
    Negative,
}

/// How notes are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SentimentMethod {
    /// VADER: Hutto and Gilbert, ICWSM 2014.
    Vader,
}

/// A language that is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SentimentLanguage {
    /// English.
    En,
}

static ANALYSER: LazyLock<SentimentIntensityAnalyzer> = LazyLock::new(SentimentIntensityAnalyzer::new);

/// Languages in Latin script that notes are likely in. Telling English from these is surer, and three times faster, than
/// from all that whatlang knows (Latin, Akan, Esperanto …); fewer would make it take Polish for Italian.
static LANGUAGES: LazyLock<Detector> = LazyLock::new(|| {
    use Lang::*;
    Detector::with_allowlist(vec![
        Eng, Spa, Deu, Fra, Por, Ita, Nld, Swe, Dan, Nob, Fin, Pol, Tur, Tgl, Ron, Ind, Hun, Ces, Hrv, Vie, Cat, Afr,
    ])
});

pub(super) fn derive(notes: &[Note]) -> Option<SentimentInsight> {
    let scored = score_each(&english(&newest(notes)));
    let score = round(weighted_mean(&scored)?);
    Some(SentimentInsight {
        score,
        label: label(score),
        notes_scored: count(scored.len()),
        method: SentimentMethod::Vader,
        language: SentimentLanguage::En,
    })
}

/// A note's beginning and when it was added.
#[derive(Debug, Clone, Copy)]
struct Excerpt<'a> {
    text: &'a str,
    added: Option<Timestamp>,
}

fn newest(notes: &[Note]) -> Vec<Excerpt<'_>> {
    let mut written: Vec<&Note> = notes.iter().filter(|note| !note.text.trim().is_empty()).collect();
    written.sort_by_key(|note| (Reverse(note.date_added), &note.id, &note.text));
    let newest = written.into_iter().take(MAX_NOTES_SCORED);
    newest.map(|note| Excerpt { text: beginning(&note.text), added: note.date_added }).collect()
}

fn beginning(text: &str) -> &str {
    let text = text.trim();
    text.char_indices().nth(MAX_NOTE_CHARS).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// What a text's language looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    English,
    Other,
    TooShort,
}

fn guess(text: &str) -> Guess {
    match LANGUAGES.detect(text) {
        Some(found) if found.confidence() >= RECOGNISED && found.lang() == Lang::Eng => Guess::English,
        Some(found) if found.confidence() >= RECOGNISED => Guess::Other,
        None if text.chars().any(char::is_alphabetic) => Guess::Other,
        Some(_) | None => Guess::TooShort,
    }
}

fn english<'a>(excerpts: &[Excerpt<'a>]) -> Vec<Excerpt<'a>> {
    let guesses: Vec<Guess> = excerpts.iter().map(|excerpt| guess(excerpt.text)).collect();
    let together = if guesses.contains(&Guess::TooShort) { guess(&joined(excerpts)) } else { Guess::TooShort };
    let is_english = |own: Guess| own == Guess::English || (own == Guess::TooShort && together == Guess::English);
    excerpts.iter().zip(guesses).filter(|(_, own)| is_english(*own)).map(|(excerpt, _)| *excerpt).collect()
}

fn joined(excerpts: &[Excerpt<'_>]) -> String {
    excerpts.iter().flat_map(|excerpt| [excerpt.text, "\n"]).collect()
}

fn score_each(excerpts: &[Excerpt<'_>]) -> Vec<(f64, Option<Timestamp>)> {
    excerpts.iter().map(|excerpt| (ANALYSER.polarity_scores(excerpt.text).compound, excerpt.added)).collect()
}

/// The mean by weight; weights are relative to the newest, so that the passing of time changes nothing.
fn weighted_mean(scored: &[(f64, Option<Timestamp>)]) -> Option<f64> {
    let newest = scored.iter().filter_map(|(_, added)| *added).max();
    let oldest = scored.iter().filter_map(|(_, added)| *added).min();
    let weight = |added: Option<Timestamp>| match (newest, added.or(oldest)) {
        (Some(newest), Some(added)) => (-newest.duration_since(added).as_secs_f64() / 86_400.0 / HALF_LIFE_DAYS).exp2(),
        (None, _) | (_, None) => 1.0,
    };
    let total: f64 = scored.iter().map(|(_, added)| weight(*added)).sum();
    let sum: f64 = scored.iter().map(|(score, added)| score * weight(*added)).sum();
    (total > 0.0).then(|| (sum / total).clamp(-1.0, 1.0))
}

/// Two decimals, and no negative zero.
fn round(score: f64) -> f64 {
    (score * 100.0).round() / 100.0 + 0.0
}

fn label(score: f64) -> SentimentLabel {
    if score >= NEUTRAL_BELOW {
        SentimentLabel::Positive
    } else if score <= -NEUTRAL_BELOW {
        SentimentLabel::Negative
    } else {
        SentimentLabel::Neutral
    }
}
