//! A cold profile against the chain it cannot do without: the contact, then IPinfo. Both upstreams are given a latency,
//! and the chain is also walked bare, over kept connections, turn by turn with the service.

use crate::load;
use ghl_enrich::{app::App, settings::Settings};
use ghl_sandbox::{Fault, FaultAction, QuotaProfile, Sandbox, SandboxConfig};
use std::{net::SocketAddr, time::Duration};
use tokio::time::Instant;

const TOKEN: &str = "pit-00000000-0000-4000-8000-000000000001";
const LOCATION: &str = "sandboxLocation00001";

/// Options of the cold comparison.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Contacts to read, each once.
    #[arg(long, default_value_t = 100)]
    contacts: usize,
    /// Latency of each GHL call, milliseconds.
    #[arg(long, default_value_t = 80)]
    ghl_ms: u64,
    /// Latency of each IPinfo call, milliseconds.
    #[arg(long, default_value_t = 40)]
    ipinfo_ms: u64,
}

#[expect(clippy::print_stdout, reason = "this is the report")]
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await?;
    let app = App::build(settings(&sandbox)?).await?;
    let addr = app.public_addr();
    let service = app.run(std::future::pending());
    let measured = measure(options, &sandbox, addr);
    let (mut service_ms, mut chain_ms) = tokio::select! {
        result = service => anyhow::bail!("the service ended: {result:?}"),
        measured = measured => measured?,
    };
    service_ms.sort_by(f64::total_cmp);
    chain_ms.sort_by(f64::total_cmp);
    let at = |values: &[f64], quantile: f64| values[(values.len() as f64 * quantile) as usize];
    println!("{} cold profiles, GHL {} ms, IPinfo {} ms", service_ms.len(), options.ghl_ms, options.ipinfo_ms);
    for quantile in [0.5, 0.9] {
        let (own, bare) = (at(&service_ms, quantile), at(&chain_ms, quantile));
        println!(
            "p{:.0}: profile {own:.2} ms, bare contact + IPinfo {bare:.2} ms, added {:.2} ms",
            quantile * 100.0,
            own - bare
        );
    }
    Ok(())
}

fn settings(sandbox: &Sandbox) -> anyhow::Result<Settings> {
    let base = sandbox.base_url();
    let flags = [
        ("http.bind", "127.0.0.1:0"),
        ("http.admin_bind", "127.0.0.1:0"),
        ("http.workers", "1"),
        ("ghl.base_url", &base),
        ("ghl.location_id", LOCATION),
        ("ghl.token", TOKEN),
        ("ipinfo.base_url", &base),
        ("ipinfo.plan", "lookup"),
        ("ipinfo.token", "sandboxipinfo1"),
        ("store.url", "sqlite::memory:"),
    ];
    let flags: Vec<(String, String)> = flags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    crate::settings_of(&flags)
}

async fn measure(options: &Options, sandbox: &Sandbox, addr: SocketAddr) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    for (endpoint, ms) in [("ghl.*", options.ghl_ms), ("ipinfo.*", options.ipinfo_ms)] {
        let action = FaultAction::Latency(Duration::from_millis(ms));
        sandbox.inject(Fault { endpoint: endpoint.into(), contact: None, times: None, probability: 1.0, action });
    }
    let (mut service, mut chain) = (Vec::new(), Vec::new());
    for (index, id) in sandbox.contact_ids(LOCATION).iter().take(options.contacts).enumerate() {
        let started = Instant::now();
        load::fetch(addr, &format!("GET /v1/contacts/{id}/profile HTTP/1.1\r\nhost: {addr}\r\n\r\n")).await?;
        let took = started.elapsed().as_secs_f64() * 1e3;
        let bare = walk_chain(sandbox.addr(), id, index).await?;
        // Contacts without an address cost no IPinfo call: only the others are compared.
        if took > (options.ghl_ms + options.ipinfo_ms) as f64 {
            service.push(took);
            chain.push(bare);
        }
    }
    Ok((service, chain))
}

/// The contact, then an address of its own so that no cache of anybody's helps.
async fn walk_chain(sandbox: SocketAddr, id: &str, index: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let contact = format!(
        "GET /contacts/{id} HTTP/1.1\r\nhost: {sandbox}\r\nauthorization: Bearer {TOKEN}\r\nversion: 2021-07-28\r\naccept: application/json\r\n\r\n"
    );
    load::fetch(sandbox, &contact).await?;
    let look_up = format!(
        "GET /lookup/9.9.{}.{} HTTP/1.1\r\nhost: {sandbox}\r\nauthorization: Bearer sandboxipinfo1\r\naccept: application/json\r\n\r\n",
        index / 250,
        index % 250 + 1
    );
    load::fetch(sandbox, &look_up).await?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}
