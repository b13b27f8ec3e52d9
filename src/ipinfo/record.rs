//! The flat record: what `IPinfo`'s files of both generations, ip-location-db's files and the Lite answer share.
//!
//! The same key means different things in different files: `country` is a name beside `country_code` and a code alone;
//! `region` is a code beside `region_name`; `name` is the operator's in an ASN file and the company's in a company file.
//! The first two are told apart by the record itself, the last by the file's [`Kind`].

use super::{
    facts::{Facts, asn_text, country_code},
    lossy::Scalar,
};
use crate::domain::ip::{Asn, Carrier, Geo, Organisation, Privacy, Traits};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::fmt;

/// What a file's records are about, where their keys do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A place, and whatever else stands beside it under names of its own.
    Place,
    /// Autonomous systems: `name`, `domain` and `type` are the operator's, `country` is where it is registered.
    Asn,
    /// Companies: `name`, `domain` and `type` are the company's, `country` is where its network is registered.
    Company,
    /// Mobile carriers: `name` or `carrier`; `country` is the carrier's.
    Carrier,
    /// Residential proxies: being listed is the fact.
    ResidentialProxy,
}

macro_rules! record {
    ($($field:ident),* $(,)?) => {
        /// One record; a key that is not there says nothing.
        #[derive(Debug, Default)]
        pub(super) struct Record<'a> {
            $(pub(super) $field: Scalar<'a>,)*
            pub(super) kind: Scalar<'a>,
        }

        #[derive(Deserialize)]
        #[serde(field_identifier)]
        #[expect(non_camel_case_types, reason = "spelled as the keys are")]
        enum Key {
            $($field,)*
            #[serde(rename = "type")]
            kind,
            #[serde(other)]
            unknown,
        }

        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = Record<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
                let mut record = Record::default();
                while let Some(key) = map.next_key()? {
                    match key {
                        $(Key::$field => record.$field = map.next_value()?,)*
                        Key::kind => record.kind = map.next_value()?,
                        Key::unknown => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(record)
            }
        }
    };
}

/// Fills a record in place: serde's own would hold every field twice, and this is the hot path of a look-up in a file.
struct RecordVisitor;

impl<'de: 'a, 'a> Deserialize<'de> for Record<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

record! {
    country, country_code, country_name, continent, continent_code, continent_name, city, region, region_code, region_name,
    state1, postal_code, postcode, timezone, latitude, longitude, lat, lng, radius,
    asn, as_name, as_domain, as_type, autonomous_system_number, autonomous_system_organization, name, domain,
    carrier, carrier_name, mcc, mnc,
    is_anonymous, is_vpn, vpn, is_proxy, proxy, is_tor, tor, is_relay, relay, is_res_proxy, privacy_name, service,
    is_hosting, hosting, is_mobile, is_anycast, is_satellite,
}

impl Record<'_> {
    /// The facts of this record in a file of this kind.
    pub(super) fn facts(&self, kind: Kind) -> Facts {
        let geo = match kind {
            Kind::Place => self.geo(),
            Kind::Asn | Kind::Company | Kind::Carrier | Kind::ResidentialProxy => Geo::default(),
        };
        let facts = Facts {
            geo,
            asn: self.asn(kind),
            company: if kind == Kind::Company { self.company() } else { None },
            carrier: self.carrier(kind),
            privacy: self.privacy(kind),
            traits: self.traits(),
            network: None,
            bogon: false,
            plan: None,
        };
        facts.settled()
    }

    /// The place, not yet completed from the tables.
    pub(super) fn geo(&self) -> Geo {
        let (country, country_code) = self.country();
        let (continent, continent_code) = self.continent();
        let region_is_code = self.region_name.text().is_some();
        let region = if region_is_code { &self.region_name } else { self.region.or(&self.state1) };
        let region_code = if region_is_code { self.region_code.or(&self.region) } else { &self.region_code };
        Geo {
            city: self.city.string(),
            region: region.string(),
            region_code: region_code.string(),
            country,
            country_code,
            continent,
            continent_code,
            latitude: self.latitude.or(&self.lat).number(),
            longitude: self.longitude.or(&self.lng).number(),
            accuracy_radius_km: self.radius.whole(),
            postal_code: self.postal_code.or(&self.postcode).string(),
            timezone: self.timezone.string(),
            ..Geo::default()
        }
    }

    fn country(&self) -> (Option<String>, Option<String>) {
        let (name, code) = told_apart(&self.country, &self.country_name, &self.country_code);
        match code.text().map(|code| country_code(&code)) {
            // A pseudo-code stands for no country, and so does the name beside it.
            Some(None) => (None, None),
            code => (name.string(), code.flatten()),
        }
    }

    fn continent(&self) -> (Option<String>, Option<String>) {
        let (name, code) = told_apart(&self.continent, &self.continent_name, &self.continent_code);
        (name.string(), code.string())
    }

    /// The operator.
    pub(super) fn asn(&self, kind: Kind) -> Option<Asn> {
        let number = self.asn.asn().or_else(|| self.autonomous_system_number.asn())?;
        let (name, domain, kind) = if kind == Kind::Asn {
            (&self.name, &self.domain, &self.kind)
        } else {
            (self.as_name.or(&self.autonomous_system_organization), &self.as_domain, &self.as_type)
        };
        Some(Asn { asn: asn_text(number), name: name.string(), domain: domain.string(), kind: kind.string() })
    }

    /// The company of a record that is one's.
    pub(super) fn company(&self) -> Option<Organisation> {
        Some(Organisation { name: self.name.string(), domain: self.domain.string(), kind: self.kind.string() })
    }

    /// The carrier.
    pub(super) fn carrier(&self, kind: Kind) -> Option<Carrier> {
        let name = if kind == Kind::Carrier { self.name.or(&self.carrier) } else { &self.carrier_name };
        Some(Carrier { name: name.string(), mcc: self.mcc.string(), mnc: self.mnc.string() })
    }

    /// Whether it hides somebody.
    pub(super) fn privacy(&self, kind: Kind) -> Privacy {
        Privacy {
            anonymous: self.is_anonymous.flag(),
            vpn: self.is_vpn.or(&self.vpn).flag(),
            proxy: self.is_proxy.or(&self.proxy).flag(),
            tor: self.is_tor.or(&self.tor).flag(),
            relay: self.is_relay.or(&self.relay).flag(),
            residential_proxy: if kind == Kind::ResidentialProxy { Some(true) } else { self.is_res_proxy.flag() },
            service: self.privacy_name.or(&self.service).string(),
        }
    }

    fn traits(&self) -> Traits {
        Traits {
            hosting: self.is_hosting.or(&self.hosting).flag(),
            mobile: self.is_mobile.flag(),
            anycast: self.is_anycast.flag(),
            satellite: self.is_satellite.flag(),
        }
    }
}

