//! Servers as processes of their own, so that their CPU time and memory can be told from the generator's.

use anyhow::Context as _;
use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A server process that prints its addresses and dies with its handle.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Addresses it printed, in order.
    pub addrs: Vec<SocketAddr>,
}

impl Server {
    /// Starts this program again with other arguments and reads the line of addresses it prints.
    pub fn start(args: &[String]) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addrs = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("addresses")?;
        Ok(Self { child, addrs })
    }

    /// CPU time used so far, user and system.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().context("fields")?.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // Linux reports in ticks of 1/100 s on every architecture this is run on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory that is not mapped file pages, in KiB.
    pub fn anonymous_kib(&self) -> anyhow::Result<u64> {
        memory_kib(self.child.id(), "RssAnon:")
    }
}

/// A line of `/proc/PID/status`, in KiB.
pub fn memory_kib(pid: u32, line: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let found = status.lines().find(|text| text.starts_with(line)).context("a line of status")?;
    Ok(found.split_whitespace().nth(1).context("a number")?.parse()?)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
