//! The last resort: country level, compiled in, from the allocation statistics of the five regional registries.
//!
//! It gives the country of *allocation*, which is that of use for some nine addresses in ten. It knows nothing finer, and
//! says so: everything else stays unknown.

use super::facts::{Facts, country_code};
use crate::domain::ip::Geo;
use std::net::IpAddr;

/// What the table knows of an address; `None` is a miss.
pub(super) fn look_up(address: IpAddr) -> Option<Facts> {
    let code = country_code(iptocc::country_code(address)?)?;
    let geo = Geo { country_code: Some(code), ..Geo::default() };
    Some(Facts { geo, ..Facts::default() }.settled())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ip::Precision;

    #[test]
    fn a_country_comes_with_what_follows_from_it() {
        let facts = look_up("8.8.8.8".parse().unwrap()).unwrap();
        assert_eq!(facts.precision(), Precision::Country);
        let expected = Geo {
            country: Some("United States".into()),
            country_code: Some("US".into()),
            continent: Some("North America".into()),
            continent_code: Some("NA".into()),
            in_eu: Some(false),
            currency: Some("USD".into()),
            flag: Some("🇺🇸".into()),
            ..Geo::default()
        };
        assert_eq!(facts, Facts { geo: expected, ..Facts::default() });
        assert_eq!(look_up("2001:4860:4860::8888".parse().unwrap()).unwrap().geo.country_code.as_deref(), Some("US"));
    }

    #[test]
    fn every_code_it_yields_is_in_our_table() {
        for first in 1..=223_u8 {
            for second in (0..=255_u8).step_by(5) {
                if let Some(facts) = look_up(IpAddr::from([first, second, 7, 1])) {
                    assert!(facts.geo.country.is_some(), "{:?}", facts.geo.country_code);
                }
            }
        }
    }
}
