//! Addresses that nobody on the Internet has: the bogon list of `IPinfo`'s clients, completed from the IANA special-purpose
//! address registries, with the kind of each range.
//!
//! 6to4 (`2002::/16`) and Teredo (`2001::/32`) carry an IPv4 address; they are judged by it, which covers the 27 further
//! ranges those clients spell out, and carrier-grade NAT, which they forget.

use super::super::ip::Scope::{
    self, Benchmarking, Broadcast, CarrierGradeNat, Documentation, Global, LinkLocal, Loopback, Multicast, Private,
    Reserved, Unspecified,
};
use ipnetwork::{Ipv4Network, Ipv6Network};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(address: [u8; 4], prefix: u8, scope: Scope) -> (Ipv4Network, Scope) {
    let [a, b, c, d] = address;
    match Ipv4Network::new_checked(Ipv4Addr::new(a, b, c, d), prefix) {
        Some(network) => (network, scope),
        None => unreachable!(),
    }
}

const fn v6(head: [u16; 3], prefix: u8, scope: Scope) -> (Ipv6Network, Scope) {
    let [a, b, c] = head;
    match Ipv6Network::new_checked(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix) {
        Some(network) => (network, scope),
        None => unreachable!(),
    }
}

/// First match counts, so the narrower range stands first.
const V4: [(Ipv4Network, Scope); 16] = [
    v4([0, 0, 0, 0], 8, Unspecified),
    v4([10, 0, 0, 0], 8, Private),
    v4([100, 64, 0, 0], 10, CarrierGradeNat),
    v4([127, 0, 0, 0], 8, Loopback),
    v4([169, 254, 0, 0], 16, LinkLocal),
    v4([172, 16, 0, 0], 12, Private),
    v4([192, 0, 0, 0], 24, Reserved),
    v4([192, 0, 2, 0], 24, Documentation),
    v4([192, 88, 99, 0], 24, Reserved),
    v4([192, 168, 0, 0], 16, Private),
    v4([198, 18, 0, 0], 15, Benchmarking),
    v4([198, 51, 100, 0], 24, Documentation),
    v4([203, 0, 113, 0], 24, Documentation),
    v4([224, 0, 0, 0], 4, Multicast),
    v4([255, 255, 255, 255], 32, Broadcast),
    v4([240, 0, 0, 0], 4, Reserved),
];

/// As [`V4`]; what is outside `2000::/3` and not listed is not allocated, and so reserved too.
const V6: [(Ipv6Network, Scope); 14] = [
    v6([0x64, 0xff9b, 1], 48, Reserved),
    v6([0x100, 0, 0], 64, Reserved),
    v6([0x2001, 0x2, 0], 48, Benchmarking),
    v6([0x2001, 0x10, 0], 28, Reserved),
    v6([0x2001, 0x20, 0], 28, Reserved),
    v6([0x2001, 0xdb8, 0], 32, Documentation),
    v6([0x3fff, 0, 0], 20, Documentation),
    v6([0x5f00, 0, 0], 16, Reserved),
    v6([0xfc00, 0, 0], 7, Private),
    v6([0xfe80, 0, 0], 10, LinkLocal),
    v6([0xfec0, 0, 0], 10, Private),
    v6([0xff00, 0, 0], 8, Multicast),
    v6([0x2000, 0, 0], 3, Global),
    v6([0, 0, 0], 0, Reserved),
];

/// An address without disguise: IPv4 mapped into IPv6 (`::ffff:0:0/96`) and behind NAT64 (`64:ff9b::/96`) is unwrapped.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => IpAddr::V4(embedded(high, low)),
        _ => IpAddr::V6(v6),
    }
}

