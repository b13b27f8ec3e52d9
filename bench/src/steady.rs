//! Requests at a steady rate. One's time counts from when it was due to be sent: what waits behind a slow one is not
//! forgotten.

use crate::load;
use anyhow::Context as _;
use futures_util::future::try_join_all;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// How long after it was due.
    pub took: Duration,
    /// When.
    pub at: Instant,
}

/// Sends each when it is due, over whichever connection is free, and expects this status; how each was answered, in the
/// order they were due.
pub async fn send(
    addr: SocketAddr,
    requests: Vec<Vec<u8>>,
    rate: u32,
    connections: usize,
    status: u16,
) -> anyhow::Result<Vec<Answered>> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now() + Duration::from_millis(50);
    let connection = async || -> anyhow::Result<Vec<(usize, Answered)>> {
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (mut buffer, mut answered) = (vec![0_u8; 16 * 1024], Vec::new());
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(n) else { return Ok(answered) };
            let due = begin + Duration::from_secs(1) * u32::try_from(n)? / rate;
            tokio::time::sleep_until(due).await;
            load::exchange_for(status, &mut stream, request, &mut buffer).await.context("an event")?;
            let at = Instant::now();
            answered.push((n, Answered { took: at - due, at }));
        }
    };
    let mut answered = try_join_all((0..connections).map(|_| connection())).await?.concat();
    answered.sort_unstable_by_key(|(n, _)| *n);
    Ok(answered.into_iter().map(|(_, answered)| answered).collect())
}

/// Of sorted times the one that this share of them does not exceed, in milliseconds.
pub fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(f64::NAN, Duration::as_secs_f64) * 1e3
}
