//! GHL's rate-limit headers (reference: "Rate limits"), which every answer carries, errors included.

use crate::upstream::Answer;
use std::time::Duration;

/// What an answer says of the quota; `None` where it says nothing, or nothing that can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RateHeaders {
    /// `x-ratelimit-max`: calls in the burst window.
    pub(super) limit: Option<u64>,
    /// `x-ratelimit-remaining`: of them, left.
    pub(super) left: Option<u64>,
    /// `x-ratelimit-interval-milliseconds`: the burst window's length.
    pub(super) window: Option<Duration>,
    /// `x-ratelimit-limit-daily`: calls in a day.
    pub(super) day_limit: Option<u64>,
    /// `x-ratelimit-daily-remaining`: of them, left.
    pub(super) day_left: Option<u64>,
    /// `x-ratelimit-daily-reset`: not documented; the time until the day ends, not an epoch.
    pub(super) day_ends_in: Option<Duration>,
    /// `retry-after`, seconds: never seen of GHL, honoured if it comes.
    pub(super) retry_after: Option<Duration>,
}

/// A window that is longer than this is a misreading.
const LONGEST_WINDOW_MS: u64 = 3_600_000;

/// As is a day.
const LONGEST_DAY_MS: u64 = 86_400_000;

/// A wait that is longer than this is not believed: the limits may be raised meanwhile.
const LONGEST_WAIT_S: u64 = 3_600;

/// A limit that is larger is none.
const LARGEST_LIMIT: u64 = 1_000_000_000;

impl RateHeaders {
    pub(super) fn of(answer: &Answer) -> Self {
        let number = |name| answer.header(name).and_then(|text| text.trim().parse::<u64>().ok());
        let positive = |name| number(name).filter(|value| *value > 0);
        let limit = positive("x-ratelimit-max").map(|limit| limit.min(LARGEST_LIMIT));
        let day_limit = positive("x-ratelimit-limit-daily").map(|limit| limit.min(LARGEST_LIMIT));
        Self {
            limit,
            left: number("x-ratelimit-remaining").filter(|left| limit.is_none_or(|limit| *left <= limit)),
            window: positive("x-ratelimit-interval-milliseconds")
                .filter(|ms| *ms <= LONGEST_WINDOW_MS)
                .map(Duration::from_millis),
            day_limit,
            day_left: number("x-ratelimit-daily-remaining").filter(|left| day_limit.is_none_or(|limit| *left <= limit)),
            day_ends_in: positive("x-ratelimit-daily-reset")
                .filter(|ms| *ms <= LONGEST_DAY_MS)
                .map(Duration::from_millis),
            retry_after: number("retry-after").map(|seconds| Duration::from_secs(seconds.min(LONGEST_WAIT_S))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(headers: &[(&str, &str)]) -> RateHeaders {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RateHeaders::of(&Answer { status: 200, headers, body: Bytes::new() })
    }

    #[test]
    fn what_is_there_is_read_and_what_cannot_be_is_not() {
        let read_well = read(&[
            ("x-ratelimit-max", "25"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-interval-milliseconds", "10000"),
            ("x-ratelimit-limit-daily", "10000"),
            ("x-ratelimit-daily-remaining", "9999"),
            ("x-ratelimit-daily-reset", "1500"),
        ]);
        let expected = RateHeaders {
            limit: Some(25),
            left: Some(0),
            window: Some(Duration::from_secs(10)),
            day_limit: Some(10_000),
            day_left: Some(9_999),
            day_ends_in: Some(Duration::from_millis(1500)),
            retry_after: None,
        };
        assert_eq!(read_well, expected);
        let nonsense = read(&[
            ("x-ratelimit-max", "0"),
            ("x-ratelimit-remaining", "-1"),
            ("x-ratelimit-interval-milliseconds", "99999999999"),
            ("x-ratelimit-limit-daily", "many"),
            ("x-ratelimit-daily-reset", "1764000000000"),
        ]);
        assert_eq!(nonsense, RateHeaders::default());
        assert_eq!(read(&[("retry-after", "999999999")]).retry_after, Some(Duration::from_secs(3600)));
    }
}
