//! How many look-ups the IPinfo token has spent; each entry of a batch is one.

use crate::clock::{DAY_MS, Millis};

const MONTH_DAYS: i64 = 30;

#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    day: i64,
    today: u64,
    month: i64,
    this_month: u64,
}

impl Usage {
    /// Spends `count` look-ups, or refuses them all.
    pub(crate) fn take(&mut self, count: u64, limit: u64, now: Millis) -> bool {
        self.roll(now);
        let allowed = self.this_month.saturating_add(count) <= limit;
        if allowed {
            self.today += count;
            self.this_month += count;
        }
        allowed
    }

    /// (today, this month)
    pub(crate) fn counts(&mut self, now: Millis) -> (u64, u64) {
        self.roll(now);
        (self.today, self.this_month)
    }

    fn roll(&mut self, now: Millis) {
        let day = now.div_euclid(DAY_MS);
        let month = day.div_euclid(MONTH_DAYS);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
        if month != self.month {
            (self.month, self.this_month) = (month, 0);
        }
    }
}
