//! Whether a client already has what it asks for (RFC 9110 §13), and how the cache took part (RFC 9211). Pure.

use crate::{profiles::CacheResult, upstream::CallTiming};
use actix_web::http::header::{HeaderMap, HttpDate, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use jiff::Timestamp;
use std::{fmt::Write as _, time::UNIX_EPOCH};

/// Most upstream calls that `Server-Timing` names.
const MAX_TIMINGS: usize = 20;

/// Whether the answer is 304: `If-None-Match` decides where it is given, else `If-Modified-Since`.
#[must_use]
pub fn not_modified(headers: &HeaderMap, etag: &[u8], modified_at: Timestamp) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        return headers.get_all(IF_NONE_MATCH).any(|value| matches_any(value.as_bytes(), etag));
    }
    let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok()?.parse::<HttpDate>().ok());
    since.is_some_and(|date| {
        let since = std::time::SystemTime::from(date).duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        u64::try_from(modified_at.as_second()).is_ok_and(|modified| modified <= since)
    })
}

/// Weak comparison with each tag of a list; `*` matches whatever exists.
fn matches_any(list: &[u8], etag: &[u8]) -> bool {
    let wanted = opaque(etag);
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    while let Some((tag, after)) = next_tag(rest) {
        if tag == wanted {
            return true;
        }
        rest = after;
    }
    false
}

/// The tag without its weakness mark, quotes included.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The first tag of a list, and what follows it. A comma may stand inside the quotes.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| *byte == b'"')?;
    let length = list[start + 1..].iter().position(|byte| *byte == b'"')? + 2;
    Some((&list[start..start + length], &list[start + length..]))
}

/// `Cache-Status`. A stale answer given at once is a hit whose `ttl` is negative, as the RFC has it.
#[must_use]
pub fn cache_status(cache: CacheResult, ttl_seconds: i64) -> String {
    let collapse = |collapsed| if collapsed { "; collapsed" } else { "; stored" };
    match cache {
        CacheResult::Hit | CacheResult::Stale => format!("ghl-enrich; hit; ttl={ttl_seconds}"),
        CacheResult::Miss { collapsed } => format!("ghl-enrich; fwd=miss{}", collapse(collapsed)),
        CacheResult::Revalidated { collapsed } => format!("ghl-enrich; fwd=stale{}", collapse(collapsed)),
        CacheResult::Request => "ghl-enrich; fwd=request".to_owned(),
    }
}

/// `Server-Timing`: each upstream call by service and endpoint, with its outcome where it failed.
#[must_use]
pub fn server_timing(timings: &[CallTiming]) -> Option<String> {
    let mut text = String::new();
    for timing in timings.iter().take(MAX_TIMINGS) {
        let separator = if text.is_empty() { "" } else { ", " };
        let milliseconds = timing.took.as_secs_f64() * 1000.0;
        let _ = write!(text, "{separator}{}_", timing.service.as_str());
        text.extend(timing.endpoint.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }));
        let _ = write!(text, ";dur={milliseconds:.1}");
        if timing.outcome != "ok" {
            let _ = write!(text, ";desc=\"{}\"", timing.outcome.replace(['"', '\\'], ""));
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Service;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use std::time::Duration;

    const ETAG: &[u8] = b"W/\"abc\"";

    fn with(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    fn at() -> Timestamp {
        "2026-11-22T08:00:00.500Z".parse().unwrap()
    }

    #[test]
    fn if_none_match_compares_weakly_against_a_list() {
        for (value, expected) in [
            ("W/\"abc\"", true),
            ("\"abc\"", true),
            ("*", true),
            ("\"x\", W/\"abc\"", true),
            ("\"x,y\" , \"abc\"", true),
            ("\"x\"", false),
            ("abc", false),
            ("\"abc", false),
            ("", false),
        ] {
            assert_eq!(not_modified(&with(&[(IF_NONE_MATCH, value)]), ETAG, at()), expected, "{value}");
        }
        let two_lines = with(&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"abc\"")]);
        assert!(not_modified(&two_lines, ETAG, at()));
    }

    #[test]
    fn if_modified_since_counts_only_alone() {
        let same_second = "Sun, 22 Nov 2026 08:00:00 GMT";
        let before = "Sun, 22 Nov 2026 07:59:59 GMT";
        assert!(not_modified(&with(&[(IF_MODIFIED_SINCE, same_second)]), ETAG, at()));
        assert!(!not_modified(&with(&[(IF_MODIFIED_SINCE, before)]), ETAG, at()));
        assert!(!not_modified(&with(&[(IF_MODIFIED_SINCE, "yesterday")]), ETAG, at()));
        assert!(!not_modified(&with(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, same_second)]), ETAG, at()));
        assert!(!not_modified(&HeaderMap::new(), ETAG, at()));
    }

    #[test]
    fn cache_status_as_the_rfc_spells_it() {
        assert_eq!(cache_status(CacheResult::Hit, 37), "ghl-enrich; hit; ttl=37");
        assert_eq!(cache_status(CacheResult::Stale, -4), "ghl-enrich; hit; ttl=-4");
        assert_eq!(cache_status(CacheResult::Miss { collapsed: false }, 60), "ghl-enrich; fwd=miss; stored");
        assert_eq!(cache_status(CacheResult::Miss { collapsed: true }, 60), "ghl-enrich; fwd=miss; collapsed");
        assert_eq!(cache_status(CacheResult::Revalidated { collapsed: false }, 60), "ghl-enrich; fwd=stale; stored");
        assert_eq!(cache_status(CacheResult::Request, 60), "ghl-enrich; fwd=request");
    }

    #[test]
    fn server_timing_names_calls_and_failures() {
        let call = |endpoint, outcome| CallTiming {
            service: Service::Ghl,
            endpoint,
            outcome,
            took: Duration::from_micros(80_140),
        };
        let text = server_timing(&[call("contact", "ok"), call("contact.notes", "timeout")]);
        assert_eq!(text.as_deref(), Some("ghl_contact;dur=80.1, ghl_contact_notes;dur=80.1;desc=\"timeout\""));
        assert_eq!(server_timing(&[]), None);
    }
}
