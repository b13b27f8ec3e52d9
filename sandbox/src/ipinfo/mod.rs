//! The IPinfo side: Lite, Core/Plus/Max, legacy, residential proxies, batches, `me` and data files, with the error
//! bodies that each host really gives.

mod batch;
mod bogon;
mod data;
mod digest;
mod shapes;
pub(crate) mod table;
pub(crate) mod usage;

use std::net::IpAddr;

pub(crate) use data::DOWNLOADS;
use serde_json::{Value, json};

use crate::state::State;
use crate::tokens;
use crate::wire::{Reply, Request};

/// A request that IPinfo answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// One address, and perhaps a path into its answer.
    One {
        product: Product,
        address: String,
        field: Vec<String>,
    },
    Batch {
        default: Product,
    },
    Me,
    Data {
        file: String,
    },
    Checksums {
        file: String,
    },
}

/// A single look-up product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Lite,
    Lookup,
    Legacy,
    Resproxy,
}

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    None,
    Free,
    Paid,
}

impl Ask {
    /// The endpoint name that faults and counters use.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::One { product: Product::Lite, .. } => "ipinfo.lite",
            Self::One { product: Product::Lookup, .. } => "ipinfo.lookup",
            Self::One { product: Product::Legacy, .. } => "ipinfo.legacy",
            Self::One { product: Product::Resproxy, .. } => "ipinfo.resproxy",
            Self::Batch { .. } => "ipinfo.batch",
            Self::Me => "ipinfo.me",
            Self::Data { .. } => "ipinfo.data",
            Self::Checksums { .. } => "ipinfo.checksums",
        }
    }

    /// The address, for faults that are aimed at one.
    pub(crate) fn subject(&self) -> Option<&str> {
        match self {
            Self::One { address, .. } => Some(address),
            _ => None,
        }
    }
}

/// What of IPinfo a path leads to, if anything.
pub(crate) fn find(method: &str, segments: &[String]) -> Option<Ask> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method, &parts[..]) {
        ("GET", ["lite", address, field @ ..]) => Some(one(Product::Lite, address, field)),
        ("GET", ["lookup", address, field @ ..]) => Some(one(Product::Lookup, address, field)),
        ("GET", ["resproxy", address]) => Some(one(Product::Resproxy, address, &[])),
        ("GET", ["me"]) => Some(Ask::Me),
        ("POST", ["batch"]) => Some(Ask::Batch { default: Product::Lookup }),
        ("POST", ["batch", "lite"]) => Some(Ask::Batch { default: Product::Lite }),
        ("POST", ["batch", "legacy"]) => Some(Ask::Batch { default: Product::Legacy }),
        ("GET", ["data", file @ .., "checksums"]) if !file.is_empty() => Some(Ask::Checksums { file: file.join("/") }),
        ("GET", ["data", file @ ..]) if !file.is_empty() => Some(Ask::Data { file: file.join("/") }),
        ("GET", [address, "json"]) => Some(one(Product::Legacy, address, &["json"])),
        ("GET", [address, field @ ..]) if looks_like_an_address(address) => Some(one(Product::Legacy, address, field)),
        _ => None,
    }
}

fn one(product: Product, address: &str, field: &[&str]) -> Ask {
    Ask::One { product, address: address.to_owned(), field: field.iter().map(|part| (*part).to_owned()).collect() }
}

fn looks_like_an_address(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') && text.contains(['.', ':', '%'])
}

pub(crate) fn execute(state: &mut State, req: &Request, ask: &Ask) -> Reply {
    match ask {
        Ask::One { product, address, field } => single(state, req, *product, address, field),
        Ask::Batch { default } => batch::answer(state, req, *default),
        Ask::Me => me(state, req),
        Ask::Data { file } => data::redirect(state, req, file),
        Ask::Checksums { file } => data::checksums(state, req, file),
    }
}

/// Bearer, Basic (token as user) or `?token=`. `Err` means a token that nobody knows.
pub(crate) fn account(req: &Request) -> Result<Account, ()> {
    let header = req.authorization.as_deref().unwrap_or_default();
    let given = match header.split_once(' ') {
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => Some(value.trim().to_owned()),
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("basic") => data::basic_user(value.trim()),
        _ => req.query("token").map(str::to_owned),
    };
    match given.as_deref() {
        None | Some("") => Ok(Account::None),
        Some(tokens::IPINFO_TOKEN) => Ok(Account::Paid),
        Some(tokens::IPINFO_LITE_TOKEN) => Ok(Account::Free),
        Some(_) => Err(()),
    }
}

