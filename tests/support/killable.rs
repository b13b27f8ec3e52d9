//! The process that is killed: always on the same ports, always over the same store.

use super::{LOCATION, TOKEN};
use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// The real binary, started and killed again and again.
pub struct Killable {
    variables: Vec<(String, String)>,
    log: PathBuf,
    base: String,
    child: Mutex<Option<Child>>,
    kills: AtomicU32,
    pub client: reqwest::Client,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("an address").port()
}

impl Killable {
    /// Over this GHL and a store in `folder`, with some settings changed: `SECTION__KEY` and its value.
    pub fn new(ghl: &str, folder: &Path, changes: &[(&str, String)]) -> Self {
        let (public, admin) = (free_port(), free_port());
        let settings = [
            ("HTTP__BIND", format!("127.0.0.1:{public}")),
            ("HTTP__ADMIN_BIND", format!("127.0.0.1:{admin}")),
            ("HTTP__WORKERS", "1".to_owned()),
            ("GHL__BASE_URL", ghl.to_owned()),
            ("GHL__LOCATION_ID", LOCATION.to_owned()),
            ("GHL__TOKEN", TOKEN.to_owned()),
            ("GHL__SEARCH_LAG_MS", "100".to_owned()),
            ("GHL__BREAKER_HOLD_MS", "50".to_owned()),
            ("IPINFO__BACKENDS", r#"["embedded"]"#.to_owned()),
            ("STORE__URL", format!("sqlite:{}", folder.join("store.db").display())),
            // What takes seconds at GHL's pace takes milliseconds here.
            ("OPERATIONS__WAIT_MS", "300".to_owned()),
            ("OPERATIONS__SETTLE_MS", "40".to_owned()),
            ("OPERATIONS__RETRY_BASE_MS", "10".to_owned()),
            ("OPERATIONS__RETRY_CAP_MS", "100".to_owned()),
            ("OPERATIONS__MAX_ATTEMPTS", "100".to_owned()),
            ("TELEMETRY__LOG_LEVEL", "warn".to_owned()),
        ];
        let kept = settings.into_iter().filter(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        Self {
            variables: kept
                .chain(changes.iter().cloned())
                .map(|(key, value)| (format!("ENRICH_{key}"), value))
                .collect(),
            log: folder.join("log"),
            base: format!("http://127.0.0.1:{public}"),
            child: Mutex::new(None),
            kills: AtomicU32::new(0),
            client: reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client"),
        }
    }

    /// Starts the process, without waiting until it serves.
    pub fn start(&self) {
        let log = File::options().create(true).append(true).open(&self.log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghl-enrich"));
        command.arg("serve").env_clear().envs(self.variables.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("starts");
        *self.child.lock().expect("no panic") = Some(child);
    }

    /// SIGKILL: nothing of the process runs any more.
    pub fn kill(&self) {
        let mut child = self.child.lock().expect("no panic").take().expect("it was started");
        assert!(child.try_wait().expect("a state").is_none(), "it ended by itself: {}", self.logged());
        child.kill().expect("kills");
        child.wait().expect("ends");
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the process ended by itself.
    pub fn has_ended(&self) -> bool {
        let mut child = self.child.lock().expect("no panic");
        child.as_mut().is_some_and(|child| child.try_wait().expect("a state").is_some())
    }

    /// How often it was killed.
    pub fn kills(&self) -> u32 {
        self.kills.load(Ordering::Relaxed)
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The JSON that a path of the running process answers; `None` while nobody does.
    pub async fn try_json(&self, path: &str) -> Option<serde_json::Value> {
        let answer = self.client.get(self.url(path)).send().await.ok()?;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.ok()
    }

    /// The same of a process that is sure to run.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        self.try_json(path).await.expect("it runs")
    }

    /// The entity tag of what a path answers.
    pub async fn etag(&self, path: &str) -> String {
        let answer = self.client.get(self.url(path)).send().await.expect("it runs");
        assert_eq!(answer.status(), 200, "{path}");
        answer.headers()["etag"].to_str().expect("text").to_owned()
    }

    /// Asserts that no task of a process so far has panicked.
    pub fn assert_never_panicked(&self) {
        assert!(!self.logged().contains("panicked"), "{}", self.logged());
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if let Ok(Some(child)) = self.child.get_mut().map(Option::as_mut) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
