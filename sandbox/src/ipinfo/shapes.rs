//! What is known of an address, in the shape of each product. Table rows answer for themselves; any other public
//! address borrows a row chosen by its network, so the answer never changes.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::bogon::{bits, is_bogon};
use super::table::{HOSTS, Host, country};
use crate::config::IpinfoPlan;
use crate::rng::mix;

/// The row that answers for an address.
pub(crate) fn host_of(ip: IpAddr) -> &'static Host {
    let text = ip.to_string();
    if let Some(host) = HOSTS.iter().find(|host| host.ip == text) {
        return host;
    }
    let pool: Vec<&Host> = HOSTS.iter().filter(|host| !host.has("anycast") && !host.has("tor")).collect();
    pool[(network_hash(ip) % pool.len() as u64) as usize]
}

/// One number for all addresses of a /24 or /48.
fn network_hash(ip: IpAddr) -> u64 {
    let network = if ip.is_ipv4() { bits(ip) >> 8 } else { bits(ip) >> 80 };
    mix(u64::try_from(network).unwrap_or(u64::MAX) ^ 0x1B_0B0)
}

fn is_curated(ip: IpAddr) -> bool {
    let text = ip.to_string();
    HOSTS.iter().any(|host| host.ip == text)
}

/// `{"ip", "bogon": true}`, if it is one.
pub(crate) fn bogon(ip: IpAddr) -> Option<Value> {
    is_bogon(ip).then(|| json!({"ip": ip.to_string(), "bogon": true}))
}

/// Lite: flat, all strings; some networks have no ASN.
pub(crate) fn lite(ip: IpAddr) -> Value {
    let host = host_of(ip);
    let code = host.place().country_code;
    let (country, continent_code, continent) = country(code);
    let mut out = Map::new();
    out.insert("ip".to_owned(), ip.to_string().into());
    if is_curated(ip) || !network_hash(ip).is_multiple_of(5) {
        out.insert("asn".to_owned(), format!("AS{}", host.asn).into());
        out.insert("as_name".to_owned(), host.as_name.into());
        out.insert("as_domain".to_owned(), host.as_domain.into());
    }
    out.insert("country_code".to_owned(), code.into());
    out.insert("country".to_owned(), country.into());
    out.insert("continent_code".to_owned(), continent_code.into());
    out.insert("continent".to_owned(), continent.into());
    Value::Object(out)
}

/// Core, Plus or Max.
pub(crate) fn lookup(ip: IpAddr, plan: IpinfoPlan) -> Value {
    let host = host_of(ip);
    let plus = plan != IpinfoPlan::Core;
    let mut out = Map::new();
    out.insert("ip".to_owned(), ip.to_string().into());
    if let Some(name) = hostname(ip, host) {
        out.insert("hostname".to_owned(), name.into());
    }
    out.insert("geo".to_owned(), geo(host, plus));
    let mut network = json!({
        "asn": format!("AS{}", host.asn), "name": host.as_name, "domain": host.as_domain, "type": host.as_type,
    });
    if plus {
        network["last_changed"] = "2025-11-02".into();
    }
    out.insert("as".to_owned(), network);
    if plus {
        out.insert("mobile".to_owned(), carrier(host));
        out.insert("anonymous".to_owned(), anonymous(host, plan));
    }
    let anonymous = ["vpn", "proxy", "tor", "relay"].iter().any(|kind| host.has(kind));
    out.insert("is_anonymous".to_owned(), anonymous.into());
    for (key, kind) in
        [("is_anycast", "anycast"), ("is_hosting", "hosting"), ("is_mobile", "mobile"), ("is_satellite", "satellite")]
    {
        out.insert(key.to_owned(), host.has(kind).into());
    }
    Value::Object(out)
}

fn geo(host: &Host, plus: bool) -> Value {
    let place = host.place();
    let (country, continent_code, continent) = country(place.country_code);
    let mut geo = json!({
        "city": place.city, "region": place.region, "region_code": place.region_code, "country": country,
        "country_code": place.country_code, "continent": continent, "continent_code": continent_code,
        "latitude": place.latitude, "longitude": place.longitude, "timezone": place.timezone,
        "postal_code": place.postal,
    });
    if plus {
        geo["geoname_id"] = place.geoname_id.into();
        geo["radius"] = (if host.has("mobile") { 500 } else { 20 }).into();
        geo["last_changed"] = "2026-02-08".into();
        if place.country_code == "US" {
            geo["dma_code"] = "807".into();
        }
    }
    geo
}