/// The account, if it may use the product; everybody else is told that the token is unknown.
fn permitted(req: &Request, product: Product) -> Result<Account, Reply> {
    match (account(req), product) {
        (Ok(Account::Paid), _) => Ok(Account::Paid),
        (Ok(Account::Free), Product::Lite | Product::Legacy) => Ok(Account::Free),
        (Ok(Account::None), Product::Legacy) => Ok(Account::None),
        _ => Err(unknown_token()),
    }
}

pub(crate) fn unknown_token() -> Reply {
    let error = json!({"title": "Unknown token", "message": "Please ensure you've entered your token correctly."});
    Reply::json(403, &json!({"status": 403, "error": error}))
}

pub(crate) fn too_many_requests() -> Reply {
    let error = json!({"title": "Rate limit exceeded", "message": "You've hit your limit of requests."});
    Reply::json(429, &json!({"status": 429, "error": error}))
}

fn wrong_ip(product: Product) -> Reply {
    let message = "Please provide a valid IP address";
    match product {
        Product::Legacy => {
            Reply::json(404, &json!({"status": 404, "error": {"title": "Wrong ip", "message": message}}))
        }
        Product::Lite | Product::Lookup | Product::Resproxy => Reply::json(400, &json!({"error": message})),
    }
}

fn single(state: &mut State, req: &Request, product: Product, address: &str, field: &[String]) -> Reply {
    let account = match permitted(req, product) {
        Ok(account) => account,
        Err(reply) => return reply,
    };
    let Some(ip) = parse(address, req) else { return wrong_ip(product) };
    let (limit, now) = (state.config.ipinfo_monthly, state.now());
    if !state.usage.take(1, limit, now) {
        state.calls.add_rate_limited();
        return too_many_requests();
    }
    let json_wanted = field.first().is_some_and(|part| part == "json");
    let field = if product == Product::Legacy && json_wanted { &field[1..] } else { field };
    if product == Product::Legacy && !json_wanted && field.is_empty() && !req.accept.contains("application/json") {
        return Reply::text(200, "text/html; charset=utf-8", format!("<!doctype html><title>{ip}</title>"));
    }
    match dig(answer(state, product, ip, account), field) {
        Some(Value::Object(map)) => Reply::json(200, &Value::Object(map)),
        Some(scalar) => Reply::text(200, "text/plain; charset=utf-8", plain(&scalar)),
        None => {
            let name = field.last().map(String::as_str).unwrap_or_default();
            Reply::json(400, &json!({"error": format!("{name} is not a valid field.")}))
        }
    }
}

fn plain(scalar: &Value) -> String {
    scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned)
}

/// `me` is the caller's own address.
fn parse(address: &str, req: &Request) -> Option<IpAddr> {
    if address == "me" { req.peer } else { address.parse().ok() }
}

/// The answer of a product for an address.
fn answer(state: &State, product: Product, ip: IpAddr, account: Account) -> Value {
    if let Some(bogon) = shapes::bogon(ip) {
        return bogon;
    }
    match product {
        Product::Lite => shapes::lite(ip),
        Product::Lookup => shapes::lookup(ip, state.config.ipinfo_plan),
        Product::Legacy => shapes::legacy(ip, account),
        Product::Resproxy => shapes::resproxy(ip),
    }
}

fn dig(value: Value, path: &[String]) -> Option<Value> {
    path.iter().try_fold(value, |value, key| value.get(key).cloned())
}

fn me(state: &mut State, req: &Request) -> Reply {
    let token = match account(req) {
        Ok(Account::Paid) => tokens::IPINFO_TOKEN,
        Ok(Account::Free) => tokens::IPINFO_LITE_TOKEN,
        _ => return Reply::json(400, &json!({"error": "Invalid API token"})),
    };
    let (now, limit) = (state.now(), state.config.ipinfo_monthly);
    let (day, month) = state.usage.counts(now);
    let requests = json!({"day": day, "month": month, "limit": limit, "remaining": limit.saturating_sub(month)});
    Reply::json(200, &json!({"token": token, "requests": requests, "features": {"lite": true, "lookup": true}}))
}