/// What sort of address it is.
///
/// ```
/// use ghl_enrich::domain::{address::classify, ip::Scope};
/// assert_eq!(classify("::ffff:10.0.0.1".parse().unwrap()), Scope::Private);
/// assert_eq!(classify("8.8.8.8".parse().unwrap()), Scope::Global);
/// ```
#[must_use]
pub fn classify(address: IpAddr) -> Scope {
    match canonical(address) {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Scope {
    V4.iter().find(|(network, _)| network.contains(address)).map_or(Global, |(_, scope)| *scope)
}

fn classify_v6(address: Ipv6Addr) -> Scope {
    match (address, address.segments()) {
        (Ipv6Addr::UNSPECIFIED, _) => Unspecified,
        (Ipv6Addr::LOCALHOST, _) => Loopback,
        (_, [0x2002, high, low, ..] | [0x2001, 0, high, low, ..]) => classify_v4(embedded(high, low)),
        _ => V6.iter().find(|(network, _)| network.contains(address)).map_or(Reserved, |(_, scope)| *scope),
    }
}

const fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnetwork::IpNetwork;
    use proptest::prelude::*;

    /// reference/ipinfo.md §4.2, as `IPinfo`'s clients have it, and the IANA extras.
    const LISTED: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
        192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 \
        255.255.255.255/32 192.88.99.0/24 ::/128 ::1/128 ::/96 100::/64 2001:10::/28 2001:db8::/32 fc00::/7 fe80::/10 \
        fec0::/10 ff00::/8 2002::/24 2002:a00::/24 2002:7f00::/24 2002:a9fe::/32 2002:ac10::/28 2002:c000::/40 \
        2002:c000:200::/40 2002:c0a8::/32 2002:c612::/31 2002:c633:6400::/40 2002:cb00:7100::/40 2002:e000::/20 \
        2002:f000::/20 2002:ffff:ffff::/48 2001::/40 2001:0:a00::/40 2001:0:7f00::/40 2001:0:a9fe::/48 \
        2001:0:ac10::/44 2001:0:c000::/56 2001:0:c000:200::/56 2001:0:c0a8::/48 2001:0:c612::/47 \
        2001:0:c633:6400::/56 2001:0:cb00:7100::/56 2001:0:e000::/36 2001:0:f000::/36 2001:0:ffff:ffff::/64 \
        64:ff9b:1::/48 2001:2::/48 2001:20::/28 3fff::/20 5f00::/16";

    #[test]
    fn both_ends_of_every_listed_range_are_reserved() {
        for text in LISTED.split_whitespace() {
            let network: IpNetwork = text.parse().unwrap();
            // ::ffff:0:0/96 lies outside ::/96, so an end of that range is never a mapped address.
            for end in [network.network(), network.broadcast()] {
                assert_ne!(classify(end), Global, "{end} of {text}");
            }
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let cases = [
            ("10.1.2.3", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Global),
            ("192.168.0.1", Private),
            ("fd12:3456::1", Private),
            ("127.0.0.53", Loopback),
            ("::1", Loopback),
            ("169.254.169.254", LinkLocal),
            ("fe80::1", LinkLocal),
            ("100.64.0.1", CarrierGradeNat),
            ("100.128.0.1", Global),
            ("203.0.113.7", Documentation),
            ("2001:db8::1", Documentation),
            ("198.19.255.255", Benchmarking),
            ("224.0.0.251", Multicast),
            ("ff02::fb", Multicast),
            ("255.255.255.255", Broadcast),
            ("255.255.255.254", Reserved),
            ("0.0.0.0", Unspecified),
            ("::", Unspecified),
            ("::8.8.8.8", Reserved),
            ("4000::1", Reserved),
            ("::ffff:8.8.8.8", Global),
            ("::ffff:192.168.1.1", Private),
            ("64:ff9b::808:808", Global),
            ("64:ff9b::a00:1", Private),
            ("2002:808:808::1", Global),
            ("2002:6440:1::1", CarrierGradeNat),
            ("2001:0:4136:e378::1", Global),
            ("2001:0:7f00:1::1", Loopback),
            ("2001:4860:4860::8888", Global),
            ("2606:4700:4700::1111", Global),
            ("1.1.1.1", Global),
        ];
        for (text, scope) in cases {
            assert_eq!(classify(text.parse().unwrap()), scope, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_disguise_changes_nothing(bits in any::<u32>()) {
            let plain = Ipv4Addr::from(bits);
            let nat64 = Ipv6Addr::from((0x64_ff9b_u128 << 96) | u128::from(bits));
            for disguised in [plain.to_ipv6_mapped(), nat64] {
                prop_assert_eq!(canonical(disguised.into()), IpAddr::V4(plain));
                prop_assert_eq!(classify(disguised.into()), classify(plain.into()));
            }
        }

        #[test]
        fn canonical_twice_is_canonical_once(bits in any::<u128>()) {
            let once = canonical(Ipv6Addr::from(bits).into());
            prop_assert_eq!(canonical(once), once);
        }
    }
}
