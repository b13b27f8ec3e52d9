//! Time from acknowledging a source's event to the call at GHL that carries it: signed events at a steady rate, one a
//! request, against the service over a store on the disk. GHL is the sandbox, with a quota that no client comes near, behind
//! a wire that notes when the text that is each event's own first comes over it. Sender and wire are one process and read one
//! clock.

use crate::{
    load,
    process::Server,
    proxy::{self, Arrivals, mark},
    steady::{self, Answered, quantile},
    writes,
};
use anyhow::{Context as _, bail};
use ghl_enrich::{clock::Clock, sources::signature::standard_headers, tasks::Tasks};
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What the source signs with.
const SECRET: &str = "whsec_aW5zdXJnby1pbnN1cmdvLWluc3VyZ28tMDE=";

/// Contacts that are made at a time before the rounds; the next ones follow when these have come.
const WARMED_TOGETHER: usize = 50;

/// How long an event may be under way before the run is given up.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// Options of the run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Events a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of one round.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Contacts that are known before the first round.
    #[arg(long, default_value_t = 400)]
    contacts: usize,
    /// Connections that events come over.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Folder on the device to measure; emptied of what was made.
    #[arg(long, default_value = "target/bench-sources")]
    folder: PathBuf,
}

/// What an event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Another name of a contact that GHL has.
    Updated,
    /// A task of such a contact.
    Task,
    /// A contact that neither side has.
    Created,
}

const KINDS: [(Kind, &str); 3] =
    [(Kind::Updated, "contact.updated"), (Kind::Task, "task.created"), (Kind::Created, "contact.created")];

/// The times of one event.
#[derive(Debug, Clone, Copy)]
struct Timed {
    kind: Kind,
    /// From when it was due to be sent until the 202.
    acknowledged: Duration,
    /// From the 202 until its first call came.
    carried: Duration,
}

/// A service, and what is sent to it.
struct Bench<'a> {
    options: &'a Options,
    product: Server,
    arrivals: Arc<Arrivals>,
    clock: Clock,
    /// Each run's ids are its own.
    next: usize,
}

pub async fn run(options: &Options) -> anyhow::Result<()> {
    let folder = options.folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    let outcome = measure(options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "this is the report")]
async fn measure(options: &Options, folder: &Path) -> anyhow::Result<()> {
    if options.contacts == 0 {
        bail!("--contacts must be at least 1");
    }
    // No seeded contact has an address of ours.
    let config = SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() };
    let ghl = Sandbox::start(config).await?;
    let arrivals = Arc::new(Arrivals::default());
    let tasks = Tasks::new();
    let wire = proxy::start(&tasks, ghl.addr(), Arc::clone(&arrivals)).await?;
    let product = product(folder, wire)?;
    let mut bench = Bench { options, product, arrivals, clock: Clock::system(), next: options.contacts };
    bench.warm().await?;
    let mut all = Vec::new();
    for round in 1..=options.rounds {
        let flush = 1e3 / writes::flushes(&tasks, folder.join("bare"), Duration::from_secs(1)).await?;
        let timed = bench.round().await?;
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        println!("round {round}: a bare flush of 4 KiB took {flush:.2} ms before it; load average after it {load}");
        report("202 to the call at GHL", timed.iter().map(|one| one.carried));
        all.extend(timed);
    }
    println!("all rounds, {}/s:", options.rate);
    report("202 to the call at GHL", all.iter().map(|one| one.carried));
    for (kind, name) in KINDS {
        report(name, all.iter().filter(|one| one.kind == kind).map(|one| one.carried));
    }
    report("acknowledging (due to 202)", all.iter().map(|one| one.acknowledged));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the report")]
fn report(name: &str, times: impl Iterator<Item = Duration>) {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    println!(
        "  {name:<27} {:>6} events: p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms",
        times.len(),
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        quantile(&times, 1.0)
    );
}

fn product(folder: &Path, ghl: SocketAddr) -> anyhow::Result<Server> {
    let set = [
        format!("store.url=sqlite:{}", folder.join("store.db").display()),
        format!("ghl.base_url=http://{ghl}"),
        "ghl.burst_limit=1000000".into(),
        "ghl.day_limit=1000000000".into(),
        format!("sources.systems=[{{ name = 'bench', preset = 'insurgo', secrets = ['{SECRET}'] }}]"),
        "telemetry.log_level=warn".into(),
    ];
    let set = set.into_iter().flat_map(|set| ["--set".to_owned(), set]);
    Server::start(&std::iter::once("serve-product".to_owned()).chain(set).collect::<Vec<_>>())
}

