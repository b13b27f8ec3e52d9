//! Durable accepted writes a second: one writer and many, each beside the device's own flushes, taken in turns.
//!
//! One writer waits for a flush for each write; many share them. The bare thing is a file that grows by a page and is
//! flushed, as a database's log is.

use anyhow::Context as _;
use futures_util::future::try_join_all;
use ghl_enrich::{
    clock::Clock,
    domain::{
        ids::{ContactId, LocationId, OperationId},
        operation::{AuditEntry, AuditEvent, Idempotency, NewOperation, Requester},
        write::Write,
    },
    settings::StoreUrl,
    store::{OperationStore as _, sqlite::SqliteStore},
    tasks::Tasks,
};
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Options of the comparison.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Writers at the same time.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// Rounds; each measures the bare flush, one writer and many.
    #[arg(long, default_value_t = 8)]
    rounds: usize,
    /// Length of one measurement, ms.
    #[arg(long, default_value_t = 1000)]
    slice_ms: u64,
    /// Folder on the device to measure; emptied of what was made.
    #[arg(long, default_value = "target/bench-writes")]
    folder: PathBuf,
}

/// Rates of one kind, a second.
#[derive(Default)]
struct Rates(Vec<f64>);

impl Rates {
    fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

pub async fn run(options: &Options) -> anyhow::Result<()> {
    let folder = options.folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    let outcome = compare(options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "this is the report")]
async fn compare(options: &Options, folder: &Path) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let store = SqliteStore::open(&StoreUrl::SqliteFile(folder.join("store.db")), &tasks).await?;
    let source = Source { clock: Clock::system(), next: AtomicU64::new(0) };
    let slice = Duration::from_millis(options.slice_ms);
    // The first few make the file and warm what is made once.
    accepts(&store, &source, 1, slice / 10).await?;
    let [mut bare, mut one, mut many, mut grouped]: [Rates; 4] = Default::default();
    for _ in 0..options.rounds {
        push(&mut bare, flushes(&tasks, folder.join("bare"), slice).await?);
        push(&mut one, accepts(&store, &source, 1, slice).await?);
        let before = store.report();
        push(&mut many, accepts(&store, &source, options.writers, slice).await?);
        let after = store.report();
        push(&mut grouped, (after.commands - before.commands) as f64 / (after.commits - before.commits).max(1) as f64);
    }
    store.close().await;
    let (bare, one, many) = (bare.median(), one.median(), many.median());
    println!("bare flush of 4 KiB:  {bare:>8.0} /s");
    println!("1 writer:             {one:>8.0} accepts/s, {:.2} x the bare flush", one / bare);
    println!(
        "{:<3} writers:          {many:>8.0} accepts/s, {:.1} x one writer, {:.1} to a commit",
        options.writers,
        many / one,
        grouped.median()
    );
    Ok(())
}

fn push(rates: &mut Rates, rate: f64) {
    rates.0.push(rate);
}

/// How often a second the device takes a page for good.
pub async fn flushes(tasks: &Tasks, path: PathBuf, slice: Duration) -> anyhow::Result<f64> {
    let work = move || -> std::io::Result<f64> {
        let mut file = File::create(path)?;
        let (begin, mut number) = (Instant::now(), 0_u32);
        while begin.elapsed() < slice {
            file.write_all(&[number as u8; 4096])?;
            file.sync_data()?;
            number += 1;
        }
        Ok(f64::from(number) / begin.elapsed().as_secs_f64())
    };
    Ok(tasks.spawn_work("bare-flush", work).await??)
}

/// How many writes a second so many writers get accepted, each waiting for its answer before the next.
async fn accepts(store: &SqliteStore, source: &Source, writers: usize, slice: Duration) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let writer = async || {
        let mut number = 0_u32;
        while begin.elapsed() < slice {
            let (new, entry) = source.next()?;
            store.accept(new, entry).await?;
            number += 1;
        }
        anyhow::Ok(number)
    };
    let numbers = try_join_all((0..writers).map(|_| writer())).await?;
    Ok(f64::from(numbers.iter().sum::<u32>()) / begin.elapsed().as_secs_f64())
}

/// Writes of the usual kind: a note with an idempotency key on one of many contacts.
struct Source {
    clock: Clock,
    next: AtomicU64,
}

impl Source {
    fn next(&self) -> anyhow::Result<(NewOperation, AuditEntry)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        let location = LocationId::parse("sandboxLocation00001")?;
        let contact = ContactId::parse(&format!("contact{:013}", number % 10_000))?;
        let id = OperationId::parse(&format!("operation-{number:026}"))?;
        let requester = Requester { key: Some("bench".into()), request_id: format!("request-{number:028}") };
        let fields = serde_json::from_value(serde_json::json!({ "body": "Called back; wants the offer by Friday." }))
            .context("fields")?;
        let idempotency = Idempotency {
            scope: format!("{location}/bench"),
            key: format!("key-{number:032}"),
            fingerprint: [number as u8; 32],
        };
        let entry = AuditEntry {
            seq: 0,
            at: now,
            event: AuditEvent::Accepted,
            location_id: Some(location.clone()),
            contact_id: Some(contact.clone()),
            operation_id: Some(id.clone()),
            kind: None,
            key: requester.key.clone(),
            request_id: Some(requester.request_id.clone()),
            attempt: None,
            outcome: "accepted".into(),
            upstream_status: None,
            duration_ms: None,
            payload: None,
        };
        let write = Write::CreateNote { contact, fields };
        let new = NewOperation { id, location, write, requester, idempotency: Some(idempotency), created_at: now };
        Ok((new, entry))
    }
}
