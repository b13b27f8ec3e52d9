//! How much speaks against taking a contact at face value.

use super::country::{Agreement, CountryInsight};
use crate::domain::ip::{IpIntelligence, Scope, Unusable};
use serde::Serialize;
use utoipa::ToSchema;

/// How much speaks against taking the contact at face value. A hint for a person, no verdict.
///
/// Method: every reason has a fixed weight, and the level is that of the heaviest one; reasons do not add up,
/// because they are not independent (a VPN's exit is in a data centre, another country has another time zone).
/// `low` is said only where something was known: without a reason that weighs more, and with a backend that tells nothing
/// of anonymisers and hosting (IPinfo Lite, the embedded table), the level is `null`. It is `null` too, with that reason
/// alone, where the address is not the person's at all: reserved, or one of the configured own servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RiskInsight {
    /// The level; `null` where too little is known to say `low`.
    pub level: Option<RiskLevel>,
    /// What speaks for it, heaviest first.
    pub reasons: Vec<RiskReason>,
}

/// A level of risk, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// Nothing, or next to nothing, speaks against the contact.
    Low,
    /// Worth a look.
    Medium,
    /// The address was chosen to hide somebody.
    High,
}

/// What raises a risk, heaviest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiskReason {
    /// A Tor exit: high.
    Tor,
    /// A residential proxy: high.
    ResidentialProxy,
    /// An open proxy: high.
    Proxy,
    /// A VPN's exit: medium.
    Vpn,
    /// Anonymous in a way the backend does not name: medium.
    Anonymous,
    /// A hosting provider's address: medium, for people do not live in data centres.
    Hosting,
    /// The CRM names another country than the address: medium.
    CountryMismatch,
    /// The CRM's time zone and the address's are two hours apart or more: low, for a CRM's zone is often a default.
    TimezoneMismatch,
    /// A relay such as iCloud Private Relay: low, for it is an ordinary browser's setting.
    Relay,
    /// A private, loopback or otherwise reserved address: it tells nothing, so the level is `null`.
    ReservedAddress,
    /// One of the configured own servers: it tells nothing, so the level is `null`.
    OwnServer,
}

impl RiskReason {
    const fn weight(self) -> Option<RiskLevel> {
        match self {
            Self::Tor | Self::ResidentialProxy | Self::Proxy => Some(RiskLevel::High),
            Self::Vpn | Self::Anonymous | Self::Hosting | Self::CountryMismatch => Some(RiskLevel::Medium),
            Self::TimezoneMismatch | Self::Relay => Some(RiskLevel::Low),
            Self::ReservedAddress | Self::OwnServer => None,
        }
    }
}

pub(super) fn derive(ip: &IpIntelligence, country: Option<&CountryInsight>, zones_disagree: bool) -> RiskInsight {
    if let Some(reason) = not_the_persons(ip) {
        return RiskInsight { level: None, reasons: vec![reason] };
    }
    let mut reasons = of_the_address(ip);
    if country.is_some_and(|country| country.agreement == Agreement::Mismatch) {
        reasons.push(RiskReason::CountryMismatch);
    }
    if zones_disagree {
        reasons.push(RiskReason::TimezoneMismatch);
    }
    reasons.sort_unstable();
    let heaviest = reasons.iter().filter_map(|reason| reason.weight()).max();
    let level =
        heaviest.filter(|level| *level > RiskLevel::Low).or_else(|| tells_anything(ip).then_some(RiskLevel::Low));
    RiskInsight { level, reasons }
}

fn not_the_persons(ip: &IpIntelligence) -> Option<RiskReason> {
    if ip.scope != Scope::Global || ip.unusable_because.contains(&Unusable::Reserved) {
        return Some(RiskReason::ReservedAddress);
    }
    ip.unusable_because.contains(&Unusable::OwnServer).then_some(RiskReason::OwnServer)
}

fn of_the_address(ip: &IpIntelligence) -> Vec<RiskReason> {
    let flags = [
        (ip.privacy.tor, Unusable::Tor, RiskReason::Tor),
        (ip.privacy.residential_proxy, Unusable::ResidentialProxy, RiskReason::ResidentialProxy),
        (ip.privacy.proxy, Unusable::Proxy, RiskReason::Proxy),
        (ip.privacy.vpn, Unusable::Vpn, RiskReason::Vpn),
        (ip.privacy.relay, Unusable::Relay, RiskReason::Relay),
        (ip.traits.hosting, Unusable::Hosting, RiskReason::Hosting),
    ];
    let set = |(flag, because, _): &(Option<bool>, Unusable, RiskReason)| {
        *flag == Some(true) || ip.unusable_because.contains(because)
    };
    let mut reasons: Vec<_> = flags.iter().filter(|flag| set(flag)).map(|(_, _, reason)| *reason).collect();
    let named = reasons.iter().any(|reason| *reason != RiskReason::Hosting);
    if ip.privacy.anonymous == Some(true) && !named {
        reasons.push(RiskReason::Anonymous);
    }
    reasons
}

/// Whether the backend tells of anonymisers or hosting at all.
fn tells_anything(ip: &IpIntelligence) -> bool {
    let privacy = &ip.privacy;
    [privacy.anonymous, privacy.vpn, privacy.proxy, privacy.tor, privacy.relay, ip.traits.hosting]
        .iter()
        .any(Option::is_some)
}
