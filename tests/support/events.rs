//! A stream of events as a page reads it: block by block, for as long as it wants.

use super::Client;
use std::time::Duration;
use tokio::{io::AsyncReadExt as _, net::TcpStream};

const BOUND: Duration = Duration::from_secs(20);

/// An open stream; dropped, the client hangs up.
pub struct Events {
    stream: TcpStream,
    raw: Vec<u8>,
    text: String,
    ended: bool,
    /// Status line and headers.
    pub head: String,
    pub status: u16,
}

impl Events {
    /// Asks for a stream and reads the answer's head.
    pub async fn open(client: &Client, path: &str) -> Self {
        let stream = client.open("GET", path, None).await;
        let mut events =
            Self { stream, raw: Vec::new(), text: String::new(), ended: false, head: String::new(), status: 0 };
        while events.head.is_empty() {
            assert!(events.read().await, "the answer ended within its head");
            if let Some(end) = events.raw.windows(4).position(|window| window == b"\r\n\r\n") {
                events.head = String::from_utf8_lossy(&events.raw[..end]).to_ascii_lowercase();
                events.raw.drain(..end + 4);
            }
        }
        events.status = events.head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        events
    }

    /// The next block: an event or a comment, without the empty line behind it; `None` at the end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            self.dechunk();
            if let Some(end) = self.text.find("\n\n") {
                let block = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                return Some(block);
            }
            if self.ended || !self.read().await {
                return None;
            }
        }
    }

    /// The next event, comments passed over: its lines by field.
    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                value.map(str::to_owned)
            };
            if let Some(kind) = field("event") {
                let data = serde_json::from_str(&field("data").expect("data")).expect("JSON");
                return Some(Event { kind, id: field("id"), data });
            }
        }
    }

    async fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(BOUND, self.stream.read(&mut buffer)).await.expect("something within 20 s");
        let count = read.unwrap_or(0);
        self.raw.extend_from_slice(&buffer[..count]);
        count > 0
    }

    fn dechunk(&mut self) {
        while let Some(end) = self.raw.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.expect("a chunk's size");
            if self.raw.len() < end + size + 4 {
                return;
            }
            self.text.push_str(std::str::from_utf8(&self.raw[end + 2..end + 2 + size]).expect("text"));
            self.raw.drain(..end + size + 4);
            self.ended |= size == 0;
        }
    }
}

/// One event.
#[derive(Debug)]
pub struct Event {
    pub kind: String,
    pub id: Option<String>,
    pub data: serde_json::Value,
}
