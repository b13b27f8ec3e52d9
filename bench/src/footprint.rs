//! Start to ready and resident memory of the real binary, and what a cached profile occupies.

use crate::{
    load,
    process::{Server, memory_kib},
};
use anyhow::Context as _;
use std::{
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    time::Duration,
};
use tokio::time::Instant;

/// Options of the footprint report.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Starts to time.
    #[arg(long, default_value_t = 10)]
    starts: usize,
    /// Profiles to cache.
    #[arg(long, default_value_t = 2000)]
    profiles: usize,
}

pub async fn run(options: &Options) -> anyhow::Result<()> {
    start_and_idle(options).await?;
    cached_profiles(options).await
}

/// `ghl-enrich serve` beside this program: built by `cargo build --release`.
#[expect(clippy::print_stdout, reason = "this is the report")]
async fn start_and_idle(options: &Options) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name("ghl-enrich");
    anyhow::ensure!(program.exists(), "build the service first: cargo build --release");
    let (mut times, mut resident, mut anonymous) = (Vec::new(), 0, 0);
    for _ in 0..options.starts {
        let (public, admin) = (free_port()?, free_port()?);
        let started = Instant::now();
        let mut child = Command::new(&program)
            .args(["serve", "--bind", &public.to_string(), "--admin-bind", &admin.to_string()])
            .env("ENRICH_GHL__LOCATION_ID", "sandboxLocation00001")
            .stderr(Stdio::null())
            .spawn()?;
        let ready = until_ready(admin).await;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        (resident, anonymous) = (memory_kib(child.id(), "VmRSS:")?, memory_kib(child.id(), "RssAnon:")?);
        child.kill()?;
        child.wait()?;
        ready?;
    }
    times.sort_by(f64::total_cmp);
    println!(
        "start to ready: median {:.1} ms, slowest {:.1} ms of {} starts",
        times[times.len() / 2],
        times[times.len() - 1],
        times.len()
    );
    println!(
        "idle, embedded database: {:.1} MiB resident, {:.1} MiB without file pages",
        mib(resident),
        mib(anonymous)
    );
    println!("binary: {:.1} MiB", mib(std::fs::metadata(program)?.len() / 1024));
    Ok(())
}

async fn until_ready(admin: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {admin}\r\n\r\n");
    while load::fetch(admin, &request).await.is_err() {
        anyhow::ensure!(Instant::now() < deadline, "never ready");
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    Ok(())
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// Anonymous memory before and after many profiles were read, against the JSON they are served as. The sandbox of the
/// process is grown first, so its own memory is in both figures.
#[expect(clippy::print_stdout, reason = "this is the report")]
async fn cached_profiles(options: &Options) -> anyhow::Result<()> {
    let server = Server::start(&["serve-product".into(), "--contacts".into(), options.profiles.to_string()])?;
    let (public, sandbox) = (server.addrs[0], *server.addrs.get(2).context("the sandbox's address")?);
    let listed = format!("GET /__sandbox/contacts?locationId=sandboxLocation00001 HTTP/1.1\r\nhost: {sandbox}\r\n\r\n");
    let listed: serde_json::Value = serde_json::from_slice(&load::fetch(sandbox, &listed).await?)?;
    let ids: Vec<&str> = listed["contacts"]
        .as_array()
        .context("contacts")?
        .iter()
        .filter_map(|contact| contact["id"].as_str())
        .collect();
    // The first few warm what is made once: connections, buffers, tables.
    let (warm_up, rest) = ids.split_at(ids.len().min(50));
    read(public, warm_up).await?;
    let before = server.anonymous_kib()?;
    let json_bytes = read(public, rest).await?;
    let after = server.anonymous_kib()?;
    let each = (after.saturating_sub(before) * 1024) as f64 / rest.len() as f64;
    let json = json_bytes as f64 / rest.len() as f64;
    println!("{} cached profiles: {each:.0} bytes each for {json:.0} bytes of JSON, {:.2} x", rest.len(), each / json);
    Ok(())
}

async fn read(addr: SocketAddr, ids: &[&str]) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for id in ids {
        bytes +=
            load::fetch(addr, &format!("GET /v1/contacts/{id}/profile HTTP/1.1\r\nhost: {addr}\r\n\r\n")).await?.len();
    }
    Ok(bytes)
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
