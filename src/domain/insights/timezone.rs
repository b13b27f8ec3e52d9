//! The contact's time zone: from a usable address, else as typed in the CRM.

use super::Sources;
use jiff::{
    SignedDuration, Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::Serialize;
use utoipa::ToSchema;

/// From this difference of offsets on, two zones disagree: less is the width of an ordinary country or a border region.
const DISAGREEMENT: SignedDuration = SignedDuration::from_hours(2);

/// The contact's time zone. Method: a usable address tells where the person was last seen, so its zone comes first; else
/// the CRM's zone; the zone of an unusable address is never taken. A name that the IANA database does not know is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimezoneInsight {
    /// IANA name.
    #[schema(example = "Australia/Sydney")]
    pub name: String,
    /// Offset from UTC at the time of the insight.
    #[schema(example = "+11:00")]
    pub utc_offset: String,
    /// Who named the zone.
    pub from: TimezoneOrigin,
}

/// Who named a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimezoneOrigin {
    /// The address.
    Ip,
    /// The contact's record in the CRM.
    Contact,
}

/// The zones that the sources name, looked up once.
#[derive(Debug)]
pub(super) struct Zones {
    /// Of the address, if that is usable.
    ip: Option<TimeZone>,
    /// Of the contact's record.
    contact: Option<TimeZone>,
}

impl Zones {
    pub(super) fn of(sources: &Sources<'_>) -> Self {
        let usable = sources.ip.filter(|ip| ip.usable);
        Self {
            ip: usable.and_then(|ip| ip.geo.timezone.as_deref()).and_then(look_up),
            contact: sources.contact.timezone.as_deref().and_then(look_up),
        }
    }

    pub(super) fn insight(&self, now: Timestamp) -> Option<TimezoneInsight> {
        let (zone, from) = self.best()?;
        let name = zone.iana_name()?.to_owned();
        let utc_offset = now.to_zoned(zone.clone()).strftime("%:z").to_string();
        Some(TimezoneInsight { name, utc_offset, from })
    }

    /// The contact's zone, or UTC.
    pub(super) fn local(&self) -> TimeZone {
        self.best().map_or(TimeZone::UTC, |(zone, _)| zone.clone())
    }

    /// Whether the CRM's zone and the address's are apart by two hours or more at `now`.
    pub(super) fn disagree(&self, now: Timestamp) -> bool {
        let (Some(ip), Some(contact)) = (&self.ip, &self.contact) else { return false };
        ip.to_offset(now).duration_since(contact.to_offset(now)).abs() >= DISAGREEMENT
    }

    /// When the offset of either zone changes next.
    pub(super) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let zones = [&self.ip, &self.contact].into_iter().flatten();
        zones.filter_map(|zone| Some(zone.following(now).next()?.timestamp())).min()
    }

    fn best(&self) -> Option<(&TimeZone, TimezoneOrigin)> {
        let ip = self.ip.as_ref().map(|zone| (zone, TimezoneOrigin::Ip));
        ip.or_else(|| self.contact.as_ref().map(|zone| (zone, TimezoneOrigin::Contact)))
    }
}

/// A zone by its IANA name, in any case of letters, from the database compiled in: the same answer on every machine.
fn look_up(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name.trim()).ok().filter(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_come_from_the_bundled_database_and_nonsense_is_ignored() {
        assert_eq!(look_up(" america/denver ").unwrap().iana_name(), Some("America/Denver"));
        assert_eq!(look_up("UTC").unwrap().iana_name(), Some("UTC"));
        for nonsense in ["", " ", "Denver", "PST8PDT,M3.2.0", "+02:00", "../../etc/passwd", "Etc/Unknown", "🕰"] {
            assert!(look_up(nonsense).is_none(), "{nonsense:?}");
        }
    }
}
