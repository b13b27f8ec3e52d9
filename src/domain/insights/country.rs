//! Whether the CRM and the address agree on the country.

use crate::domain::ip::IpIntelligence;
use serde::Serialize;
use utoipa::ToSchema;

/// The country as the CRM and as the address have it. Method: the codes are compared only if the address is usable, for
/// where a VPN leaves its tunnel says nothing about the person, neither for nor against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountryInsight {
    /// ISO 3166-1 alpha-2 code of what the CRM says.
    #[schema(example = "US")]
    pub crm: Option<String>,
    /// ISO 3166-1 alpha-2 code of where the address is.
    #[schema(example = "AU")]
    pub ip: Option<String>,
    /// Whether they agree.
    pub agreement: Agreement,
}

/// Whether two countries agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// Both name the same one.
    Match,
    /// They name different ones.
    Mismatch,
    /// One is not known, or the address says little about the person.
    Unknown,
}

pub(super) fn derive(crm: Option<&str>, ip: Option<&IpIntelligence>) -> Option<CountryInsight> {
    let seen = ip.and_then(|ip| ip.geo.country_code.as_deref());
    if crm.is_none() && seen.is_none() {
        return None;
    }
    let agreement = match (crm, seen.filter(|_| ip.is_some_and(|ip| ip.usable))) {
        (Some(crm), Some(seen)) if crm.eq_ignore_ascii_case(seen) => Agreement::Match,
        (Some(_), Some(_)) => Agreement::Mismatch,
        (None, _) | (_, None) => Agreement::Unknown,
    };
    Some(CountryInsight { crm: crm.map(str::to_owned), ip: seen.map(str::to_owned), agreement })
}
