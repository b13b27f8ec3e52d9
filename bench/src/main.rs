//! Whole-service comparisons: each figure beside the bare thing, interleaved in one run, because machines are shared and
//! noisy. `cargo run --release -p ghl-enrich-bench -- warm` and so on; see `--help`.

#![expect(unreachable_pub, reason = "a program has no outside")]

mod bare;
mod cold;
mod footprint;
mod load;
mod process;
mod product;
mod proxy;
mod sources;
mod steady;
mod warm;
mod webhooks;
mod writes;

use clap::{Parser, Subcommand};

/// Measures ghl-enrich against the bare thing.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Warm profile hits against a bare actix-web route that returns the same bytes.
    Warm(warm::Options),
    /// A cold profile against the slowest upstream chain it cannot do without.
    Cold(cold::Options),
    /// Start to ready, resident memory idle, and memory for each cached profile.
    Footprint(footprint::Options),
    /// Durable accepted writes, one writer against many, beside the device's own flushes.
    Writes(writes::Options),
    /// Time to acknowledge a webhook at a steady rate, beside a bare route that answers at once.
    Webhooks(webhooks::Options),
    /// Time from acknowledging a source's event to the call at GHL that carries it.
    Sources(sources::Options),
    /// (internal) The bare route.
    #[command(hide = true)]
    ServeBare(bare::Options),
    /// (internal) The service, over a sandbox of its own.
    #[command(hide = true)]
    ServeProduct(product::Options),
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match Args::parse().what {
            What::Warm(options) => warm::run(&options).await,
            What::Cold(options) => cold::run(&options).await,
            What::Footprint(options) => footprint::run(&options).await,
            What::Writes(options) => writes::run(&options).await,
            What::Webhooks(options) => webhooks::run(&options).await,
            What::Sources(options) => sources::run(&options).await,
            What::ServeBare(options) => bare::serve(options).await,
            What::ServeProduct(options) => product::serve(options).await,
        }
    })
}

/// Settings by dotted key, over the defaults.
fn settings_of(changes: &[(String, String)]) -> anyhow::Result<ghl_enrich::settings::Settings> {
    let variable = |key: &str| format!("ENRICH_{}", key.replace('.', "__").to_uppercase());
    let environment = changes.iter().map(|(key, value)| (variable(key), value.clone())).collect();
    let sources = ghl_enrich::settings::Sources { environment, ..Default::default() };
    Ok(ghl_enrich::settings::Settings::load(sources)?.settings)
}
