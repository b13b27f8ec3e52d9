//! `healthcheck`: one GET to a running service, for container engines whose image holds no curl.
//!
//! It speaks just enough HTTP/1.1 for that, without a client library: nothing but `upstream` may use one.

use super::args::HealthcheckArgs;
use crate::settings::{Settings, SettingsErrors, Sources};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The whole check takes no longer.
pub const BOUND: Duration = Duration::from_secs(2);

/// Why the service does not count as ready.
#[derive(Debug, thiserror::Error)]
pub enum HealthcheckError {
    /// The setting that says whom to ask is wrong.
    #[error("it is not known whom to ask")]
    Settings(#[source] SettingsErrors),
    /// Not a URL this can ask.
    #[error("the URL must look like http://127.0.0.1:9090/readyz")]
    Url,
    /// Nobody listens, or the connection broke.
    #[error("{0} cannot be asked")]
    Io(String, #[source] io::Error),
    /// No answer within [`BOUND`].
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// Something answered that does not speak HTTP.
    #[error("{0} did not answer in HTTP")]
    NotHttp(String),
    /// It answered, but not that it is ready.
    #[error("{0} answered {1}")]
    NotReady(String, u16),
}

/// Asks the service, at the URL given or at its admin address.
///
/// # Errors
/// Every variant of [`HealthcheckError`]: exit code 1.
pub async fn run(args: &HealthcheckArgs, sources: &Sources) -> Result<(), HealthcheckError> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => readiness_url(Settings::admin_bind(sources).map_err(HealthcheckError::Settings)?),
    };
    check(&url, BOUND).await
}

/// Where a service that is bound so can be asked from its own machine.
fn readiness_url(admin_bind: SocketAddr) -> String {
    let ip = match admin_bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}/readyz", SocketAddr::new(ip, admin_bind.port()))
}

async fn check(url: &str, bound: Duration) -> Result<(), HealthcheckError> {
    let (authority, path) = take_apart(url).ok_or(HealthcheckError::Url)?;
    let asked = tokio::time::timeout(bound, ask(authority, path)).await;
    let head = asked.map_err(|_| HealthcheckError::TimedOut(url.to_owned()))?;
    let head = head.map_err(|error| HealthcheckError::Io(url.to_owned(), error))?;
    match status_of(&head) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(HealthcheckError::NotReady(url.to_owned(), status)),
        None => Err(HealthcheckError::NotHttp(url.to_owned())),
    }
}

/// `host:port` and path of a URL that can be asked.
fn take_apart(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    let (host, port) = authority.rsplit_once(':')?;
    (plain && !host.is_empty() && port.parse::<u16>().is_ok()).then_some((authority, path))
}

/// The first bytes of the answer: its status line at least, if it has one.
async fn ask(authority: &str, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    stream.take(STATUS_BYTES).read_to_end(&mut head).await?;
    Ok(head)
}

/// Length of `HTTP/1.1 200`.
const STATUS_BYTES: u64 = 12;

fn status_of(head: &[u8]) -> Option<u16> {
    let status = std::str::from_utf8(head).ok()?.strip_prefix("HTTP/1.")?.get(2..5)?;
    status.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Tasks;
    use tokio::net::TcpListener;

    /// A listener that answers one connection with these bytes and hangs up; with none it keeps silent.
    async fn answering(bytes: Option<&'static [u8]>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Tasks::new().spawn_load("listener", async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            match bytes {
                Some(bytes) => stream.write_all(bytes).await.unwrap(),
                None => std::future::pending().await,
            }
            let mut request = Vec::new();
            let _ = stream.read_to_end(&mut request).await;
        });
        readiness_url(address)
    }

    #[tokio::test]
    async fn only_a_2xx_is_ready() {
        let ask = async |bytes| check(&answering(Some(bytes)).await, Duration::from_secs(5)).await;
        assert!(ask(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok());
        assert!(matches!(ask(b"HTTP/1.1 503 No\r\n\r\n").await, Err(HealthcheckError::NotReady(_, 503))));
        assert!(matches!(ask(b"SSH-2.0-OpenSSH_9.6").await, Err(HealthcheckError::NotHttp(_))));
    }

    #[tokio::test]
    async fn silence_is_not_ready() {
        let url = answering(None).await;
        assert!(matches!(check(&url, Duration::from_millis(50)).await, Err(HealthcheckError::TimedOut(_))));
    }

    #[tokio::test]
    async fn nobody_listening_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = readiness_url(listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(check(&url, Duration::from_secs(5)).await, Err(HealthcheckError::Io(..))));
    }

    #[test]
    fn wildcards_are_asked_on_loopback() {
        let url = |bind: &str| readiness_url(bind.parse().unwrap());
        assert_eq!(url("0.0.0.0:9090"), "http://127.0.0.1:9090/readyz");
        assert_eq!(url("[::]:9090"), "http://[::1]:9090/readyz");
        assert_eq!(url("10.0.0.7:1"), "http://10.0.0.7:1/readyz");
    }

    #[test]
    fn urls_are_taken_apart_or_refused() {
        assert_eq!(take_apart("http://[::1]:9090/readyz"), Some(("[::1]:9090", "/readyz")));
        assert_eq!(take_apart("http://localhost:1"), Some(("localhost:1", "/")));
        for bad in ["https://a:1/", "http://a/", "http://:1/", "http://a:b/", "http://a:1/ x\r\nEvil: 1"] {
            assert_eq!(take_apart(bad), None, "{bad}");
        }
    }
}
