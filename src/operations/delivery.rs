//! The seam between the worker and GHL: one attempt at a write, and the look whether an earlier one was carried out.

use crate::domain::{
    operation::{Operation, Written},
    problem::Problem,
};
use futures_util::future::BoxFuture;
use std::{fmt, time::Duration};
use tokio::time::Instant;

/// Carries writes out. Does not repeat anything by itself: when to try again is the worker's to say.
pub trait Delivery: Send + Sync + fmt::Debug {
    /// One attempt. Dropped at `deadline` by itself.
    fn attempt<'a>(&'a self, operation: &'a Operation, deadline: Instant) -> BoxFuture<'a, Attempted>;

    /// Whether GHL holds what an earlier attempt at this operation may have made. `taken` are ids that other operations
    /// were told are theirs. Only asked of operations with [`Operation::uncertain_since`].
    fn look<'a>(&'a self, operation: &'a Operation, taken: &'a [String], deadline: Instant) -> BoxFuture<'a, Looked>;
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempted {
    /// GHL did it.
    Done {
        /// What it answered.
        written: Written,
        /// The status it answered with.
        upstream_status: Option<u16>,
    },
    /// GHL did not do it, and would not do it another time either.
    Refused {
        /// Why, in GHL's own words where it gave some.
        problem: Problem,
        /// The status it answered with.
        upstream_status: Option<u16>,
        /// Whether GHL is known to answer so although it did it (422 on creating a contact): look before believing it.
        doubtful: bool,
    },
    /// It is not known whether GHL did it: a time-out, a broken connection, a 5xx.
    Unknown {
        /// What happened.
        problem: Problem,
        /// The status it answered with, if it did.
        upstream_status: Option<u16>,
    },
    /// GHL answered that it did not do it now: 429.
    Deferred {
        /// What it said.
        problem: Problem,
        /// The status it answered with.
        upstream_status: Option<u16>,
        /// How long to send nothing for this location, where that is known.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent: no quota left, breaker open, no connection, no token.
    NotSent {
        /// Why.
        problem: Problem,
        /// How long to send nothing for this location, where that is known.
        retry_after: Option<Duration>,
    },
}

/// What a look found.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// GHL did it: this is what it holds.
    Found(Written),
    /// It is not there.
    Absent,
    /// It could not be looked: later.
    NotNow {
        /// Why.
        problem: Problem,
        /// How long to send nothing for this location, where it is the location that has to wait.
        retry_after: Option<Duration>,
    },
}

impl Attempted {
    /// The word used in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Refused { doubtful: false, .. } => "refused",
            Self::Refused { doubtful: true, .. } => "doubtful",
            Self::Unknown { .. } => "unknown",
            Self::Deferred { .. } => "deferred",
            Self::NotSent { .. } => "not-sent",
        }
    }
}

impl Looked {
    /// The word used in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::Absent => "absent",
            Self::NotNow { .. } => "not-now",
        }
    }
}
