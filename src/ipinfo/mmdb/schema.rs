//! Which schema a file has: by its `database_type` first, then by the keys of a record.

use super::super::{credit::Source, record::Kind};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{collections::BTreeSet, fmt};

/// How a file's records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// Flat, about something.
    Flat(Kind),
    /// As GeoIP2.
    Nested,
}

impl Schema {
    /// The schema of a file by what it calls itself, and by the keys of one of its records where that tells nothing.
    pub(super) fn detect(database_type: &str, keys: &Keys) -> Self {
        Self::by_type(database_type).unwrap_or_else(|| Self::by_keys(keys))
    }

    fn by_type(database_type: &str) -> Option<Self> {
        let name = database_type.to_ascii_lowercase();
        if name.contains("residential") {
            return Some(Self::Flat(Kind::ResidentialProxy));
        }
        if ["geolite2-", "geoip2-", "geoip-", "dbip-"].iter().any(|prefix| name.starts_with(prefix)) {
            return Some(Self::Nested);
        }
        let slug = name.strip_prefix("ipinfo ")?;
        Some(Self::Flat(match slug {
            _ if slug.contains("carrier") => Kind::Carrier,
            _ if slug.contains("company") => Kind::Company,
            // `country_free_country_asn` holds places, with the operator under names of its own.
            _ if slug.contains("asn") && !slug.contains("country") => Kind::Asn,
            _ => Kind::Place,
        }))
    }

    fn by_keys(keys: &Keys) -> Self {
        let has = |key: &str| keys.all.contains(key);
        if keys.nested || has("autonomous_system_organization") || has("is_anonymous_vpn") || has("is_tor_exit_node") {
            return Self::Nested;
        }
        Self::Flat(if has("percent_days_seen") && !has("country") && !has("vpn") {
            Kind::ResidentialProxy
        } else if has("name") && has("as_name") {
            Kind::Company
        } else if has("mcc") && !has("country_code") {
            Kind::Carrier
        } else if has("name") && has("asn") {
            Kind::Asn
        } else if has("name") && has("domain") {
            Kind::Company
        } else {
            Kind::Place
        })
    }
}

/// Whose data a file holds, by what it calls itself.
pub(super) fn source(database_type: &str) -> Source {
    let name = database_type.to_ascii_lowercase();
    if name.starts_with("ipinfo ") {
        return if name.contains("lite") || name.contains("free") { Source::IpinfoFree } else { Source::Ipinfo };
    }
    if name.starts_with("geolite2-") {
        return Source::GeoLite;
    }
    if name.starts_with("geoip2-") || name.starts_with("geoip-") {
        return Source::MaxMind;
    }
    if name.starts_with("dbip-") {
        return Source::DbIp;
    }
    if ["city ipv", "country ipv", "asn ipv"].iter().any(|prefix| name.starts_with(prefix)) {
        return Source::IpLocationDb;
    }
    Source::Unknown
}

/// The keys of some records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    all: BTreeSet<String>,
    /// Whether a place or the traits are a map.
    nested: bool,
}

impl Keys {
    /// Adds those of another record.
    pub(super) fn add(&mut self, more: Self) {
        self.all.extend(more.all);
        self.nested |= more.nested;
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record with named values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<String>()? {
            // An IgnoredAny would tell nothing: read as a node, a value says whether it is a map.
            if ["country", "city", "continent", "location", "traits"].contains(&key.as_str()) {
                let value = map.next_value::<super::super::lossy::Node<'de, IgnoredAny>>()?;
                keys.nested |= value.map.is_some();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            keys.all.insert(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn detect(database_type: &str, record: serde_json::Value) -> Schema {
        Schema::detect(database_type, &Keys::deserialize(record).unwrap())
    }

    #[test]
    fn the_type_decides_before_the_keys() {
        let odd = json!({"name": "x", "as_name": "y"});
        for (database_type, schema) in [
            ("ipinfo bundle_location_lite_sample.mmdb", Schema::Flat(Kind::Place)),
            ("ipinfo generic_country_free_country_asn_sample.mmdb", Schema::Flat(Kind::Place)),
            ("ipinfo generic_country_free.mmdb", Schema::Flat(Kind::Place)),
            ("ipinfo generic_asn_free.mmdb", Schema::Flat(Kind::Asn)),
            ("ipinfo standard_asn_new.mmdb", Schema::Flat(Kind::Asn)),
            ("ipinfo generic_asn_mmdb_v4.mmdb", Schema::Flat(Kind::Asn)),
            ("ipinfo standard_company.mmdb", Schema::Flat(Kind::Company)),
            ("ipinfo standard_carrier_mmdb.mmdb", Schema::Flat(Kind::Carrier)),
            ("ipinfo extended_privacy_new.mmdb", Schema::Flat(Kind::Place)),
            ("ipinfo privacy_proxy_residential_30d.mmdb", Schema::Flat(Kind::ResidentialProxy)),
            ("GeoLite2-City", Schema::Nested),
            ("GeoIP-Residential-Proxy", Schema::Flat(Kind::ResidentialProxy)),
            ("DBIP-City-Lite", Schema::Nested),
        ] {
            assert_eq!(detect(database_type, odd.clone()), schema, "{database_type}");
        }
    }

    #[test]
    fn the_keys_decide_where_the_type_tells_nothing() {
        for (record, schema) in [
            (json!({"country": {"iso_code": "AU"}}), Schema::Nested),
            (json!({"traits": {"is_anycast": true}}), Schema::Nested),
            (json!({"autonomous_system_number": 1, "autonomous_system_organization": "x"}), Schema::Nested),
            (json!({"country_code": "AU", "state1": "", "city": ""}), Schema::Flat(Kind::Place)),
            (json!({"lat": "1", "lng": "2", "country": "AU"}), Schema::Flat(Kind::Place)),
            (json!({"name": "x", "asn": "AS1", "domain": "y", "country": "AU"}), Schema::Flat(Kind::Asn)),
            (json!({"name": "x", "asn": "AS1", "as_name": "y"}), Schema::Flat(Kind::Company)),
            (json!({"name": "x", "country": "AU", "mcc": "505", "mnc": "1"}), Schema::Flat(Kind::Carrier)),
            (json!({"carrier": "x", "cc": "AU", "mcc": "505", "mnc": "1"}), Schema::Flat(Kind::Carrier)),
            (json!({"service": "x", "last_seen": "y", "percent_days_seen": 3}), Schema::Flat(Kind::ResidentialProxy)),
            (json!({"vpn": true, "proxy": false}), Schema::Flat(Kind::Place)),
        ] {
            assert_eq!(detect("", record.clone()), schema, "{record}");
        }
    }
}