impl Bench<'_> {
    fn addr(&self) -> SocketAddr {
        self.product.addrs[0]
    }

    /// Has the known contacts made, and the service warm.
    async fn warm(&mut self) -> anyhow::Result<()> {
        let all: Vec<usize> = (0..self.options.contacts).collect();
        for numbers in all.chunks(WARMED_TOGETHER) {
            let requests = numbers.iter().map(|n| self.request(*n, "contact.created", created(*n)));
            let requests = requests.collect::<anyhow::Result<_>>()?;
            steady::send(self.addr(), requests, self.options.rate.max(1), self.options.connections, 202).await?;
            for number in numbers {
                self.arrival(*number).await?;
            }
        }
        self.settled().await
    }

    /// One round, and the times of its events.
    async fn round(&mut self) -> anyhow::Result<Vec<Timed>> {
        let first = self.next;
        self.next += (self.options.rate * self.options.seconds) as usize;
        let events = (first..self.next).map(|n| self.event(n));
        let requests = events.collect::<anyhow::Result<_>>()?;
        let answered = steady::send(self.addr(), requests, self.options.rate, self.options.connections, 202).await?;
        let mut timed = Vec::with_capacity(answered.len());
        for (number, Answered { took, at }) in (first..).zip(answered) {
            let carried = self.arrival(number).await?.saturating_duration_since(at);
            timed.push(Timed { kind: kind(number), acknowledged: took, carried });
        }
        self.settled().await?;
        Ok(timed)
    }

    fn event(&self, number: usize) -> anyhow::Result<Vec<u8>> {
        let kind = kind(number);
        // The next contact for each event about a known one: two at a time about the same may be carried as one.
        let known = format!("c-{}", (number / 4 * 3 + number % 4) % self.options.contacts);
        let data = match kind {
            Kind::Updated => json!({ "contactId": known, "firstName": mark(number) }),
            Kind::Task => json!({
                "taskId": format!("t-{number}"), "contactId": known, "title": mark(number),
                "dueDate": "2026-12-01T15:30:00Z", "status": "Open",
            }),
            Kind::Created => created(number),
        };
        let name = KINDS.iter().find(|(of, _)| *of == kind).map_or("", |(_, name)| name);
        self.request(number, name, data)
    }

    fn request(&self, number: usize, kind: &str, data: Value) -> anyhow::Result<Vec<u8>> {
        let (id, now, addr) = (format!("evt_{number}"), self.clock.now(), self.addr());
        let body = json!({ "id": id, "type": kind, "occurredAt": now.to_string(), "data": data }).to_string();
        let headers = standard_headers(SECRET, &id, now, body.as_bytes()).context("a secret")?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head =
            format!("POST /v1/sources/bench/events HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n");
        Ok(format!("{head}{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }

    /// When an event's first call came; waits for it.
    async fn arrival(&self, number: usize) -> anyhow::Result<Instant> {
        let began = Instant::now();
        loop {
            if let Some(at) = self.arrivals.of(number) {
                return Ok(at);
            }
            if began.elapsed() > LOST_AFTER {
                bail!("GHL was not told of event {number} within {LOST_AFTER:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every event has its fate, which must not be a failure.
    async fn settled(&self) -> anyhow::Result<()> {
        let request = format!("GET /v1/sources HTTP/1.1\r\nhost: {}\r\n\r\n", self.addr());
        let began = Instant::now();
        loop {
            let report: Value = serde_json::from_slice(&load::fetch(self.addr(), &request).await?)?;
            let source = &report["items"][0];
            if source["failed"] != 0 || source["waiting"] != 0 {
                bail!("events failed: {source}");
            }
            if source["pending"] == 0 {
                return Ok(());
            }
            if began.elapsed() > LOST_AFTER {
                bail!("events are not at their end: {source}");
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

fn created(number: usize) -> Value {
    json!({
        "contactId": format!("c-{number}"), "email": format!("{}@source.example", mark(number)),
        "firstName": "Rosa", "lastName": "Exemplar",
    })
}

/// Every second updates a known contact, every fourth makes a task, every fourth a contact.
const fn kind(number: usize) -> Kind {
    match number % 4 {
        1 => Kind::Task,
        3 => Kind::Created,
        _ => Kind::Updated,
    }
}
