//! The real binary: run to its end, or kept running until told to stop. Nothing here waits without a bound.

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

const BOUND: Duration = Duration::from_secs(20);

/// The binary with these arguments and variables, and no other variables.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghl-enrich"));
    command.args(arguments).env_clear().env("ENRICH_STORE__URL", "sqlite::memory:").envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary to its end: exit code, standard output, standard error.
pub fn finished(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let child = command(arguments, variables).spawn().expect("starts");
    let pid = child.id();
    let (send, ended) = channel();
    thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(BOUND) else {
        signal(pid, "KILL");
        panic!("{arguments:?} did not end");
    };
    let Output { status, stdout, stderr } = output.expect("ran");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot signal {pid}");
}

/// A running binary; dropped, it is killed.
pub struct Process {
    child: Child,
    out: Receiver<String>,
    log: Receiver<String>,
    /// Lines of standard error so far.
    pub logged: Vec<String>,
}

impl Process {
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(arguments, variables).spawn().expect("starts");
        let out = lines(child.stdout.take().expect("piped"));
        let log = lines(child.stderr.take().expect("piped"));
        Self { child, out, log, logged: Vec::new() }
    }

    /// Lines of standard output up to the one that holds `last`.
    pub fn printed_until(&mut self, last: &str) -> Vec<String> {
        let mut printed = Vec::new();
        while !printed.last().is_some_and(|line: &String| line.contains(last)) {
            match self.out.recv_timeout(BOUND) {
                Ok(line) => printed.push(line),
                Err(_) => panic!("never printed {last}: {printed:?}, {:?}", self.log.try_iter().collect::<Vec<_>>()),
            }
        }
        printed
    }

    /// Waits until it serves; its public and its admin address, out of its log.
    pub fn addresses(&mut self) -> (SocketAddr, SocketAddr) {
        loop {
            let Ok(line) = self.log.recv_timeout(BOUND) else { panic!("never served: {:?}", self.logged) };
            let fields: Value = serde_json::from_str(&line).unwrap_or_default();
            self.logged.push(line);
            if fields["message"] == "serving" {
                let address =
                    |name: &str| fields[name].as_str().and_then(|text| text.parse().ok()).expect("an address");
                return (address("public"), address("admin"));
            }
        }
    }

    /// Sends SIGTERM and waits for the end: the exit code, and everything it logged.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        signal(self.child.id(), "TERM");
        let mut logged = std::mem::take(&mut self.logged);
        // Standard error closes with the process.
        loop {
            match self.log.recv_timeout(BOUND) {
                Ok(line) => logged.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("did not end after SIGTERM: {logged:?}"),
            }
        }
        let status = self.child.wait().expect("ended");
        (status.code(), logged)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
