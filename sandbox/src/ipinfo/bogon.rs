//! Addresses that IPinfo does not locate: private, reserved, documentation. The list is the one its clients share.

use std::net::IpAddr;

const V4: &[(&str, u32)] = &[
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
    ("255.255.255.255", 32),
];
const V6: &[(&str, u32)] = &[
    ("::", 128),
    ("::1", 128),
    ("::ffff:0:0", 96),
    ("::", 96),
    ("100::", 64),
    ("2001:10::", 28),
    ("2001:db8::", 32),
    ("fc00::", 7),
    ("fe80::", 10),
    ("fec0::", 10),
    ("ff00::", 8),
    ("2002::", 24),
    ("2002:a00::", 24),
    ("2002:7f00::", 24),
    ("2002:a9fe::", 32),
    ("2002:ac10::", 28),
    ("2002:c000::", 40),
    ("2002:c000:200::", 40),
    ("2002:c0a8::", 32),
    ("2002:c612::", 31),
    ("2002:c633:6400::", 40),
    ("2002:cb00:7100::", 40),
    ("2002:e000::", 20),
    ("2002:f000::", 20),
    ("2002:ffff:ffff::", 48),
    ("2001::", 40),
    ("2001:0:a00::", 40),
    ("2001:0:7f00::", 40),
    ("2001:0:a9fe::", 48),
    ("2001:0:ac10::", 44),
    ("2001:0:c000::", 56),
    ("2001:0:c000:200::", 56),
    ("2001:0:c0a8::", 48),
    ("2001:0:c612::", 47),
    ("2001:0:c633:6400::", 56),
    ("2001:0:cb00:7100::", 56),
    ("2001:0:e000::", 36),
    ("2001:0:f000::", 36),
    ("2001:0:ffff:ffff::", 64),
];

/// Is this an address that nobody can be found at?
pub(crate) fn is_bogon(ip: IpAddr) -> bool {
    let list = if ip.is_ipv4() { V4 } else { V6 };
    let wanted = bits(ip);
    let width = if ip.is_ipv4() { 32 } else { 128 };
    list.iter().any(|(net, prefix)| {
        let shift = width - prefix;
        let net = net.parse().map(bits);
        net.is_ok_and(|net| shift == 128 || net.checked_shr(shift) == wanted.checked_shr(shift))
    })
}

/// The address as a number: 32 bits of it for IPv4.
pub(crate) fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_and_public_are_told_apart() {
        for ip in
            ["10.1.2.3", "192.168.0.1", "127.0.0.1", "203.0.113.9", "::1", "fe80::1", "2001:db8::5", "::ffff:8.8.8.8"]
        {
            assert!(is_bogon(ip.parse().expect(ip)), "{ip}");
        }
        for ip in ["8.8.8.8", "58.111.106.198", "172.32.0.1", "2001:4860:4860::8888", "2a02:8108::1"] {
            assert!(!is_bogon(ip.parse().expect(ip)), "{ip}");
        }
        let table = crate::ipinfo::table::HOSTS.iter();
        assert_eq!(table.filter(|host| is_bogon(host.ip.parse().expect(host.ip))).count(), 0);
    }
}
