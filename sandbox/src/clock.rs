//! The sandbox's own clock: real time plus an offset that the control API may push forward. Token expiry, quota
//! windows, time stamps and the search lag all read it, so a test never has to wait. The only place that reads real time.

use jiff::Timestamp;

/// Milliseconds since the epoch, as GHL counts them in cursors.
pub(crate) type Millis = i64;

/// One day.
pub(crate) const DAY_MS: Millis = 86_400_000;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: Millis,
    offset: Millis,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: real_now(), offset: 0 }
    }

    pub(crate) fn now(&self) -> Millis {
        real_now().saturating_add(self.offset)
    }

    /// The minute the sandbox was started: the point from which seeded dates are counted.
    pub(crate) fn seed_base(&self) -> Millis {
        self.started - self.started.rem_euclid(60_000)
    }

    pub(crate) fn advance(&mut self, by_ms: Millis) {
        self.offset = self.offset.saturating_add(by_ms).clamp(0, 100 * 366 * DAY_MS);
    }

    pub(crate) fn offset_ms(&self) -> Millis {
        self.offset
    }

    pub(crate) fn reset(&mut self) {
        self.offset = 0;
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox's only reading of the wall clock")]
fn real_now() -> Millis {
    Timestamp::now().as_millisecond()
}

/// GHL's instants: UTC with milliseconds, `2026-03-02T17:04:11.520Z`.
pub(crate) fn iso(at: Millis) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A contact's appointment times: no zone, `2026-03-02 17:04:11`.
pub(crate) fn zoneless(at: Millis) -> String {
    timestamp(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An ISO 8601 instant, date-time (read as UTC) or date.
pub(crate) fn parse_iso(text: &str) -> Option<Millis> {
    let utc = |at: jiff::civil::DateTime| Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond());
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    if text.len() < 10 || !text.is_char_boundary(10) {
        return None;
    }
    text.parse::<jiff::civil::DateTime>().ok().and_then(utc)
}

/// A wall time kept as if it were UTC, with the offset that its zone has then: `2026-03-02T17:04:11+11:00`. A zone that
/// there is not is UTC.
pub(crate) fn with_offset(wall: Millis, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let wall_time = timestamp(wall).to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let zoned = wall_time.to_zoned(zone).map(|zoned| zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
    zoned.unwrap_or_else(|_| iso(wall))
}

/// The wall time that an ISO 8601 text means in a zone, as if it were UTC: an instant is shown there, a date-time
/// without a zone is taken as it stands.
pub(crate) fn parse_wall(text: &str, zone: &str) -> Option<Millis> {
    let Ok(instant) = text.parse::<Timestamp>() else { return parse_iso(text) };
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let there = instant.to_zoned(zone).datetime().to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(there.timestamp().as_millisecond())
}

fn timestamp(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_times_come_and_go_with_their_zone() {
        let wall = parse_wall("2026-03-02T10:00:00Z", "Australia/Sydney").expect("an instant");
        assert_eq!(zoneless(wall), "2026-03-02 21:00:00");
        assert_eq!(with_offset(wall, "Australia/Sydney"), "2026-03-02T21:00:00+11:00");
        assert_eq!(parse_wall("2026-03-02T21:00:00", "Australia/Sydney"), Some(wall));
        assert_eq!(with_offset(wall, "Nowhere/AtAll"), "2026-03-02T21:00:00+00:00");
        assert_eq!(parse_wall("soon", "Australia/Sydney"), None);
    }

    #[test]
    fn iso_round_trips_and_reads_the_forms_ghl_accepts() {
        let at = parse_iso("2026-03-02T17:04:11.520Z").expect("an instant");
        assert_eq!(iso(at), "2026-03-02T17:04:11.520Z");
        assert_eq!(zoneless(at), "2026-03-02 17:04:11");
        assert_eq!(parse_iso("2026-03-02T18:04:11+01:00").map(iso).as_deref(), Some("2026-03-02T17:04:11.000Z"));
        assert_eq!(parse_iso("2026-03-02").map(iso).as_deref(), Some("2026-03-02T00:00:00.000Z"));
        assert_eq!(parse_iso("2026-03-02T10:00:00").map(iso).as_deref(), Some("2026-03-02T10:00:00.000Z"));
        for bad in ["", "soon", "12", "2026-13-40", "ééééééééé"] {
            assert_eq!(parse_iso(bad), None, "{bad}");
        }
    }
}
