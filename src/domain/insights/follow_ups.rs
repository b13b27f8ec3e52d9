//! What is to be done: open tasks and upcoming appointments.

use super::Sources;
use crate::domain::{
    appointment::{Appointment, EventTime},
    task::Task,
};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

/// How many follow-ups are given: the soonest.
pub const MAX_FOLLOW_UPS: usize = 50;

/// Appointment states, in lower case, that leave nothing to do. An unknown state leaves the appointment in.
const SETTLED: [&str; 6] = ["cancelled", "canceled", "showed", "completed", "noshow", "invalid"];

/// Nowhere on Earth is it later than this after a wall-clock time read as UTC.
const WESTERNMOST: SignedDuration = SignedDuration::from_hours(12);

/// Something to be done. Method: tasks that are not completed, and appointments that have not begun and were not
/// cancelled, by due time (without one last), then by kind and id; at most 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    /// What it is.
    pub kind: FollowUpKind,
    /// The task's or the appointment's id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// When the task is due or the appointment begins; `null` where that, or its time zone, is not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Only where the time zone is not known: when the appointment begins by the clock on the wall. Such an appointment
    /// stays until it has begun everywhere on Earth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false, example = "2026-12-01T09:00:00")]
    pub due_local: Option<civil::DateTime>,
    /// Whether a task was due before now.
    pub overdue: bool,
}

/// What a follow-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowUpKind {
    /// An open task.
    Task,
    /// An upcoming appointment.
    Appointment,
}

pub(super) fn derive(sources: &Sources<'_>, now: Timestamp) -> Option<Vec<FollowUp>> {
    if sources.tasks.is_none() && sources.appointments.is_none() {
        return None;
    }
    let tasks = open(sources).map(|task| of_task(task, now));
    let appointments =
        planned(sources).filter(|(_, begins)| begins.upcoming(now)).map(|(it, at)| of_appointment(it, at));
    let mut all: Vec<FollowUp> = tasks.chain(appointments).collect();
    all.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    all.truncate(MAX_FOLLOW_UPS);
    Some(all)
}

/// When the next task becomes overdue or the next appointment begins.
pub(super) fn next_change(sources: &Sources<'_>, now: Timestamp) -> Option<Timestamp> {
    let due = open(sources).filter_map(|task| task.due_date);
    let begins = planned(sources).filter_map(|(_, begins)| begins.latest());
    due.chain(begins).filter(|at| *at >= now).min().and_then(just_after)
}

fn open<'a>(sources: &Sources<'a>) -> impl Iterator<Item = &'a Task> {
    sources.tasks.unwrap_or_default().iter().filter(|task| !task.completed)
}

fn planned<'a>(sources: &Sources<'a>) -> impl Iterator<Item = (&'a Appointment, Begins)> {
    let appointments = sources.appointments.unwrap_or_default().iter();
    appointments.filter(|it| !is_settled(it)).filter_map(|it| Some((it, Begins::from(it.start_time.as_ref()?))))
}

fn is_settled(appointment: &Appointment) -> bool {
    let status = appointment.status.as_deref().unwrap_or_default().trim();
    SETTLED.iter().any(|settled| status.eq_ignore_ascii_case(settled))
}

/// When an appointment begins.
#[derive(Debug, Clone, Copy)]
enum Begins {
    At(Timestamp),
    OnTheWall(civil::DateTime),
}

impl From<&EventTime> for Begins {
    fn from(time: &EventTime) -> Self {
        match time {
            EventTime::Zoned(at) => Self::At(at.timestamp()),
            EventTime::Zoneless(wall) => Self::OnTheWall(*wall),
        }
    }
}

impl Begins {
    /// The last instant at which it may begin.
    fn latest(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::OnTheWall(wall) => as_utc(wall)?.checked_add(WESTERNMOST).ok(),
        }
    }

    fn upcoming(self, now: Timestamp) -> bool {
        self.latest().is_some_and(|latest| latest >= now)
    }
}

fn of_task(task: &Task, now: Timestamp) -> FollowUp {
    FollowUp {
        kind: FollowUpKind::Task,
        id: task.id.as_str().to_owned(),
        title: task.title.clone(),
        due_at: task.due_date,
        due_local: None,
        overdue: task.due_date.is_some_and(|due| due < now),
    }
}

fn of_appointment(appointment: &Appointment, begins: Begins) -> FollowUp {
    let (due_at, due_local) = match begins {
        Begins::At(at) => (Some(at), None),
        Begins::OnTheWall(wall) => (None, Some(wall)),
    };
    let (id, title) = (appointment.id.as_str().to_owned(), appointment.title.clone());
    FollowUp { kind: FollowUpKind::Appointment, id, title, due_at, due_local, overdue: false }
}

/// Due time with the unknown last; a wall-clock time is placed as if it were UTC.
fn sort_key(it: &FollowUp) -> (bool, Option<Timestamp>, FollowUpKind, &str) {
    let due = it.due_at.or_else(|| it.due_local.and_then(as_utc));
    (due.is_none(), due, it.kind, &it.id)
}

fn as_utc(wall: civil::DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(wall).ok()
}

fn just_after(at: Timestamp) -> Option<Timestamp> {
    at.checked_add(SignedDuration::from_nanos(1)).ok()
}
