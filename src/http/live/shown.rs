//! What of a profile a stream has told of: a hash a part, so that the next event can name what changed.

use crate::profiles::Rendered;
use bytes::Bytes;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// The parts of a profile, in the order of the document.
const PARTS: [&str; 6] = ["contact", "notes", "tasks", "appointments", "ip", "insights"];

/// A profile that was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) etag: Bytes,
    parts: Vec<(&'static str, u64)>,
    /// Whether a section is older than its upstream is known to have it: what changed is still to come.
    pub(super) stale: bool,
    /// Whether a section could not be had at all.
    pub(super) lacking: bool,
}

impl Shown {
    /// Reads a document of ours. Takes a millisecond a megabyte.
    pub(super) fn of(document: &Rendered) -> Self {
        let profile: Value = serde_json::from_slice(&document.body).unwrap_or_default();
        let status = |part: &str| profile["sections"][part]["status"].as_str().unwrap_or_default();
        let any = |wanted: &str| PARTS.iter().any(|part| status(part) == wanted);
        let included = |part: &&str| match (status(part), &profile[*part]) {
            ("excluded", _) => false,
            // Insights are no section, and so have no status.
            ("", value) => !value.is_null(),
            _ => true,
        };
        let hashed = |part: &'static str| {
            // Fresh and stale are one: the same data a minute later is still the same data.
            let status = if status(part) == "stale" { "fresh" } else { status(part) };
            (part, xxh3_64(format!("{status} {}", profile[part]).as_bytes()))
        };
        let parts = PARTS.into_iter().filter(included).map(hashed).collect();
        Self { etag: document.etag.clone(), parts, stale: any("stale"), lacking: any("unavailable") }
    }

    /// For tests.
    #[cfg(test)]
    pub(super) const fn bare(stale: bool, lacking: bool) -> Self {
        Self { etag: Bytes::new(), parts: Vec::new(), stale, lacking }
    }

    /// The id of an event about it: its entity tag without what `Last-Event-ID` need not carry.
    pub(super) fn id(&self) -> &str {
        std::str::from_utf8(&self.etag).unwrap_or_default().trim_start_matches("W/").trim_matches('"')
    }

    /// The parts that are not as they were; all of them where nothing was shown before.
    pub(super) fn changed_since(&self, before: Option<&Self>) -> Vec<&'static str> {
        let same = |part: &&(&'static str, u64)| before.is_some_and(|before| before.parts.contains(part));
        self.parts.iter().filter(|part| !same(part)).map(|(name, _)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::OnceLock;

    fn shown(profile: &Value) -> Shown {
        Shown::of(&Rendered {
            body: Bytes::from(profile.to_string()),
            etag: Bytes::from_static(b"W/\"0a1b\""),
            last_modified: Bytes::new(),
            modified_at: jiff::Timestamp::UNIX_EPOCH,
            cache_control: Bytes::new(),
            encoded: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
        })
    }

    fn profile(note: &str, notes: &str, ip: &str) -> Value {
        json!({
            "generatedAt": note, "contact": {"firstName": "O"}, "notes": [note], "tasks": null, "ip": null,
            "insights": {"activity": 1},
            "sections": {"contact": {"status": "fresh", "fetchedAt": note}, "notes": {"status": notes},
                "tasks": {"status": "excluded"}, "appointments": {"status": "excluded"}, "ip": {"status": ip}},
        })
    }

    #[test]
    fn what_differs_is_named_and_ages_do_not_differ() {
        let before = shown(&profile("a", "fresh", "missing"));
        assert_eq!(before.id(), "0a1b");
        assert_eq!(before.changed_since(None), ["contact", "notes", "ip", "insights"]);
        let aged = shown(&profile("a", "stale", "missing"));
        assert_eq!((aged.changed_since(Some(&before)), aged.stale, aged.lacking), (vec![], true, false));
        assert_eq!(shown(&profile("b", "fresh", "missing")).changed_since(Some(&before)), ["notes"]);
        let lost = shown(&profile("a", "fresh", "unavailable"));
        assert_eq!((lost.changed_since(Some(&before)), lost.stale, lost.lacking), (vec!["ip"], false, true));
        assert!(!before.stale && !before.lacking);
    }

    #[test]
    fn a_document_that_is_none_has_no_parts() {
        assert_eq!(shown(&json!("x")).changed_since(None), Vec::<&str>::new());
    }
}