/// Name and code, where the plain key is the one in some files and the other in others: two capitals are a code.
fn told_apart<'s>(
    plain: &'s Scalar<'s>,
    name: &'s Scalar<'s>,
    code: &'s Scalar<'s>,
) -> (&'s Scalar<'s>, &'s Scalar<'s>) {
    let is_code = plain.text().is_some_and(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()));
    if is_code { (name, code.or(plain)) } else { (name.or(plain), code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn facts(record: &Value, kind: Kind) -> Facts {
        Record::deserialize(record).unwrap().facts(kind)
    }

    #[test]
    fn country_is_a_name_beside_a_code_and_a_code_alone() {
        let new = facts(
            &json!({"country": "Australia", "country_code": "AU", "continent": "Oceania",
            "continent_code": "OC"}),
            Kind::Place,
        );
        let old = facts(&json!({"country": "AU"}), Kind::Place);
        let older = facts(
            &json!({"country": "AU", "country_name": "Australia", "continent": "OC",
            "continent_name": "Oceania"}),
            Kind::Place,
        );
        assert_eq!(new, old);
        assert_eq!(new, older);
        assert_eq!(new.geo.country.as_deref(), Some("Australia"));
        let name_alone = facts(&json!({"country": "Australia"}), Kind::Place);
        assert_eq!((name_alone.geo.country.as_deref(), name_alone.geo.country_code), (Some("Australia"), None));
    }

    #[test]
    fn a_pseudo_country_takes_its_name_along() {
        assert!(facts(&json!({"country": "Europe", "country_code": "EU"}), Kind::Place).says_nothing());
    }

    #[test]
    fn region_is_a_code_beside_region_name() {
        let geo = facts(&json!({"region": "38", "region_name": "Ehime", "country": "JP"}), Kind::Place).geo;
        assert_eq!((geo.region.as_deref(), geo.region_code.as_deref()), (Some("Ehime"), Some("38")));
        let geo = facts(&json!({"region": "Ehime", "region_code": "38"}), Kind::Place).geo;
        assert_eq!((geo.region.as_deref(), geo.region_code.as_deref()), (Some("Ehime"), Some("38")));
    }

    #[test]
    fn name_belongs_to_what_the_file_is_about() {
        let record = json!({"asn": "AS1", "as_name": "Net", "name": "Firm", "domain": "firm.example", "country": "US"});
        let company = facts(&record, Kind::Company);
        assert_eq!(company.company.unwrap().name.as_deref(), Some("Firm"));
        assert_eq!(company.asn.unwrap().name.as_deref(), Some("Net"));
        assert_eq!(company.geo, Geo::default(), "the country is the company's, not the address's");
        assert_eq!(facts(&record, Kind::Asn).asn.unwrap().name.as_deref(), Some("Firm"));
        let carrier = facts(&json!({"name": "SoftBank", "mcc": "440", "mnc": 20}), Kind::Carrier);
        assert_eq!(carrier.carrier.unwrap().mnc.as_deref(), Some("20"));
        assert_eq!(carrier.traits.mobile, Some(true));
    }

    #[test]
    fn empty_texts_are_not_values() {
        let record = json!({"city": "", "asn": "", "as_name": "", "vpn": "", "country": "", "mcc": " ", "lat": ""});
        assert!(facts(&record, Kind::Place).says_nothing());
    }
}
