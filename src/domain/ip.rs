//! IP intelligence: what is known of an address, whichever backend knew it.

use super::country::{Continent, Country};
use ipnetwork::IpNetwork;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::net::IpAddr;
use utoipa::ToSchema;

/// What is known of one address. Every fact is optional: `None` is "not known", never "no".
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpIntelligence {
    /// The address, canonical (RFC 5952), IPv4-in-IPv6 unmapped.
    #[schema(value_type = String, example = "58.111.106.198")]
    pub address: IpAddr,
    /// Where the address came from.
    #[schema(value_type = String, example = "attribution.last")]
    pub origin: AddressOrigin,
    /// 4 or 6.
    pub version: u8,
    /// What sort of address it is.
    pub scope: Scope,
    /// The network the answer holds for, where the backend says so (files do, the API does not).
    #[schema(value_type = Option<String>, example = "58.108.0.0/14")]
    pub network: Option<IpNetwork>,
    /// Where it is.
    pub geo: Geo,
    /// The autonomous system that announces it.
    pub asn: Option<Asn>,
    /// The company that uses it.
    pub company: Option<Organisation>,
    /// The mobile carrier, for mobile addresses.
    pub carrier: Option<Carrier>,
    /// Whether it hides somebody.
    pub privacy: Privacy,
    /// What sort of network it is.
    pub traits: Traits,
    /// Whether the address says something about the person behind it.
    pub usable: bool,
    /// Why it does not, where it does not.
    pub unusable_because: Vec<Unusable>,
    /// Who answered, and how precisely.
    pub provider: Provider,
}

/// Where an address was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressOrigin {
    /// `ip=` of the request, or the address asked for directly.
    Request,
    /// `lastAttributionSource.ip`.
    AttributionLast,
    /// `attributionSource.ip`.
    AttributionFirst,
    /// `attributions[]`, by position.
    AttributionFurther(usize),
    /// A configured custom field, by id.
    CustomField(String),
}

impl std::fmt::Display for AddressOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request => f.write_str("request"),
            Self::AttributionLast => f.write_str("attribution.last"),
            Self::AttributionFirst => f.write_str("attribution.first"),
            Self::AttributionFurther(index) => write!(f, "attributions[{index}]"),
            Self::CustomField(id) => write!(f, "customFields.{id}"),
        }
    }
}

impl Serialize for AddressOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What sort of address it is, after the IANA special-purpose registries and IPinfo's bogon list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Routed on the Internet.
    Global,
    /// RFC 1918, or unique local (RFC 4193).
    Private,
    /// The machine itself.
    Loopback,
    /// One link only.
    LinkLocal,
    /// Carrier-grade NAT, RFC 6598.
    CarrierGradeNat,
    /// For examples, RFC 5737, RFC 3849 and RFC 9637.
    Documentation,
    /// For benchmarks, RFC 2544 and RFC 5180.
    Benchmarking,
    /// Multicast.
    Multicast,
    /// Broadcast.
    Broadcast,
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// Reserved for something else.
    Reserved,
}

/// Where an address is. Coordinates in degrees (WGS 84); 0 is a valid coordinate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Geo {
    /// City.
    pub city: Option<String>,
    /// Region, state or province.
    pub region: Option<String>,
    /// ISO 3166-2 subdivision code without the country.
    pub region_code: Option<String>,
    /// Country name, English.
    pub country: Option<String>,
    /// ISO 3166-1 alpha-2 code (XK for Kosovo).
    pub country_code: Option<String>,
    /// Continent name, English.
    pub continent: Option<String>,
    /// AF, AN, AS, EU, NA, OC or SA.
    pub continent_code: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Radius of the estimate, kilometres.
    pub accuracy_radius_km: Option<u32>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Whether the country is a member of the European Union.
    pub in_eu: Option<bool>,
    /// ISO 4217 code of the country's currency.
    pub currency: Option<String>,
    /// The country's flag, as Unicode.
    pub flag: Option<String>,
}

/// An autonomous system.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Asn {
    /// `AS` and the number.
    #[schema(example = "AS4804")]
    pub asn: String,
    /// Name of the operator.
    pub name: Option<String>,
    /// The operator's domain.
    pub domain: Option<String>,
    /// `isp`, `hosting`, `business`, `education` or `government`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// The company that uses an address.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Organisation {
    /// Name.
    pub name: Option<String>,
    /// Domain.
    pub domain: Option<String>,
    /// As an ASN's `type`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A mobile carrier.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Carrier {
    /// Name.
    pub name: Option<String>,
    /// Mobile country code.
    pub mcc: Option<String>,
    /// Mobile network code.
    pub mnc: Option<String>,
}

/// Whether an address hides somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Privacy {
    /// Any of the below, as the backend sums it up.
    pub anonymous: Option<bool>,
    /// A VPN's exit.
    pub vpn: Option<bool>,
    /// An open proxy.
    pub proxy: Option<bool>,
    /// A Tor exit.
    pub tor: Option<bool>,
    /// A relay such as iCloud Private Relay.
    pub relay: Option<bool>,
    /// A residential proxy.
    pub residential_proxy: Option<bool>,
    /// Name of the service.
    pub service: Option<String>,
}

