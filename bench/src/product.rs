//! The service as a process of its own, over a sandbox in the same process, which is idle once profiles are warm.

use ghl_enrich::app::App;
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig};

/// Settings by dotted key, over those a bench needs.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// `key=value`, repeated.
    #[arg(long)]
    set: Vec<String>,
    /// Contacts in the sandbox.
    #[arg(long, default_value_t = 200)]
    contacts: usize,
}

/// Prints the public address, the admin address and the sandbox's.
#[expect(clippy::print_stdout, reason = "the parent reads the addresses")]
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let config =
        SandboxConfig { quota: QuotaProfile::Unlimited, contacts: options.contacts, ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await?;
    let base = sandbox.base_url();
    let mut flags: Vec<(String, String)> = [
        ("http.bind", "127.0.0.1:0"),
        ("http.admin_bind", "127.0.0.1:0"),
        ("http.workers", "1"),
        ("ghl.base_url", &base),
        ("ghl.location_id", "sandboxLocation00001"),
        ("ghl.token", "pit-00000000-0000-4000-8000-000000000001"),
        ("ipinfo.base_url", &base),
        ("ipinfo.plan", "lookup"),
        ("ipinfo.token", "sandboxipinfo1"),
        ("store.url", "sqlite::memory:"),
        ("cache.contact_fresh_seconds", "86400"),
        ("cache.notes_fresh_seconds", "86400"),
        ("cache.tasks_fresh_seconds", "86400"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for pair in &options.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| anyhow::anyhow!("--set key=value"))?;
        flags.retain(|(set, _)| set != key);
        flags.push((key.to_owned(), value.to_owned()));
    }
    let settings = crate::settings_of(&flags)?;
    let _logs = ghl_enrich::telemetry::logs::init(&settings.telemetry)?;
    let app = App::build(settings).await?;
    println!("{} {} {}", app.public_addr(), app.admin_addr(), sandbox.addr());
    app.run(std::future::pending()).await
}
