//! How often what is held was found to differ from what GHL has: counts since the start, and a share of the last ones.

/// How many of the last comparisons the share is of.
const WINDOW: u32 = 50;

/// Fewer than these say nothing.
const LEAST: u32 = 10;

/// Comparisons of one location.
#[derive(Debug, Default)]
pub(super) struct Checks {
    checked: u64,
    drifted: u64,
    /// One bit each, the newest lowest: 1 where it differed.
    last: u64,
    high: bool,
}

impl Checks {
    /// Notes one. Answers whether the share has become high, or ceased to be.
    pub(super) fn note(&mut self, drifted: bool, high_percent: u32) -> bool {
        self.checked = self.checked.saturating_add(1);
        self.drifted = self.drifted.saturating_add(u64::from(drifted));
        self.last = ((self.last << 1) | u64::from(drifted)) & ((1 << WINDOW) - 1);
        let before = self.high;
        // Not to and fro at the mark: it ends at half of it.
        let mark = if before { high_percent.div_ceil(2) } else { high_percent };
        self.high = self.percent().is_some_and(|percent| percent > 0 && percent >= mark);
        before != self.high
    }

    /// The share of the last ones that differed.
    pub(super) fn percent(&self) -> Option<u32> {
        let of = u32::try_from(self.checked).unwrap_or(WINDOW).min(WINDOW);
        (of >= LEAST).then(|| self.last.count_ones() * 100 / of)
    }

    /// Whether that is high.
    pub(super) const fn high(&self) -> bool {
        self.high
    }

    /// How many there were.
    pub(super) const fn checked(&self) -> u64 {
        self.checked
    }

    /// How many differed.
    pub(super) const fn drifted(&self) -> u64 {
        self.drifted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_say_nothing_and_many_that_agree_end_it() {
        let mut checks = Checks::default();
        for _ in 1..LEAST {
            assert!(!checks.note(true, 5), "too few");
        }
        assert!(checks.note(true, 5) && checks.high());
        let agreed = (0..200).take_while(|_| !checks.note(false, 5)).count();
        assert!(!checks.high());
        assert_eq!(agreed, 48, "when all but two in a hundred of the last fifty agree");
        assert_eq!((checks.checked(), checks.drifted()), (59, 10));
    }

    proptest! {
        #[test]
        fn the_share_is_that_of_the_last_ones(outcomes in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut checks = Checks::default();
            for drifted in &outcomes {
                checks.note(*drifted, 5);
            }
            let last: Vec<bool> = outcomes.iter().rev().take(50).copied().collect();
            let differed = last.iter().filter(|drifted| **drifted).count();
            let expected = (last.len() >= 10).then(|| u32::try_from(differed * 100 / last.len()).unwrap());
            prop_assert_eq!(checks.percent(), expected);
            prop_assert!(checks.high() || expected.is_none_or(|percent| percent < 5));
        }
    }
}
