//! `Prefer` (RFC 7240): how long a caller wants to wait for the outcome of its write.
//!
//! A preference is a wish, never an error: what is malformed or unknown is as if it were not there.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// The request's header.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a caller prefers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Preference {
    /// `respond-async`: 202 rather than a wait.
    respond_async: bool,
    /// `wait`: how long a wait may be, seconds.
    wait_seconds: Option<u32>,
}

impl Preference {
    /// The preferences of a request; of one given twice the first counts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut preference = Self::default();
        for value in headers.get_all(PREFER) {
            for item in value.to_str().unwrap_or_default().split(',') {
                preference.read(item);
            }
        }
        preference
    }

    fn read(&mut self, item: &str) {
        let bare = item.split(';').next().unwrap_or_default();
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (bare.trim(), None),
        };
        if name.eq_ignore_ascii_case("respond-async") && matches!(value, None | Some("" | "\"\"")) {
            self.respond_async = true;
        } else if name.eq_ignore_ascii_case("wait") && self.wait_seconds.is_none() {
            self.wait_seconds = value.and_then(seconds);
        }
    }

    /// How long to wait: as preferred, never longer than `most`; `usual` where nothing is preferred.
    pub(super) fn patience(self, usual: Duration, most: Duration) -> Duration {
        match self.wait_seconds {
            Some(seconds) => Duration::from_secs(u64::from(seconds)).min(most),
            None if self.respond_async => Duration::ZERO,
            None => usual.min(most),
        }
    }

    /// `Preference-Applied`: what was preferred and done. `later` is whether the answer is a 202.
    pub(super) fn applied(self, later: bool, most: Duration) -> Option<HeaderValue> {
        let respond_async = (self.respond_async && later).then(|| "respond-async".to_owned());
        let wait = self.wait_seconds.filter(|seconds| Duration::from_secs(u64::from(*seconds)) <= most);
        let applied: Vec<String> =
            respond_async.into_iter().chain(wait.map(|seconds| format!("wait={seconds}"))).collect();
        if applied.is_empty() { None } else { HeaderValue::try_from(applied.join(", ")).ok() }
    }
}

fn seconds(text: &str) -> Option<u32> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large to hold is a long wait all the same.
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const USUAL: Duration = Duration::from_secs(10);
    const MOST: Duration = Duration::from_secs(15);

    fn of(values: &[&str]) -> Preference {
        let request =
            values.iter().fold(TestRequest::default(), |request, value| request.append_header((PREFER, *value)));
        Preference::of(request.to_http_request().headers())
    }

    #[test]
    fn a_wish_is_granted_within_bounds_and_echoed_where_it_was() {
        for (values, wait, at_once, later) in [
            (&[][..], 10, "", ""),
            (&["respond-async"][..], 0, "", "respond-async"),
            (&["Respond-Async"][..], 0, "", "respond-async"),
            (&["wait=3"][..], 3, "wait=3", "wait=3"),
            (&["wait=\"3\""][..], 3, "wait=3", "wait=3"),
            (&["wait=0"][..], 0, "wait=0", "wait=0"),
            (&["respond-async, wait=3"][..], 3, "wait=3", "respond-async, wait=3"),
            (&["wait=3", "respond-async"][..], 3, "wait=3", "respond-async, wait=3"),
            (&["wait=3, wait=9"][..], 3, "wait=3", "wait=3"),
            (&["wait=16"][..], 15, "", ""),
            (&["wait=99999999999999999999"][..], 15, "", ""),
            (&["return=minimal; foo=bar, wait=3; x"][..], 3, "wait=3", "wait=3"),
        ] {
            let preference = of(values);
            let shown =
                |later| preference.applied(later, MOST).map_or(String::new(), |v| v.to_str().unwrap().to_owned());
            assert_eq!(preference.patience(USUAL, MOST).as_secs(), wait, "{values:?}");
            assert_eq!((shown(false).as_str(), shown(true).as_str()), (at_once, later), "{values:?}");
        }
        assert_eq!(Preference::default().patience(USUAL, Duration::from_secs(2)).as_secs(), 2);
    }

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        for value in
            ["", ",", "wait", "wait=", "wait=-1", "wait=1.5", "wait=soon", "respond-async=no", "=", ";", "wait 3"]
        {
            assert_eq!(of(&[value]), Preference::default(), "{value}");
        }
    }
}
