//! Whether a request's `Host` is ours. While no key protects the service, a page elsewhere could reach it by DNS
//! rebinding: its own name, pointed at our address. So only loopback and configured names are answered.

use crate::domain::problem::{Problem, ProblemKind};
use actix_web::http::header::{HOST, HeaderMap};
use std::net::{IpAddr, Ipv6Addr};

/// Refuses a request whose `Host` is neither loopback nor configured.
pub(super) fn require_known(headers: &HeaderMap, configured: &[String]) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).map(without_port);
    if host.is_some_and(|host| is_loopback(host) || configured.iter().any(|name| same(name, host))) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::Forbidden,
        "This Host is not answered while no API key is configured; add it to http.hosts, or configure a key.",
    ))
}

/// Whether an authority (`host`, `host:port`) names this machine itself.
pub(super) fn names_loopback(authority: &str) -> bool {
    is_loopback(without_port(authority))
}

fn is_loopback(host: &str) -> bool {
    let bare = bare(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| match address {
            IpAddr::V4(v4) => v4.is_loopback(),
            IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
        })
}

/// Whether two hosts are one; an IPv6 address has many spellings.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

/// A host without the brackets of an IPv6 address, or the one dot that may end a name.
fn bare(host: &str) -> &str {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.unwrap_or_else(|| host.strip_suffix('.').unwrap_or(host))
}

/// The host of `host:port`, `[v6]:port` or either without a port.
fn without_port(authority: &str) -> &str {
    match (authority.rfind(':'), authority.rfind(']')) {
        (Some(colon), Some(bracket)) if colon < bracket => authority,
        (Some(colon), _) => &authority[..colon],
        (None, _) => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn answered(host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        let configured = ["enrich.internal", "dotted.internal.", "2001:db8::1", "[2001:db8::2]", "192.0.2.7"];
        require_known(&headers, &configured.map(str::to_owned)).is_ok()
    }

    #[test]
    fn loopback_and_configured_names_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]",
            "[::1]:8080",
            "enrich.internal:443",
            "Enrich.Internal",
            "enrich.internal.:443",
            "dotted.internal",
            "dotted.internal.",
            "[2001:db8::1]",
            "[2001:DB8:0::1]:8080",
            "[2001:db8::2]:8080",
            "192.0.2.7:80",
        ] {
            assert!(answered(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:1",
            "[2001:db8::3]",
            "2001:db8:",
            "enrich.internal..",
            "[::1",
            ":80",
        ] {
            assert!(!answered(host), "{host}");
        }
        assert!(require_known(&HeaderMap::new(), &[]).is_err());
    }
}
