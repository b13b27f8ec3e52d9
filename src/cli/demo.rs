//! `ghl-enrich demo`: the service and the GHL and `IPinfo` sandbox in one process, on loopback, ready to click through.

use super::{print_line, serve::told_to_stop};
use crate::{app::App, settings::Settings};
use anyhow::Context as _;
use ghl_sandbox::{Sandbox, SandboxConfig, WebhookPlan, tokens};
use std::net::SocketAddr;

/// Location 1 of the sandbox.
const LOCATION: &str = "sandboxLocation00001";
/// Its private integration token, which is no secret.
const TOKEN: &str = "pit-00000000-0000-4000-8000-000000000001";
/// The sandbox's IPinfo token, likewise.
const IPINFO_TOKEN: &str = "sandboxipinfo1";
/// Two of the rules that `settings.default.toml` proposes: name, condition, managed prefix, tag.
const RULES: [[&str; 4]; 2] = [
    ["country", "ip.usable or undecided", "geo:country:", "geo:country:{{ ip.geo.countryCode }}"],
    ["hosting", "ip.traits.hosting", "net:hosting:", "net:hosting:yes"],
];
/// What Insurgo signs with here. It is no secret: examples/insurgo/ has it, too.
const INSURGO_SECRET: &str = "whsec_ZGVtby1pbnN1cmdvLWRlbW8taW5zdXJnby0wMDE=";
/// Seals the tokens of a demo, which nobody keeps.
const ENCRYPTION_KEY: &str = "ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1vLWRlbW8tMDA=";
/// A contact with everything.
const SHOWCASE: &str = "seD4PfOuKoVMLkEZqohJ";

/// The settings that point a service at a sandbox on `sandbox`, by dotted key. What stands in the environment of somebody
/// who uses the service in earnest must not reach the demo: a token's file beside a token is an error, and with API keys
/// the lines it prints would be refused.
#[must_use]
pub fn settings_for(sandbox: SocketAddr) -> Vec<(String, toml::Value)> {
    let base = format!("http://{sandbox}");
    let texts = [
        ("ghl.base_url", base.as_str()),
        ("ghl.location_id", LOCATION),
        ("ghl.token", TOKEN),
        ("ghl.token_file", ""),
        ("ghl.timezone", "America/New_York"),
        ("ipinfo.base_url", &base),
        ("ipinfo.legacy_base_url", &base),
        ("ipinfo.plan", "lookup"),
        ("ipinfo.token", IPINFO_TOKEN),
        ("ipinfo.token_file", ""),
        // Nothing is left behind.
        ("store.url", "sqlite::memory:"),
        ("oauth.client_id", ""),
        ("oauth.client_secret", ""),
        ("oauth.client_secret_file", ""),
        ("store.encryption_key", ""),
        ("store.encryption_key_file", ""),
        ("store.previous_encryption_key", ""),
        ("store.previous_encryption_key_file", ""),
    ];
    let texts = texts.into_iter().map(|(key, value)| (key.to_owned(), toml::Value::from(value)));
    let lists = [
        ("auth.keys", Vec::new()),
        ("enrichment.rules", RULES.into_iter().map(rule).collect()),
        ("webhooks.public_keys", vec![tokens::WEBHOOK_PUBLIC_KEY.into()]),
        ("sources.systems", vec![insurgo()]),
    ];
    let lists = lists.into_iter().map(|(key, items)| (key.to_owned(), toml::Value::Array(items)));
    texts.chain(lists).collect()
}

/// The settings that lie over those for a service that is connected by OAuth. Keys and secrets are the sandbox's, and none.
#[must_use]
pub fn oauth_settings_for(sandbox: SocketAddr, redirect_url: &str) -> Vec<(String, toml::Value)> {
    let authorize_url = format!("http://{sandbox}/oauth/chooselocation");
    let texts = [
        ("ghl.token", ""),
        ("oauth.client_id", tokens::OAUTH_CLIENT_ID),
        ("oauth.client_secret", tokens::OAUTH_CLIENT_SECRET),
        ("oauth.redirect_url", redirect_url),
        ("oauth.authorize_url", &authorize_url),
        ("store.encryption_key", ENCRYPTION_KEY),
    ];
    texts.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Where the sandbox's consent page sends browsers back to.
///
/// # Errors
/// Where the port is not known before it is bound.
pub fn browsers_come_back_to(bind: SocketAddr) -> anyhow::Result<String> {
    anyhow::ensure!(bind.port() != 0, "--oauth wants a --bind with a port: the consent page sends browsers back to it");
    Ok(format!("http://{}/oauth/callback", reachable(bind)))
}

/// An address of this machine that leads to what is bound.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        ip if !ip.is_unspecified() => bound,
        std::net::IpAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], bound.port())),
        std::net::IpAddr::V6(_) => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, bound.port())),
    }
}

