//! A load generator for one keep-alive HTTP/1.1 server: `connections` clients, each asking again as soon as it is answered.

use anyhow::{Context as _, bail};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

/// What a run found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests answered.
    pub requests: u64,
    /// Time of the run.
    pub elapsed: Duration,
    /// Latencies, sorted.
    pub latencies: Vec<Duration>,
}

impl Outcome {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// A latency quantile.
    pub fn quantile(&self, quantile: f64) -> Duration {
        let index = ((self.latencies.len() as f64 * quantile) as usize).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// Loads `addr` with one request text for `time`. Runs on a thread of its own, so that it takes one core and no more.
pub fn run(addr: SocketAddr, request: &str, connections: usize, time: Duration) -> anyhow::Result<Outcome> {
    let request = request.as_bytes().to_vec();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(addr, request, connections, time))
    });
    thread.join().map_err(|_| anyhow::anyhow!("the load generator panicked"))?
}

async fn all(addr: SocketAddr, request: Vec<u8>, connections: usize, time: Duration) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let clients: Vec<_> = (0..connections).map(|_| one(addr, &request, started + time)).collect();
    let mut latencies = Vec::new();
    for result in futures_util::future::join_all(clients).await {
        latencies.extend(result?);
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Ok(Outcome { requests: latencies.len() as u64, elapsed, latencies })
}

async fn one(addr: SocketAddr, request: &[u8], until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::with_capacity(64 * 1024);
    let mut buffer = vec![0_u8; 64 * 1024];
    while Instant::now() < until {
        let started = Instant::now();
        exchange(&mut stream, request, &mut buffer).await?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

/// One request over a connection that stays open, and its answer, which must be a 200.
pub async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    exchange_for(200, stream, request, buffer).await
}

/// The same where the answer must be of this status.
pub async fn exchange_for(
    status: u16,
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> anyhow::Result<()> {
    stream.write_all(request).await?;
    read_answer(status, stream, buffer).await
}

/// Reads one answer with a `content-length`, which must be of this status.
async fn read_answer(status: u16, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    let expected = format!("HTTP/1.1 {status} ");
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        let Some(end) = find(&buffer[..filled], b"\r\n\r\n") else { continue };
        let head = &buffer[..end];
        if !head.starts_with(expected.as_bytes()) {
            bail!("answered {}", String::from_utf8_lossy(&buffer[..filled.min(600)]));
        }
        let total = end + 4 + content_length(head)?;
        if total > buffer.len() {
            buffer.resize(total, 0);
        }
        while filled < total {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
        }
        return Ok(());
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let text = std::str::from_utf8(head)?;
    let line = text.split("\r\n").find(|line| line.len() > 15 && line[..15].eq_ignore_ascii_case("content-length:"));
    Ok(line.context("an answer without content-length")?[15..].trim().parse()?)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// One request and its body, over a connection of its own.
pub async fn fetch(addr: SocketAddr, request: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = find(&answer, b"\r\n\r\n").context("an answer without a head")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("answered {}", String::from_utf8_lossy(&answer[..answer.len().min(600)]));
    }
    Ok(answer.split_off(end + 4))
}
