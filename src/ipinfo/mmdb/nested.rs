//! The nested record of GeoIP2, GeoLite2 and DB-IP files: places as maps with names by language, the network under `traits`
//! or, in ASN, ISP and anonymous-address files, at the top.

use super::super::{
    facts::{Facts, asn_text, country_code},
    lossy::{Node, Scalar},
};
use crate::domain::ip::{Asn, Carrier, Geo, Organisation, Privacy, Traits};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place<'a> {
    #[serde(borrow)]
    iso_code: Scalar<'a>,
    #[serde(borrow)]
    code: Scalar<'a>,
    #[serde(borrow)]
    is_in_european_union: Scalar<'a>,
    #[serde(borrow)]
    names: Node<'a, Names<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    #[serde(borrow)]
    en: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location<'a> {
    #[serde(borrow)]
    latitude: Scalar<'a>,
    #[serde(borrow)]
    longitude: Scalar<'a>,
    #[serde(borrow)]
    accuracy_radius: Scalar<'a>,
    #[serde(borrow)]
    time_zone: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Postal<'a> {
    #[serde(borrow)]
    code: Scalar<'a>,
}

macro_rules! record {
    ($($field:ident),* $(,)?) => {
        /// One record. The network's facts stand here too, as ASN, ISP and anonymous-address files have them at the top;
        /// serde's `flatten` would copy every value on its way.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct NestedRecord<'a> {
            #[serde(borrow)]
            city: Node<'a, Place<'a>>,
            #[serde(borrow)]
            continent: Node<'a, Place<'a>>,
            #[serde(borrow)]
            country: Node<'a, Place<'a>>,
            /// The largest division comes first, and it alone is read.
            #[serde(borrow)]
            subdivisions: Node<'a, Place<'a>>,
            #[serde(borrow)]
            location: Node<'a, Location<'a>>,
            #[serde(borrow)]
            postal: Node<'a, Postal<'a>>,
            #[serde(borrow)]
            traits: Node<'a, Traited<'a>>,
            $(#[serde(borrow)] $field: Scalar<'a>,)*
        }

        /// `traits`.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Traited<'a> {
            $(#[serde(borrow)] $field: Scalar<'a>,)*
        }

        /// `traits` laid over the top level.
        struct Network<'a> {
            $($field: &'a Scalar<'a>,)*
        }

        impl<'a> NestedRecord<'a> {
            fn network(&'a self) -> Network<'a> {
                match self.traits.map.as_deref() {
                    Some(traits) => Network { $($field: traits.$field.or(&self.$field),)* },
                    None => Network { $($field: &self.$field,)* },
                }
            }
        }
    };
}

record! {
    autonomous_system_number, autonomous_system_organization, isp, organization, connection_type, user_type,
    mobile_country_code, mobile_network_code, is_anonymous, is_anonymous_proxy, is_anonymous_vpn, is_public_proxy,
    is_residential_proxy, is_tor_exit_node, is_hosting_provider, is_anycast, is_satellite_provider,
}

impl NestedRecord<'_> {
    /// The facts of this record.
    pub(super) fn facts(&self) -> Facts {
        let network = self.network();
        Facts {
            geo: self.geo(),
            asn: network.asn(),
            company: network.company(),
            carrier: network.carrier(),
            privacy: network.privacy(),
            traits: network.traits(),
            ..Facts::default()
        }
        .settled()
    }

    fn geo(&self) -> Geo {
        let country_code = self.country.inner(|country| country.iso_code.text().and_then(|code| country_code(&code)));
        Geo {
            city: self.city.inner(Place::name).or_else(|| self.city.scalar.string()),
            region: self.subdivisions.inner(Place::name),
            region_code: self.subdivisions.inner(|division| division.iso_code.string()),
            country: self.country.inner(Place::name),
            in_eu: self.country.inner(|country| country.is_in_european_union.flag()),
            country_code,
            continent: self.continent.inner(Place::name),
            continent_code: self.continent.inner(|continent| continent.code.string()),
            latitude: self.location.inner(|location| location.latitude.number()),
            longitude: self.location.inner(|location| location.longitude.number()),
            accuracy_radius_km: self.location.inner(|location| location.accuracy_radius.whole()),
            postal_code: self.postal.inner(|postal| postal.code.string()),
            timezone: self.location.inner(|location| location.time_zone.string()),
            ..Geo::default()
        }
    }
}

impl Place<'_> {
    fn name(&self) -> Option<String> {
        self.names.inner(|names| names.en.string())
    }
}

impl Network<'_> {
    fn asn(&self) -> Option<Asn> {
        let number = self.autonomous_system_number.asn()?;
        let name = self.autonomous_system_organization.string();
        Some(Asn { asn: asn_text(number), name, domain: None, kind: None })
    }

    fn company(&self) -> Option<Organisation> {
        Some(Organisation { name: self.organization.or(self.isp).string(), domain: None, kind: None })
    }

    fn carrier(&self) -> Option<Carrier> {
        let (mcc, mnc) = (self.mobile_country_code.string(), self.mobile_network_code.string());
        let name = self.isp.string().filter(|_| mcc.is_some());
        Some(Carrier { name, mcc, mnc })
    }

    fn privacy(&self) -> Privacy {
        Privacy {
            anonymous: self.is_anonymous.or(self.is_anonymous_proxy).flag(),
            vpn: self.is_anonymous_vpn.flag(),
            proxy: self.is_public_proxy.flag(),
            tor: self.is_tor_exit_node.flag(),
            relay: None,
            residential_proxy: self.is_residential_proxy.flag(),
            service: None,
        }
    }

    fn traits(&self) -> Traits {
        let is = |value: &Scalar<'_>, word: &str| value.text().is_some_and(|text| text.eq_ignore_ascii_case(word));
        let mobile = is(self.connection_type, "cellular") || is(self.user_type, "cellular");
        let satellite = is(self.connection_type, "satellite");
        let hosting = is(self.user_type, "hosting");
        Traits {
            hosting: self.is_hosting_provider.flag().or(hosting.then_some(true)),
            mobile: mobile.then_some(true),
            anycast: self.is_anycast.flag(),
            satellite: self.is_satellite_provider.flag().or(satellite.then_some(true)),
        }
    }
}
