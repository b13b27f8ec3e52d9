//! A wire between the service and the sandbox that notes when texts of the bench's own came over it.

use ghl_enrich::tasks::Tasks;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// What a mark begins with; eight digits follow.
const PREFIX: &[u8] = b"bench";
const DIGITS: usize = 8;
const MARK: usize = PREFIX.len() + DIGITS;

/// The text that tells one event from all others.
pub fn mark(number: usize) -> String {
    format!("bench{number:08}")
}

/// When each mark first came.
#[derive(Debug, Default)]
pub struct Arrivals(Mutex<HashMap<usize, Instant>>);

impl Arrivals {
    /// When this one came, if it did.
    pub fn of(&self, number: usize) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied()
    }

    fn note(&self, text: &[u8], at: Instant) {
        for window in text.windows(MARK).filter(|window| window.starts_with(PREFIX)) {
            let digits = std::str::from_utf8(&window[PREFIX.len()..]).ok().and_then(|digits| digits.parse().ok());
            if let Some(number) = digits {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_insert(at);
            }
        }
    }
}

/// Begins to pass on what comes, for as long as the runtime lives. Says where to connect.
pub async fn start(tasks: &Tasks, to: SocketAddr, arrivals: Arc<Arrivals>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let passing = tasks.clone();
    tasks.spawn_load("wire", async move {
        while let Ok((client, _)) = listener.accept().await {
            let arrivals = Arc::clone(&arrivals);
            // Either end may close; the service then connects anew.
            passing.spawn_load("wire-connection", async move { pass(client, to, &arrivals).await });
        }
    });
    Ok(addr)
}

async fn pass(client: TcpStream, to: SocketAddr, arrivals: &Arrivals) -> std::io::Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((mut asks, mut answered), (mut answers, mut asked)) = (client.into_split(), server.into_split());
    let there = async {
        // What stands in it before `kept` was read earlier: a mark may come in two pieces.
        let (mut buffer, mut kept) = (vec![0_u8; 64 * 1024], 0);
        loop {
            let read = asks.read(&mut buffer[kept..]).await?;
            if read == 0 {
                return asked.shutdown().await;
            }
            let (at, end) = (Instant::now(), kept + read);
            arrivals.note(&buffer[..end], at);
            asked.write_all(&buffer[kept..end]).await?;
            let tail = end.saturating_sub(MARK - 1);
            buffer.copy_within(tail..end, 0);
            kept = end - tail;
        }
    };
    let back = async {
        tokio::io::copy(&mut answers, &mut answered).await?;
        answered.shutdown().await
    };
    tokio::try_join!(there, back).map(drop)
}
