//! Time to acknowledge a webhook: signed events at a steady rate against the service over a store on the disk, and the same
//! requests against a bare route that reads the body and answers, turn by turn. An event's time counts from when it was due
//! to be sent: what waits behind a slow one is not forgotten.

use crate::{
    process::Server,
    steady::{self, quantile},
};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Options of the comparison.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Events a second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Seconds of one turn.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Rounds; each has a turn of the bare route and one of the service.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections that events come over.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Folder on the device to measure; emptied of what was made.
    #[arg(long, default_value = "target/bench-webhooks")]
    folder: PathBuf,
}

pub async fn run(options: &Options) -> anyhow::Result<()> {
    let folder = options.folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    let outcome = compare(options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[expect(clippy::print_stdout, reason = "this is the report")]
async fn compare(options: &Options, folder: &std::path::Path) -> anyhow::Result<()> {
    let product = Server::start(&[
        "serve-product".into(),
        "--set".into(),
        format!("store.url=sqlite:{}", folder.join("store.db").display()),
        "--set".into(),
        format!("webhooks.public_keys=[\"{}\"]", ghl_sandbox::tokens::WEBHOOK_PUBLIC_KEY),
        "--set".into(),
        "telemetry.log_level=warn".into(),
    ])?;
    let file = folder.join("nothing");
    std::fs::write(&file, b"{}")?;
    let bare = Server::start(&["serve-bare".into(), "--body".into(), file.to_string_lossy().into_owned()])?;
    let contenders = [("bare route", bare.addrs[0]), ("the service", product.addrs[0])];
    let mut found: [Vec<Duration>; 2] = Default::default();
    let per_turn = (options.rate * options.seconds) as usize;
    for round in 0..options.rounds as usize {
        for ((_, addr), found) in contenders.iter().zip(&mut found) {
            let requests = requests(*addr, round * per_turn, per_turn);
            // The first few warm what is made once.
            let answered = steady::send(*addr, requests, options.rate, options.connections, 200).await?;
            found.extend(answered.into_iter().skip(options.rate as usize / 10).map(|answered| answered.took));
        }
    }
    for ((name, _), mut found) in contenders.into_iter().zip(found) {
        found.sort_unstable();
        println!(
            "{name:<12} {:>7} events at {}/s: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, worst {:.2} ms",
            found.len(),
            options.rate,
            quantile(&found, 0.5),
            quantile(&found, 0.99),
            quantile(&found, 0.999),
            quantile(&found, 1.0)
        );
    }
    Ok(())
}

/// Events that are not alike: every third is about one of 200 contacts of the sandbox, of the types GHL sends most.
fn requests(addr: SocketAddr, first: usize, count: usize) -> Vec<Vec<u8>> {
    let request = |n: usize| {
        let contact = format!("benchContact{:08}", n % 200);
        let body = match n % 3 {
            0 => format!(
                r#"{{"type":"ContactUpdate","locationId":"sandboxLocation00001","id":"{contact}","firstName":"Ada","email":"ada{n}@example.com","tags":["a","b"],"webhookId":"bench-{addr}-{n}"}}"#
            ),
            1 => format!(
                r#"{{"type":"NoteCreate","locationId":"sandboxLocation00001","id":"note{n:016}","contactId":"{contact}","body":"Called back; wants the offer by Friday.","webhookId":"bench-{addr}-{n}"}}"#
            ),
            _ => format!(
                r#"{{"type":"ContactTagUpdate","locationId":"sandboxLocation00001","id":"{contact}","tags":["a","b","c"],"webhookId":"bench-{addr}-{n}"}}"#
            ),
        };
        let signature = ghl_sandbox::webhook_signature(body.as_bytes());
        format!(
            "POST /webhooks/ghl HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\nx-ghl-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (first..first + count).map(request).collect()
}
