//! When notes were written.

use super::count;
use crate::domain::note::Note;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

const THIRTY_DAYS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When notes were written. Method: each note is counted by the time it was added, on the clock of `timezone`; a note
/// without a time is in `notes` and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityInsight {
    /// How many there are.
    pub notes: u32,
    /// When the newest was added.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_note_at: Option<Timestamp>,
    /// How many were added in the last 30 days (of 24 hours).
    #[serde(rename = "notesLast30Days")]
    pub notes_last_30_days: u32,
    /// Notes by day of the week, Monday first.
    #[schema(min_items = 7, max_items = 7)]
    pub by_weekday: [u32; 7],
    /// Notes by hour of the day, 0 to 23.
    #[schema(min_items = 24, max_items = 24)]
    pub by_hour: [u32; 24],
    /// The clock of the two tables: the contact's time zone if known, else `UTC`.
    #[schema(example = "Australia/Sydney")]
    pub timezone: String,
}

pub(super) fn derive(notes: &[Note], zone: &TimeZone, now: Timestamp) -> ActivityInsight {
    let added = || notes.iter().filter_map(|note| note.date_added);
    let (mut by_weekday, mut by_hour) = ([0; 7], [0; 24]);
    for at in added() {
        let local = zone.to_datetime(at);
        increment(&mut by_weekday, local.weekday().to_monday_zero_offset());
        increment(&mut by_hour, local.hour());
    }
    ActivityInsight {
        notes: count(notes.len()),
        last_note_at: added().max(),
        notes_last_30_days: count(added().filter(|at| leaves(*at).is_none_or(|leaves| now < leaves)).count()),
        by_weekday,
        by_hour,
        timezone: zone.iana_name().unwrap_or("UTC").to_owned(),
    }
}

/// When the next note leaves the 30 days.
pub(super) fn next_change(notes: &[Note], now: Timestamp) -> Option<Timestamp> {
    notes.iter().filter_map(|note| leaves(note.date_added?)).filter(|leaves| *leaves > now).min()
}

/// When a note leaves the 30 days; `None` where time ends before that.
fn leaves(added: Timestamp) -> Option<Timestamp> {
    added.checked_add(THIRTY_DAYS).ok()
}

fn increment(table: &mut [u32], index: i8) {
    if let Some(slot) = usize::try_from(index).ok().and_then(|index| table.get_mut(index)) {
        *slot = slot.saturating_add(1);
    }
}
