//! Whether a held section may be served: pure judgements of ages, against our own clock. moka only bounds memory.

use crate::{
    domain::{
        problem::{Problem, ProblemKind},
        profile::Section,
    },
    settings::CacheSettings,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long sections are fresh, may be served stale, and are left alone after a failure.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    fresh: [Duration; Section::ALL.len()],
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    not_found: Duration,
    error_hold: Duration,
}

impl From<&CacheSettings> for Policy {
    fn from(settings: &CacheSettings) -> Self {
        Self {
            fresh: Section::ALL.map(|section| match section {
                Section::Contact => settings.contact_fresh,
                Section::Notes => settings.notes_fresh,
                Section::Tasks => settings.tasks_fresh,
                Section::Appointments => settings.appointments_fresh,
                Section::Ip => settings.ip_fresh,
            }),
            stale_while_revalidate: settings.stale_while_revalidate,
            stale_if_error: settings.stale_if_error,
            not_found: settings.not_found,
            error_hold: settings.error_hold,
        }
    }
}

/// Longest wait that an upstream may impose on a section.
const LONGEST_NAMED_WAIT: Duration = Duration::from_secs(60);

/// What is known of a section's place in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    /// When what is held was fetched and when it ceases to be fresh; `None` if nothing is held.
    pub(super) life: Option<Life>,
    /// Whether a write or an event said that what is held is out of date.
    pub(super) touched: bool,
    /// The last failure since, and when.
    pub(super) failure: Option<(&'a Problem, Timestamp)>,
}

/// From when to when something held is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) fetched_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl Life {
    /// Fresh from `fetched_at` for a while.
    pub(super) fn new(fetched_at: Timestamp, fresh: Duration) -> Self {
        Self { fetched_at, expires_at: after(fetched_at, fresh) }
    }
}

/// By how much two readings of the clock may be out of order, while it is not set back.
pub(super) const CLOCK_SLACK: Duration = Duration::from_secs(1);

impl Facts<'_> {
    /// Whether what is held was fetched in what is now the future: the clock was set back, and nobody knows how old it is.
    pub(super) fn is_of_future(&self, now: Timestamp) -> bool {
        self.life.is_some_and(|life| life.fetched_at > after(now, CLOCK_SLACK))
    }
}

/// What to do about a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Fresh: serve it.
    Serve,
    /// Stale but young enough: serve it, and fetch behind.
    ServeAndRefresh,
    /// Fetch before serving.
    Fetch,
    /// It failed a moment ago: serve what there is, and leave the upstream alone.
    Leave,
}

impl Policy {
    /// How long a section is fresh.
    #[must_use]
    pub(super) fn fresh(&self, section: Section) -> Duration {
        self.fresh[section as usize]
    }

    /// When what is held may no longer be served even if the upstream fails.
    pub(super) fn unusable_at(&self, life: Life) -> Timestamp {
        after(life.expires_at, self.stale_if_error.max(self.stale_while_revalidate))
    }

    /// How long a failure is believed before the upstream is asked again.
    #[must_use]
    pub(super) fn hold(&self, problem: &Problem) -> Duration {
        if problem.kind == ProblemKind::ContactNotFound {
            return self.not_found;
        }
        // An upstream that names a wait knows best, within reason.
        self.error_hold.max(problem.retry_after.unwrap_or_default().min(LONGEST_NAMED_WAIT))
    }

    /// What to do about a section now. `max_age` is the caller's own wish, which also overrides a failure's hold.
    pub(super) fn judge(&self, facts: Facts<'_>, now: Timestamp, max_age: Option<Duration>) -> Verdict {
        let held = facts.life.filter(|life| now < self.unusable_at(*life));
        let touched = facts.touched || facts.is_of_future(now);
        if let Some(max_age) = max_age {
            let young_enough = held.is_some_and(|life| !touched && now < after(life.fetched_at, max_age));
            return if young_enough { Verdict::Serve } else { Verdict::Fetch };
        }
        let held_back = facts
            .failure
            .is_some_and(|(problem, at)| at <= after(now, CLOCK_SLACK) && now < after(at, self.hold(problem)));
        match held {
            Some(life) if !touched && now < life.expires_at => Verdict::Serve,
            _ if held_back => Verdict::Leave,
            Some(life) if !touched && now < after(life.expires_at, self.stale_while_revalidate) => {
                Verdict::ServeAndRefresh
            }
            _ => Verdict::Fetch,
        }
    }
}

