//! The service as users run it, on free ports, with the sandbox for an upstream.

mod client;
mod dice;
mod events;
mod killable;
mod process;

pub use client::{Client, Reply};
pub use dice::Dice;
pub use events::{Event, Events};
pub use killable::{Killable, free_port};
pub use process::{Process, finished};

use ghl_enrich::{
    app::{App, AppParts},
    domain::hex::hex,
    settings::{Settings, Sources, secret::sha256},
};
use ghl_sandbox::{QuotaProfile, Sandbox, SandboxConfig};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// Location 1 of the sandbox, whose token the service has.
pub const LOCATION: &str = "sandboxLocation00001";
/// The sandbox's token for it.
pub const TOKEN: &str = "pit-00000000-0000-4000-8000-000000000001";
/// The contact of README and Swagger UI.
pub const SHOWCASE: &str = "seD4PfOuKoVMLkEZqohJ";

/// A running service and its sandbox. Dropped, it asserts what must hold after every test.
pub struct TestApp {
    pub sandbox: Sandbox,
    pub client: Client,
    pub admin: Client,
    pub parts: AppParts,
    pub settings: Settings,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl TestApp {
    /// With settings as a user would have them, but for the upstreams.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With some settings changed, by dotted key.
    pub async fn with(changes: &[(&str, &str)]) -> Self {
        Self::over(SandboxConfig { quota: QuotaProfile::Unlimited, ..SandboxConfig::default() }, changes).await
    }

    /// Over a sandbox of another kind.
    pub async fn over(config: SandboxConfig, changes: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::start(config).await.expect("sandbox starts");
        let base = sandbox.base_url();
        let mut flags = vec![
            ("http.bind", "127.0.0.1:0".to_owned()),
            ("http.admin_bind", "127.0.0.1:0".to_owned()),
            ("http.workers", "1".to_owned()),
            ("http.drain_ms", "0".to_owned()),
            ("ghl.base_url", base.clone()),
            ("ghl.location_id", LOCATION.to_owned()),
            ("ghl.token", TOKEN.to_owned()),
            ("ipinfo.base_url", base.clone()),
            ("ipinfo.legacy_base_url", base),
            ("ipinfo.plan", "lookup".to_owned()),
            ("ipinfo.token", "sandboxipinfo1".to_owned()),
            ("cache.error_hold_ms", "0".to_owned()),
            ("store.url", "sqlite::memory:".to_owned()),
            // What takes seconds at GHL's pace takes milliseconds here.
            ("ghl.search_lag_ms", "100".to_owned()),
            ("operations.settle_ms", "20".to_owned()),
            ("operations.retry_base_ms", "10".to_owned()),
            ("operations.retry_cap_ms", "50".to_owned()),
        ];
        for (key, value) in changes {
            flags.retain(|(set, _)| set != key);
            flags.push((key, (*value).to_owned()));
        }
        let settings = settings(&flags);
        let app = App::build(settings.clone()).await.expect("the service is wired");
        let (public, admin): (SocketAddr, SocketAddr) = (app.public_addr(), app.admin_addr());
        let parts = app.parts().clone();
        let (stop, stopped) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "the service runs beside the test, as a process would")]
        let running = tokio::spawn(app.run(async move {
            let _ = stopped.await;
        }));
        let test = Self {
            sandbox,
            client: Client::new(public),
            admin: Client::new(admin),
            parts,
            settings,
            stop: Some(stop),
            running: Some(running),
        };
        test.admin.until_status("/readyz", 200).await;
        test
    }

    /// GET of a path on the public port.
    pub async fn get(&self, path: &str) -> Reply {
        self.client.get(path).await
    }

    /// GET of a profile, which must succeed.
    pub async fn profile(&self, contact: &str) -> serde_json::Value {
        let reply = self.get(&format!("/v1/contacts/{contact}/profile")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// How often the sandbox was called at an endpoint.
    pub fn calls(&self, endpoint: &str) -> u64 {
        self.sandbox.calls().count(endpoint)
    }

    /// Moves the service's clock: entries grow old without waiting.
    pub fn advance(&self, seconds: i64) {
        self.parts.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }

    /// Stops the service as SIGTERM would, and says how it ended.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        match self.running.take() {
            Some(running) => running.await.expect("does not panic"),
            None => Ok(()),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if std::thread::panicking() {
            return;
        }
        let calls = self.sandbox.calls();
        assert_eq!(calls.rate_limited(), 0, "the service ran into GHL's quota");
        assert!(calls.unexpected().is_empty(), "unknown to GHL: {:?}", calls.unexpected());
    }
}

/// A line of `auth.keys`: a key whose secret is `secret`.
pub fn key(name: &str, secret: &str, roles: &[&str], locations: &[&str]) -> String {
    let hash = hex(&sha256(secret));
    let locations = if locations.is_empty() { String::new() } else { format!(", locations = {locations:?}") };
    format!("{{ name = \"{name}\", sha256 = \"{hash}\", roles = {roles:?}{locations} }}")
}

/// An empty folder for one test, by its name.
pub fn scratch(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder under target");
    folder
}

/// Replaces a file as an operator does: by renaming a whole new one into place.
pub fn replace(path: &std::path::Path, content: impl AsRef<[u8]>) {
    let next = path.with_extension("next");
    std::fs::write(&next, content).expect("writes");
    std::fs::rename(next, path).expect("renames");
}

/// Settings as a user's environment would give them: no test sets a variable of the process.
pub fn settings(changes: &[(&str, String)]) -> Settings {
    let variable = |key: &str| format!("ENRICH_{}", key.replace('.', "__").to_uppercase());
    let environment = changes.iter().map(|(key, value)| (variable(key), value.clone())).collect();
    let sources = Sources { environment, ..Sources::default() };
    Settings::load(sources).unwrap_or_else(|errors| panic!("{errors}")).settings
}

/// Waits until `state` holds, looking again every few milliseconds, no longer than ten seconds.
pub async fn eventually(what: &str, mut state: impl FnMut() -> bool) {
    until(what, Duration::from_secs(10), async || state().then_some(())).await;
}

/// Waits until there is something, looking again every few milliseconds, no longer than `bound`.
pub async fn until<T>(what: &str, bound: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + bound;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        pause(Duration::from_millis(2)).await;
    }
}

/// Lets time pass. Only for looking again, and where a moment is meant to be random: never in the hope that it suffices.
pub async fn pause(time: Duration) {
    tokio::task::yield_now().await;
    tokio::time::timeout(time, std::future::pending::<()>()).await.unwrap_err();
}