/// What sort of network an address is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Traits {
    /// A hosting provider's.
    pub hosting: Option<bool>,
    /// A mobile network's.
    pub mobile: Option<bool>,
    /// Announced from many places.
    pub anycast: Option<bool>,
    /// A satellite provider's.
    pub satellite: Option<bool>,
}

/// Why an address says little about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unusable {
    /// A hosting provider's address.
    Hosting,
    /// A VPN's exit.
    Vpn,
    /// An open proxy.
    Proxy,
    /// A Tor exit.
    Tor,
    /// A relay.
    Relay,
    /// A residential proxy.
    ResidentialProxy,
    /// It hides somebody, and the backend does not say how.
    Anonymous,
    /// Private, loopback, documentation …
    Reserved,
    /// One of the configured own servers: the capture ran there, not at the person's.
    OwnServer,
}

/// Every reason why an address says little about the person behind it; none means it is usable. A mobile, anycast or
/// satellite address is: it is still the person's.
///
/// ```
/// use ghl_enrich::domain::ip::{Ownership, Privacy, Scope, Traits, Unusable, unusable_because};
/// let vpn = Privacy { vpn: Some(true), ..Privacy::default() };
/// assert_eq!(unusable_because(Scope::Global, &vpn, &Traits::default(), Ownership::Foreign), [Unusable::Vpn]);
/// ```
#[must_use]
pub fn unusable_because(scope: Scope, privacy: &Privacy, traits: &Traits, ownership: Ownership) -> Vec<Unusable> {
    let hidden = [
        (privacy.vpn, Unusable::Vpn),
        (privacy.proxy, Unusable::Proxy),
        (privacy.tor, Unusable::Tor),
        (privacy.relay, Unusable::Relay),
        (privacy.residential_proxy, Unusable::ResidentialProxy),
    ];
    let mut reasons = Vec::new();
    if traits.hosting == Some(true) {
        reasons.push(Unusable::Hosting);
    }
    reasons.extend(hidden.iter().filter(|(flag, _)| *flag == Some(true)).map(|(_, reason)| *reason));
    let named = hidden.iter().any(|(flag, _)| *flag == Some(true));
    if privacy.anonymous == Some(true) && !named {
        reasons.push(Unusable::Anonymous);
    }
    if scope != Scope::Global {
        reasons.push(Unusable::Reserved);
    }
    if ownership == Ownership::Ours {
        reasons.push(Unusable::OwnServer);
    }
    reasons
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// In one of the configured own networks.
    Ours,
    /// Anybody else's.
    Foreign,
}

impl Ownership {
    /// Whether an address is in one of `own_servers`. The address must be canonical.
    #[must_use]
    pub fn of(address: IpAddr, own_servers: &[IpNetwork]) -> Self {
        if own_servers.iter().any(|network| network.contains(address)) { Self::Ours } else { Self::Foreign }
    }
}

/// Who answered, and how precisely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// The backend.
    pub backend: Backend,
    /// The API plan or the file's `database_type`.
    pub plan: Option<String>,
    /// How precise the answer is.
    pub precision: Precision,
    /// When the database was built, for files.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub database_built_at: Option<Timestamp>,
    /// Whether a preferred backend failed, so that this one answered in its place.
    pub degraded: bool,
}

/// A source of IP intelligence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// A file in MaxMind DB format.
    Mmdb,
    /// IPinfo's HTTP API.
    Api,
    /// The table compiled in.
    Embedded,
    /// Our own classification: the address is reserved.
    Local,
}

impl Backend {
    /// The word used in settings, metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mmdb => "mmdb",
            Self::Api => "api",
            Self::Embedded => "embedded",
            Self::Local => "local",
        }
    }
}

/// The finest thing an answer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// City or better.
    City,
    /// Region.
    Region,
    /// Country.
    Country,
    /// Nothing about the place.
    None,
}

impl Precision {
    /// The finest thing that `geo` holds. Coordinates alone count as a country's: where there is neither city nor region,
    /// they are the middle of something larger.
    #[must_use]
    pub fn of(geo: &Geo) -> Self {
        if geo.city.is_some() || geo.postal_code.is_some() {
            Self::City
        } else if geo.region.is_some() || geo.region_code.is_some() {
            Self::Region
        } else if geo.country_code.is_some() || geo.country.is_some() || geo.latitude.is_some() {
            Self::Country
        } else {
            Self::None
        }
    }
}

impl Geo {
    /// Fills what follows from the country and the continent and is not known: names, EU membership, currency and flag.
    pub fn fill_from_tables(&mut self) {
        let code = self.country_code.as_deref();
        if let Some(country) = code.and_then(Country::by_code) {
            self.country.get_or_insert_with(|| country.name.to_owned());
            self.continent_code.get_or_insert_with(|| country.continent.code().to_owned());
            self.in_eu = Some(country.in_eu());
            self.currency = country.currency.map(str::to_owned);
            self.flag = Some(country.flag());
        }
        if self.continent.is_none() {
            let continent = self.continent_code.as_deref().and_then(Continent::by_code);
            self.continent = continent.map(|continent| continent.name().to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
