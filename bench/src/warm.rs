//! Warm hits: the service with authentication, ids, metrics, CORS and its log on, against a bare route with the same
//! bytes, turn by turn. The service's worker and the generator have a core each.

use crate::{load, process::Server};
use anyhow::Context as _;
use std::{net::SocketAddr, time::Duration};

const KEY: &str = "ghle_bench-key-of-no-other-use-0000000000";
const SHOWCASE: &str = "seD4PfOuKoVMLkEZqohJ";

/// Options of the warm comparison.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rounds; each runs every server once, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// One server under load, and what its turns gave.
struct Contender {
    name: &'static str,
    server: Server,
    request: String,
    turns: Vec<Turn>,
}

struct Turn {
    rate: f64,
    p50: Duration,
    p99: Duration,
    cpu_us: f64,
}

/// SHA-256 of [`KEY`], as `ghl-enrich keys new` would print it.
fn key_setting() -> String {
    let digest = ghl_enrich::settings::secret::sha256(KEY);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(r#"auth.keys=[{{ name = "bench", sha256 = "{hex}", roles = ["read"] }}]"#)
}

fn product(access_log: &str) -> anyhow::Result<Server> {
    Server::start(&[
        "serve-product".into(),
        "--set".into(),
        key_setting(),
        "--set".into(),
        r#"http.cors_origins=["https://dashboard.example"]"#.into(),
        "--set".into(),
        format!("telemetry.access_log={access_log}"),
        "--set".into(),
        "telemetry.log_format=json".into(),
    ])
}

fn request(addr: SocketAddr) -> String {
    format!(
        "GET /v1/contacts/{SHOWCASE}/profile HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {KEY}\r\norigin: https://dashboard.example\r\n\r\n"
    )
}

pub async fn run(options: &Options) -> anyhow::Result<()> {
    let (sampled, all) = (product("sampled")?, product("all")?);
    let body = load::fetch(sampled.addrs[0], &request(sampled.addrs[0])).await?;
    load::fetch(all.addrs[0], &request(all.addrs[0])).await?;
    let file = std::env::temp_dir().join(format!("ghl-enrich-bench-{}.json", std::process::id()));
    std::fs::write(&file, &body)?;
    let bare = Server::start(&["serve-bare".into(), "--body".into(), file.to_string_lossy().into_owned()])?;
    let mut contenders =
        [("bare", bare), ("sampled log", sampled), ("every request logged", all)].map(|(name, server)| {
            let request = request(server.addrs[0]);
            Contender { name, server, request, turns: Vec::new() }
        });
    for contender in &mut contenders {
        contender.turn(options.connections, Duration::from_secs(1))?;
        contender.turns.clear();
    }
    for _ in 0..options.rounds {
        for contender in &mut contenders {
            contender.turn(options.connections, Duration::from_secs(options.seconds))?;
        }
    }
    std::fs::remove_file(file)?;
    report(&contenders, body.len(), options)
}

impl Contender {
    fn turn(&mut self, connections: usize, time: Duration) -> anyhow::Result<()> {
        let cpu_before = self.server.cpu_time()?;
        let outcome = load::run(self.server.addrs[0], &self.request, connections, time)?;
        let cpu = self.server.cpu_time()?.saturating_sub(cpu_before);
        self.turns.push(Turn {
            rate: outcome.rate(),
            p50: outcome.quantile(0.5),
            p99: outcome.quantile(0.99),
            cpu_us: cpu.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64,
        });
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "this is the report")]
fn report(contenders: &[Contender], bytes: usize, options: &Options) -> anyhow::Result<()> {
    println!(
        "{bytes} bytes, {} connections, one worker, {} rounds of {} s, medians; each ratio is the median of its rounds' ratios",
        options.connections, options.rounds, options.seconds
    );
    println!(
        "{:<22}{:>12}{:>9}{:>10}{:>8}{:>10}{:>8}{:>9}{:>9}",
        "", "requests/s", "ratio", "p50 µs", "p99 µs", "p99 ratio", "cpu µs", "lowest", "highest"
    );
    let bare = contenders.first().context("the bare server")?;
    for contender in contenders {
        let of = |pick: fn(&Turn) -> f64| median(contender.turns.iter().map(pick).collect());
        let ratios = |pick: fn(&Turn) -> f64| -> Vec<f64> {
            contender.turns.iter().zip(&bare.turns).map(|(own, bare)| pick(own) / pick(bare)).collect()
        };
        let rates = ratios(|turn| turn.rate);
        println!(
            "{:<22}{:>12.0}{:>9.3}{:>10.0}{:>8.0}{:>10.2}{:>8.1}{:>9.3}{:>9.3}",
            contender.name,
            of(|turn| turn.rate),
            median(rates.clone()),
            of(|turn| turn.p50.as_secs_f64() * 1e6),
            of(|turn| turn.p99.as_secs_f64() * 1e6),
            median(ratios(|turn| turn.p99.as_secs_f64())),
            of(|turn| turn.cpu_us),
            rates.iter().copied().fold(f64::INFINITY, f64::min),
            rates.iter().copied().fold(0.0, f64::max),
        );
    }
    Ok(())
}