/// `at` plus `by`, at the end of time where that overflows.
pub(super) fn after(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> Policy {
        Policy {
            fresh: [Duration::from_secs(60); 5],
            stale_while_revalidate: Duration::from_secs(300),
            stale_if_error: Duration::from_secs(3600),
            not_found: Duration::from_secs(10),
            error_hold: Duration::from_secs(1),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn judge(fetched: Option<i64>, touched: bool, failed: Option<i64>, now: i64, max_age: Option<u64>) -> Verdict {
        let problem = Problem::new(ProblemKind::UpstreamTimeout, "slow");
        let failure = failed.map(|second| (&problem, at(second)));
        let life = fetched.map(|second| Life::new(at(second), policy().fresh(Section::Notes)));
        policy().judge(Facts { life, touched, failure }, at(now), max_age.map(Duration::from_secs))
    }

    #[test]
    fn a_section_ages_from_fresh_to_stale_to_gone() {
        assert_eq!(judge(Some(0), false, None, 59, None), Verdict::Serve);
        assert_eq!(judge(Some(0), false, None, 60, None), Verdict::ServeAndRefresh);
        assert_eq!(judge(Some(0), false, None, 360, None), Verdict::Fetch);
        assert_eq!(judge(None, false, None, 0, None), Verdict::Fetch);
    }

    #[test]
    fn a_failure_is_left_alone_for_a_while() {
        assert_eq!(judge(Some(0), false, Some(400), 400, None), Verdict::Leave);
        assert_eq!(judge(Some(0), false, Some(400), 401, None), Verdict::Fetch);
        assert_eq!(judge(None, false, Some(0), 0, None), Verdict::Leave);
    }

    #[test]
    fn a_wait_that_the_upstream_names_is_honoured() {
        let quota =
            |seconds| Problem::new(ProblemKind::QuotaExhausted, "spent").with_retry_after(Duration::from_secs(seconds));
        assert_eq!(policy().hold(&quota(10)), Duration::from_secs(10));
        assert_eq!(policy().hold(&quota(86_400)), LONGEST_NAMED_WAIT);
    }

    #[test]
    fn a_touched_section_is_fetched_however_young() {
        assert_eq!(judge(Some(0), true, None, 1, None), Verdict::Fetch);
        assert_eq!(judge(Some(0), true, None, 1, Some(1000)), Verdict::Fetch);
    }

    #[test]
    fn what_comes_from_the_future_is_fetched_again() {
        assert_eq!(judge(Some(100), false, None, 99, None), Verdict::Serve, "clocks tick");
        assert_eq!(judge(Some(100), false, None, 50, None), Verdict::Fetch);
        assert_eq!(judge(Some(100), false, None, 50, Some(1000)), Verdict::Fetch);
        assert_eq!(judge(None, false, Some(100), 50, None), Verdict::Fetch);
    }

    #[test]
    fn a_caller_may_ask_for_younger_or_accept_older() {
        assert_eq!(judge(Some(0), false, None, 0, Some(0)), Verdict::Fetch);
        assert_eq!(judge(Some(0), false, None, 20, Some(10)), Verdict::Fetch);
        assert_eq!(judge(Some(0), false, None, 200, Some(300)), Verdict::Serve);
        assert_eq!(judge(None, false, Some(0), 0, Some(0)), Verdict::Fetch);
    }

    proptest! {
        #[test]
        fn nothing_past_its_last_time_is_served(age in 3660_i64..1_000_000, max_age in proptest::option::of(0_u64..2_000_000)) {
            prop_assert_eq!(judge(Some(0), false, None, age, max_age), Verdict::Fetch);
        }
    }
}