/// A rule as settings write it, from its name, condition, managed prefix and tag.
fn rule([name, when, managed_prefix, tag]: [&str; 4]) -> toml::Value {
    let texts = [("name", name), ("when", when), ("managed_prefix", managed_prefix)];
    let mut table: toml::Table = texts.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
    table.insert("tags".to_owned(), toml::Value::Array(vec![tag.into()]));
    table.into()
}

/// A source to try out, as settings write it.
fn insurgo() -> toml::Value {
    let texts = [("name", "insurgo"), ("preset", "insurgo"), ("default_region", "US"), ("tag_prefix", "insurgo:")];
    let mut table: toml::Table = texts.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
    table.insert("secrets".to_owned(), toml::Value::Array(vec![INSURGO_SECRET.into()]));
    table.into()
}

/// Starts the sandbox; port 0 takes a free one.
///
/// # Errors
/// Where the port is taken.
pub async fn start_sandbox(bind: SocketAddr, seed: u64) -> anyhow::Result<Sandbox> {
    let started = Sandbox::start(SandboxConfig { bind, seed, ..SandboxConfig::default() }).await;
    started
        .map_err(|error| anyhow::anyhow!("the sandbox cannot listen on {bind}: {error}; choose another --sandbox-bind"))
}

/// Serves both until told to stop. The sandbox tells the service of whatever changes in it.
///
/// # Errors
/// Where a port is taken, or the service cannot be wired.
pub async fn demo(settings: Settings, sandbox: Sandbox, by_oauth: bool) -> anyhow::Result<()> {
    let stop = told_to_stop()?;
    let app = App::build(settings).await?;
    let public = reachable(app.public_addr());
    sandbox.webhooks_to(&format!("http://{public}/webhooks/ghl"), WebhookPlan::default()).context("the sandbox")?;
    if by_oauth {
        // GHL tells of it, and the service fetches its tokens: nobody has to consent.
        sandbox.install(LOCATION);
    }
    introduce(public, app.admin_addr(), &sandbox.base_url(), by_oauth);
    let ended = app.run(stop).await;
    sandbox.stop().await;
    ended
}

fn introduce(public: SocketAddr, admin: SocketAddr, sandbox: &str, by_oauth: bool) {
    let line = "─".repeat(72);
    let connecting = if by_oauth {
        format!(
            "Connected by OAuth, as an installed app:\n  \
               curl -s http://{public}/v1/locations\n\
             As a person connects one: open http://{public}/oauth/install\n\n"
        )
    } else {
        String::new()
    };
    print_line(&format!(
        "{line}\n\
         ghl-enrich demo: the service, over a sandbox of GHL and IPinfo. No account, no token.\n\n\
         Swagger UI   http://{public}/docs/\n\
         metrics      http://{admin}/metrics\n\
         sandbox      {sandbox}/__sandbox/calls   (calls made upstream so far)\n\n\
         {connecting}\
         One complete profile:\n  \
           curl -s http://{public}/v1/contacts/{SHOWCASE}/profile\n\
         Why it looks as it does:\n  \
           curl -s http://{public}/v1/contacts/{SHOWCASE}/explain\n\
         What changes of it, as it changes:\n  \
           curl -sN http://{public}/v1/contacts/{SHOWCASE}/profile/events\n\
         An address alone:\n  \
           curl -s http://{public}/v1/ips/58.111.106.198\n\n\
         Writes and rules: README, section Writes\n\n\
         A source pushes its records: python3 examples/insurgo/replay.py\n  \
           its secret here: {INSURGO_SECRET}\n  \
           curl -s http://{public}/v1/sources/insurgo/events\n\n\
         Ctrl-C ends it.\n{line}"
    ));
}
