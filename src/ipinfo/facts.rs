//! What a backend said, in one shape whatever its schema: the place where gaps are filled from our tables and sums are drawn.

use crate::domain::ip::{
    AddressOrigin, Asn, Carrier, Geo, IpIntelligence, Organisation, Ownership, Precision, Privacy, Provider, Scope,
    Traits, unusable_because,
};
use ipnetwork::IpNetwork;
use std::net::IpAddr;

/// Codes that registries and vendors use where they know no country.
const PSEUDO_COUNTRIES: [&str; 9] = ["EU", "AP", "ZZ", "XX", "A1", "A2", "O1", "T1", "QQ"];

/// What is known of an address, without the address.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) network: Option<IpNetwork>,
    pub(super) geo: Geo,
    pub(super) asn: Option<Asn>,
    pub(super) company: Option<Organisation>,
    pub(super) carrier: Option<Carrier>,
    pub(super) privacy: Privacy,
    pub(super) traits: Traits,
    /// The backend calls the address reserved, though we do not.
    pub(super) bogon: bool,
    /// The API plan as its answer shows it.
    pub(super) plan: Option<&'static str>,
}

/// The address an answer is for.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) address: IpAddr,
    pub(super) origin: AddressOrigin,
    pub(super) scope: Scope,
    pub(super) ownership: Ownership,
}

impl Facts {
    /// Completes what follows from what is known, and drops what cannot be true.
    pub(super) fn settled(mut self) -> Self {
        let geo = &mut self.geo;
        if !geo.latitude.zip(geo.longitude).is_some_and(|(north, east)| on_earth(north, east)) {
            (geo.latitude, geo.longitude) = (None, None);
        }
        geo.fill_from_tables();
        self.carrier = self.carrier.filter(|carrier| {
            let Carrier { name, mcc, mnc } = carrier;
            name.is_some() || mcc.is_some() || mnc.is_some()
        });
        self.company = self.company.filter(|company| company.name.is_some() || company.domain.is_some());
        if self.traits.mobile.is_none() && self.carrier.is_some() {
            self.traits.mobile = Some(true);
        }
        if self.privacy.anonymous.is_none() {
            self.privacy.anonymous = sum(&self.privacy);
        }
        self
    }

    /// Whether the backend knew nothing: such an answer is a miss.
    pub(super) fn says_nothing(&self) -> bool {
        let Self { network: _, geo, asn, company, carrier, privacy, traits, bogon, plan: _ } = self;
        *geo == Geo::default()
            && asn.is_none()
            && company.is_none()
            && carrier.is_none()
            && *privacy == Privacy::default()
            && *traits == Traits::default()
            && !bogon
    }

    /// The document: these facts about this address.
    pub(super) fn about(self, subject: Subject, provider: Provider) -> IpIntelligence {
        let scope = if self.bogon { Scope::Reserved } else { subject.scope };
        let unusable_because = unusable_because(scope, &self.privacy, &self.traits, subject.ownership);
        IpIntelligence {
            address: subject.address,
            origin: subject.origin,
            version: if subject.address.is_ipv4() { 4 } else { 6 },
            scope,
            network: self.network,
            geo: self.geo,
            asn: self.asn,
            company: self.company,
            carrier: self.carrier,
            privacy: self.privacy,
            traits: self.traits,
            usable: unusable_because.is_empty(),
            unusable_because,
            provider,
        }
    }

    /// How precise these facts are.
    pub(super) fn precision(&self) -> Precision {
        Precision::of(&self.geo)
    }

    /// Bytes held, near enough to bound a cache.
    pub(super) fn weight(&self) -> usize {
        let geo = &self.geo;
        let texts = [
            &geo.city,
            &geo.region,
            &geo.region_code,
            &geo.country,
            &geo.country_code,
            &geo.continent,
            &geo.continent_code,
            &geo.postal_code,
            &geo.timezone,
            &geo.currency,
            &geo.flag,
            &self.privacy.service,
        ];
        let asn =
            self.asn.as_ref().map(|asn| [Some(&asn.asn), asn.name.as_ref(), asn.domain.as_ref(), asn.kind.as_ref()]);
        let company = self.company.as_ref().map(|company| [&company.name, &company.domain, &company.kind]);
        let carrier = self.carrier.as_ref().map(|carrier| [&carrier.name, &carrier.mcc, &carrier.mnc]);
        let texts = texts.into_iter().filter_map(Option::as_ref);
        let texts = texts.chain(asn.into_iter().flatten().flatten());
        let texts = texts.chain(company.into_iter().chain(carrier).flatten().filter_map(Option::as_ref));
        size_of::<Self>() + texts.map(String::capacity).sum::<usize>()
    }
}

fn on_earth(north: f64, east: f64) -> bool {
    (-90.0..=90.0).contains(&north) && (-180.0..=180.0).contains(&east)
}

/// Whether any kind of hiding is known, or all of the four that every privacy product tells are known not to be.
fn sum(privacy: &Privacy) -> Option<bool> {
    let Privacy { anonymous: _, vpn, proxy, tor, relay, residential_proxy, service: _ } = privacy;
    if [vpn, proxy, tor, relay, residential_proxy].contains(&&Some(true)) {
        return Some(true);
    }
    [vpn, proxy, tor, relay].into_iter().all(|flag| *flag == Some(false)).then_some(false)
}

/// A country code as we spell it: two capitals, and none of the codes that stand for "no country".
pub(super) fn country_code(text: &str) -> Option<String> {
    let letters = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let code = letters.then(|| text.to_ascii_uppercase())?;
    (!PSEUDO_COUNTRIES.contains(&code.as_str())).then_some(code)
}

/// `AS` and the number.
pub(super) fn asn_text(number: u32) -> String {
    format!("AS{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_coordinate_and_the_moon_is_not() {
        let at = |latitude, longitude| {
            let geo = Geo { latitude, longitude, ..Geo::default() };
            Facts { geo, ..Facts::default() }.settled().geo
        };
        assert_eq!(at(Some(0.0), Some(0.0)).latitude, Some(0.0));
        assert_eq!(at(Some(91.0), Some(0.0)), Geo::default());
        assert_eq!(at(Some(1.0), None), Geo::default());
    }

    #[test]
    fn the_sum_of_privacy_is_drawn_only_from_what_is_known() {
        let clear = Privacy {
            vpn: Some(false),
            proxy: Some(false),
            tor: Some(false),
            relay: Some(false),
            ..Privacy::default()
        };
        assert_eq!(sum(&clear), Some(false));
        assert_eq!(sum(&Privacy { tor: None, ..clear.clone() }), None);
        assert_eq!(sum(&Privacy { tor: None, vpn: Some(true), ..clear }), Some(true));
    }

    #[test]
    fn pseudo_countries_are_unknown() {
        assert_eq!(country_code("au").as_deref(), Some("AU"));
        for text in ["EU", "ap", "ZZ", "", "AUS", "A1", "Ä"] {
            assert_eq!(country_code(text), None, "{text}");
        }
    }
}