/// `{}` for what is not mobile.
fn carrier(host: &Host) -> Value {
    let parts: Vec<&str> = host.detail("mobile").unwrap_or_default().split('/').collect();
    match parts[..] {
        [name, mcc, mnc] => json!({"name": name, "mcc": mcc, "mnc": mnc}),
        _ => json!({}),
    }
}

fn service(host: &Host) -> &'static str {
    ["vpn", "relay", "proxy"].iter().find_map(|kind| host.detail(kind)).unwrap_or_default()
}

fn anonymous(host: &Host, plan: IpinfoPlan) -> Value {
    let mut out = json!({
        "is_proxy": host.has("proxy"), "is_relay": host.has("relay"), "is_tor": host.has("tor"),
        "is_vpn": host.has("vpn"),
    });
    if !service(host).is_empty() {
        out["name"] = service(host).into();
    }
    if plan == IpinfoPlan::Max {
        out["is_res_proxy"] = host.has("resproxy").into();
        if host.has("resproxy") {
            out["last_seen"] = "2026-10-30".into();
            out["percent_days_seen"] = 12.into();
        }
    }
    out
}

/// The legacy answer. Paid accounts get modules instead of `org`; without a token there is a `readme`.
pub(crate) fn legacy(ip: IpAddr, account: super::Account) -> Value {
    let host = host_of(ip);
    let place = host.place();
    let mut out = Map::new();
    out.insert("ip".to_owned(), ip.to_string().into());
    if let Some(name) = hostname(ip, host) {
        out.insert("hostname".to_owned(), name.into());
    }
    if host.has("anycast") {
        out.insert("anycast".to_owned(), true.into());
    }
    out.insert("city".to_owned(), place.city.into());
    out.insert("region".to_owned(), place.region.into());
    out.insert("country".to_owned(), place.country_code.into());
    out.insert("loc".to_owned(), format!("{:.4},{:.4}", place.latitude, place.longitude).into());
    if account != super::Account::Paid {
        out.insert("org".to_owned(), format!("AS{} {}", host.asn, host.as_name).into());
    }
    out.insert("postal".to_owned(), place.postal.into());
    out.insert("timezone".to_owned(), place.timezone.into());
    match account {
        super::Account::Paid => out.extend(legacy_modules(ip, host)),
        super::Account::Free => {}
        super::Account::None => drop(out.insert("readme".to_owned(), "https://ipinfo.io/missingauth".into())),
    }
    Value::Object(out)
}

fn legacy_modules(ip: IpAddr, host: &Host) -> Map<String, Value> {
    let mut out = Map::new();
    let asn = format!("AS{}", host.asn);
    out.insert(
        "asn".to_owned(),
        json!({"asn": asn, "name": host.as_name, "domain": host.as_domain, "route": route(ip), "type": host.as_type}),
    );
    out.insert("company".to_owned(), json!({"name": host.as_name, "domain": host.as_domain, "type": host.as_type}));
    if host.has("mobile") {
        out.insert("carrier".to_owned(), carrier(host));
    }
    out.insert(
        "privacy".to_owned(),
        json!({
            "vpn": host.has("vpn"), "proxy": host.has("proxy"), "tor": host.has("tor"), "relay": host.has("relay"),
            "hosting": host.has("hosting"), "service": service(host),
        }),
    );
    out.insert(
        "abuse".to_owned(),
        json!({
            "address": "Example Street 1", "country": host.place().country_code, "email": "abuse@example.com",
            "name": "Network Abuse Desk", "network": route(ip), "phone": "+10000000000",
        }),
    );
    out.insert("domains".to_owned(), json!({"total": 0, "domains": []}));
    out
}

fn route(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            format!("{a}.{b}.0.0/16")
        }
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            format!("{a:x}:{b:x}::/32")
        }
    }
}

/// Fixed lines of providers have reverse names in half of the networks.
fn hostname(ip: IpAddr, host: &Host) -> Option<String> {
    let IpAddr::V4(v4) = ip else { return None };
    let named = host.as_type == "isp" && network_hash(ip).is_multiple_of(2);
    let [a, b, c, d] = v4.octets();
    named.then(|| format!("{d}.{c}.{b}.{a}.static.{}", host.as_domain))
}

/// The residential-proxy answer: for an address that was never seen, fields are missing.
pub(crate) fn resproxy(ip: IpAddr) -> Value {
    match host_of(ip).detail("resproxy") {
        Some(service) => {
            json!({"ip": ip.to_string(), "last_seen": "2026-10-30", "percent_days_seen": 12, "service": service})
        }
        None => json!({"ip": ip.to_string()}),
    }
}
