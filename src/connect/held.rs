//! What memory holds of each connection: its opened tokens, and the times that decide about them.

use super::vault::Tokens;
use crate::{
    domain::{
        connection::{Connection, Holder},
        ids::{CompanyId, LocationId},
    },
    ghl::tokens::Bearer,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A token counts as expired so much before it is, so that it does not expire on its way: but never more than a tenth of
/// its life.
const SKEW: Duration = Duration::from_secs(10);

/// A token that is rejected within so long a time was given in vain. So long at least the next one waits after
/// [`MAX_IN_VAIN`] such.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);

/// So many tokens in a row are given in vain, until more are refused: the next one would be rejected as well, and refresh
/// tokens would be used up without end.
const MAX_IN_VAIN: u32 = 2;

/// A token that was good for so long ends the row.
const PROVEN: SignedDuration = SignedDuration::from_hours(1);

/// One connection, as last stored. Never changed: what comes next is another.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) connection: Connection,
    pub(super) tokens: Option<Tokens>,
    pub(super) failures: u32,
    pub(super) next_try_at: Option<Timestamp>,
    pub(super) version: i64,
    /// Until when its access token is taken for good.
    pub(super) good_until: Timestamp,
    /// When it is renewed behind everybody's back.
    pub(super) renew_at: Timestamp,
    /// When its access token was obtained, if this process did that.
    pub(super) obtained: Option<Timestamp>,
    /// How many before it, in a row, were given in vain.
    pub(super) in_vain: u32,
    /// Whether anybody wanted its token: what an agency mints for nobody is not renewed.
    pub(super) used: AtomicBool,
}

impl Held {
    /// A connection whose access token was obtained `life` before it expires; `ahead` is how early it is renewed.
    pub(super) fn new(connection: Connection, tokens: Option<Tokens>, life: Option<Duration>, ahead: Duration) -> Self {
        let before = |time: Duration| {
            let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
            connection.expires_at.checked_sub(time).unwrap_or(connection.expires_at)
        };
        let (skew, ahead) = match life {
            Some(life) => (SKEW.min(life / 10), ahead.min(life / 2)),
            None => (SKEW, ahead),
        };
        let (good_until, renew_at) = (before(skew), before(ahead.max(skew)));
        Self {
            connection,
            tokens,
            failures: 0,
            next_try_at: None,
            version: 0,
            good_until,
            renew_at,
            obtained: None,
            in_vain: 0,
            used: AtomicBool::new(false),
        }
    }

    /// The same one, renewed behind everybody's back not before `next_try_at`.
    pub(super) fn put_off(&self, failures: u32, next_try_at: Option<Timestamp>) -> Self {
        Self {
            connection: self.connection.clone(),
            tokens: self.tokens.clone(),
            failures,
            next_try_at,
            version: self.version,
            good_until: self.good_until,
            renew_at: self.renew_at,
            obtained: self.obtained,
            in_vain: self.in_vain,
            used: AtomicBool::new(self.used.load(Ordering::Relaxed)),
        }
    }

    /// Its access token, where that is good at `now` and is not the one that GHL rejected.
    pub(super) fn good(&self, now: Timestamp, rejected: Option<&Bearer>) -> Option<Bearer> {
        self.used.store(true, Ordering::Relaxed);
        let access = self.tokens.as_ref().map(|tokens| &tokens.access)?;
        let good = self.connection.lost.is_none() && now < self.good_until;
        (good && rejected.is_none_or(|rejected| rejected != access)).then(|| Arc::clone(access))
    }

    /// Whether it is time to renew it, or to try to bring it back, without being asked.
    pub(super) fn due(&self, now: Timestamp) -> bool {
        match &self.connection.lost {
            Some(lost) => lost.because.may_heal() && !self.rests(now),
            None if self.connection.minted && !self.used.load(Ordering::Relaxed) => false,
            None => self.renew_at <= now && self.next_try_at.is_none_or(|at| at <= now),
        }
    }

    /// Whether it is lost and not to be tried yet.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        self.connection.lost.is_some() && self.next_try_at.is_some_and(|at| now < at)
    }

    /// How many in a row were given in vain, this one included, which is rejected at `now`.
    pub(super) fn in_vain_with_this(&self, now: Timestamp) -> u32 {
        match self.age(now) {
            Some(age) if age < YOUNG => self.in_vain.saturating_add(1),
            Some(age) if age < PROVEN => self.in_vain,
            Some(_) | None => 0,
        }
    }

    /// Whether another token in place of this one, which is rejected at `now`, would be given in vain, too.
    pub(super) fn is_past_help(&self, now: Timestamp) -> bool {
        self.in_vain >= MAX_IN_VAIN && self.age(now).is_some_and(|age| age < YOUNG)
    }

    fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        // The wall clock may have stepped back.
        self.obtained.filter(|at| *at <= now).map(|at| now.duration_since(at))
    }

    /// Whether this is its access token.
    pub(super) fn has(&self, access: &Bearer) -> bool {
        self.tokens.as_ref().is_some_and(|tokens| tokens.access == *access)
    }

    /// Whether anything may still bring its tokens back.
    pub(super) fn ended(&self) -> bool {
        self.connection.lost.is_some_and(|lost| !lost.because.may_heal())
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Table(RwLock<HashMap<Holder, Arc<Held>>>);

impl Table {
    pub(super) fn get(&self, holder: &Holder) -> Option<Arc<Held>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(holder).cloned()
    }

    /// Puts what was stored, unless something stored later is there.
    pub(super) fn put(&self, held: Arc<Held>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let later = all.get(&held.connection.holder).is_some_and(|there| there.version > held.version);
        if !later {
            all.insert(held.connection.holder.clone(), held);
        }
    }

    pub(super) fn remove(&self, holder: &Holder) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(holder);
    }

    pub(super) fn all(&self) -> Vec<Arc<Held>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The agencies whose tokens may mint.
    pub(super) fn companies(&self) -> Vec<CompanyId> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut companies: Vec<_> = all
            .iter()
            .filter_map(|(holder, held)| match holder {
                Holder::Company(company) if held.connection.lost.is_none() => Some(company.clone()),
                Holder::Company(_) | Holder::Location(_) => None,
            })
            .collect();
        companies.sort();
        companies
    }

    /// The locations whose tokens an agency's minted.
    pub(super) fn minted_by(&self, company: &CompanyId) -> Vec<LocationId> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of = |(holder, held): (&Holder, &Arc<Held>)| match holder {
            Holder::Location(location) => {
                let theirs = held.connection.minted && held.connection.company.as_ref() == Some(company);
                theirs.then(|| location.clone())
            }
            Holder::Company(_) => None,
        };
        all.iter().filter_map(of).collect()
    }
}
