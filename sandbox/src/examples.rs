//! Seeded contacts with fixed ids, each an example of one thing. All but the last live in location 1.

/// Addresses from a private network in both attributions (`192.168.1.23`).
pub const PRIVATE_IP: &str = "sandboxPrivateIp0001";
/// Made in the CRM: no address at all.
pub const CRM_ONLY: &str = "sandboxCrmOnly000001";
/// A public IPv6 address, Berlin.
pub const IPV6: &str = "sandboxIpv6000000001";
/// An address in the European Union (Munich), country typed as DE.
pub const EU_IP: &str = "sandboxEuIp000000001";
/// A commercial VPN's address.
pub const VPN: &str = "sandboxVpn0000000001";
/// A Tor exit.
pub const TOR: &str = "sandboxTor0000000001";
/// A cloud provider's address.
pub const HOSTING: &str = "sandboxHosting000001";
/// A privacy relay's address.
pub const RELAY: &str = "sandboxRelay00000001";
/// A mobile carrier's address.
pub const MOBILE: &str = "sandboxMobile0000001";
/// 1,000 notes.
pub const HUGE_NOTES: &str = "sandboxHugeNotes0001";
/// `tags: null`.
pub const NULL_TAGS: &str = "sandboxNullTags00001";
/// `10.0.0.7, 81.2.69.142, 172.16.0.1`: the public one is second.
pub const COMMA_LIST: &str = "sandboxCommaIp000001";
/// `86.145.10.5:52114`
pub const IP_WITH_PORT: &str = "sandboxIpPort0000001";
/// `203.0.113.77`, documentation only.
pub const DOCUMENTATION_IP: &str = "sandboxDocIp00000001";
/// `fe80::1c2d:3e4f:5a6b:7c8d%en0`
pub const IPV6_WITH_ZONE: &str = "sandboxIpv6Zone00001";
/// `::ffff:91.10.44.3`
pub const MAPPED_IPV4: &str = "sandboxMappedIp00001";
/// `[2a01:cb08:8d8c:100::7]:443`
pub const BRACKETED_IPV6: &str = "sandboxBracketIp0001";
/// Both attributions are `{}`.
pub const EMPTY_ATTRIBUTION: &str = "sandboxEmptyAttr0001";
/// No names, only an email address.
pub const NO_NAMES: &str = "sandboxNoNames000001";
/// `ip` is no address (`unknown`).
pub const NONSENSE_IP: &str = "sandboxNonsense00001";
/// No `lastAttributionSource` address, only the first one.
pub const FIRST_ONLY: &str = "sandboxFirstOnly0001";
/// A full profile in location 2.
pub const OTHER_LOCATION: &str = "sandboxOtherLoc00001";
