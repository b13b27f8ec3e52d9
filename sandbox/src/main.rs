//! The sandbox as a program: starts it, prints what one needs to know to use it, and runs until it is interrupted.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use ghl_sandbox::{IpinfoPlan, QuotaProfile, Sandbox, SandboxConfig, examples, tokens};

/// A local stand-in for the GoHighLevel API v2 and the IPinfo API.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:4010")]
    bind: SocketAddr,
    /// All data follows from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many contacts location 1 holds.
    #[arg(long, default_value_t = 200)]
    contacts: usize,
    /// How many locations there are beside the first two.
    #[arg(long, default_value_t = 0)]
    extra_locations: usize,
    /// How long an OAuth access token lives, in seconds.
    #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    access_token_seconds: u64,
    /// Rate limits per location.
    #[arg(long, value_enum, default_value_t = Quota::Standard)]
    quota: Quota,
    /// How long a search trails a write, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    search_lag_ms: u64,
    /// What IPinfo's /lookup answers.
    #[arg(long, value_enum, default_value_t = Plan::Plus)]
    ipinfo_plan: Plan,
    /// Where webhooks go: a URL of the receiver.
    #[arg(long)]
    webhook_url: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Quota {
    Standard,
    Trial,
    Unlimited,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Plan {
    Core,
    Plus,
    Max,
}

impl Args {
    fn config(&self) -> SandboxConfig {
        SandboxConfig {
            bind: self.bind,
            seed: self.seed,
            contacts: self.contacts,
            extra_locations: self.extra_locations,
            access_token_life: Duration::from_secs(self.access_token_seconds),
            search_lag: Duration::from_millis(self.search_lag_ms),
            quota: match self.quota {
                Quota::Standard => QuotaProfile::Standard,
                Quota::Trial => QuotaProfile::Trial,
                Quota::Unlimited => QuotaProfile::Unlimited,
            },
            ipinfo_plan: match self.ipinfo_plan {
                Plan::Core => IpinfoPlan::Core,
                Plan::Plus => IpinfoPlan::Plus,
                Plan::Max => IpinfoPlan::Max,
            },
            webhook_url: self.webhook_url.clone(),
            ..SandboxConfig::default()
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let sandbox = Sandbox::start(args.config()).await.with_context(|| format!("cannot start on {}", args.bind))?;
    greet(&sandbox);
    interrupted().await.context("cannot wait for a signal")?;
    sandbox.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[expect(clippy::print_stdout, reason = "the program's greeting is its output")]
fn greet(sandbox: &Sandbox) {
    let base = sandbox.base_url();
    println!("ghl-sandbox listens on {base} (GHL and IPinfo alike)");
    println!();
    println!("locations        {}  {}", tokens::LOCATION_1, tokens::LOCATION_2);
    println!("private tokens   {}  ({})", tokens::PIT_LOCATION_1, tokens::LOCATION_1);
    println!("                 {}  ({})", tokens::PIT_LOCATION_2, tokens::LOCATION_2);
    println!("                 {}  (contacts.readonly)", tokens::PIT_READ_ONLY);
    println!("                 {}  (agency)", tokens::PIT_AGENCY);
    println!("OAuth client     {}  secret {}", tokens::OAUTH_CLIENT_ID, tokens::OAUTH_CLIENT_SECRET);
    println!("OAuth consent    {base}/oauth/chooselocation  (agency {}, app {})", tokens::COMPANY, tokens::APP_ID);
    println!("IPinfo token     {}  (free account: {})", tokens::IPINFO_TOKEN, tokens::IPINFO_LITE_TOKEN);
    println!("webhook key      {}  (Ed25519)", tokens::WEBHOOK_PUBLIC_KEY);
    println!("control API      {base}/__sandbox/");
    println!("example contact  {}  (VPN: {})", tokens::EXAMPLE_CONTACT, examples::VPN);
    println!();
    println!("curl -H 'Authorization: Bearer {}' \\", tokens::PIT_LOCATION_1);
    println!("     -H 'Version: 2021-07-28' {base}/contacts/{}", tokens::EXAMPLE_CONTACT);
}
