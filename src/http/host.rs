//! Whether a request's `Host` is ours. While no key protects the service, a page elsewhere could reach it by DNS
//! rebinding: its own name, pointed at our address. So only loopback and configured names are answered.

use crate::domain::problem::{Problem, ProblemKind};
use actix_web::http::header::{HOST, HeaderMap};
use std::net::{IpAddr, Ipv6Addr};

/// Refuses a request whose `Host` is neither loopback nor configured.
pub(super) fn require_known(headers: &HeaderMap, configured: &[String]) -> Result<(), Problem> {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).map(without_port);
    if host.is_some_and(|host| is_loopback(host) || configured.iter().any(|name| same(without_port(name), host))) {
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
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| match address {
            IpAddr::V4(v4) => v4.is_loopback(),
            IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
        })
}

fn same(name: &str, host: &str) -> bool {
    name.eq_ignore_ascii_case(host.strip_suffix('.').unwrap_or(host))
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
        require_known(&headers, &["enrich.internal".to_owned()]).is_ok()
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
            "[::1",
            ":80",
        ] {
            assert!(!answered(host), "{host}");
        }
        assert!(require_known(&HeaderMap::new(), &[]).is_err());
    }
}
