//! Look-ups as a whole: the order of backends, what a failure does, own servers, status and credits. What the tests of this
//! module share stands here too.

use super::*;
use crate::{
    domain::ip::{Precision, Scope, Unusable},
    settings::Plan,
    upstream::Lane,
};
use mmdb::writer::{Data, MmdbFile};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Settings with a file, a token or neither, made from these.
pub(super) fn settings() -> IpinfoSettings {
    IpinfoSettings {
        backends: vec![BackendChoice::Mmdb, BackendChoice::Api, BackendChoice::Embedded],
        base_url: "https://api.ipinfo.io".into(),
        legacy_base_url: "https://ipinfo.io".into(),
        plan: Plan::Lite,
        token: None,
        mmdb_path: None,
        mmdb_poll: Duration::from_secs(10),
        mmdb_max_age: Duration::from_secs(45 * 86_400),
        mmdb_map_min_bytes: 1 << 20,
        batch_window: Duration::from_millis(3),
        batch_max: 1000,
        cache: Duration::from_secs(86_400),
        cache_max_bytes: 1 << 20,
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_secs(3),
        timeout: Duration::from_secs(3),
        batch_timeout: Duration::from_secs(8),
        max_body_bytes: 1 << 20,
        reject_hold: Duration::from_secs(60),
    }
}

pub(super) fn context() -> CallContext {
    CallContext::new(Lane::Interactive, Duration::from_secs(15))
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The fixtures of the repository.
pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ipinfo").join(name)
}

/// A directory of its own, removed at the end.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ghl-enrich-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.join("db.mmdb")
    }

    /// Renames a file with these bytes into place.
    pub(super) fn put(&self, bytes: &[u8]) -> PathBuf {
        let new = self.0.join("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(&new, self.path()).unwrap();
        self.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file that knows the city of 8.8.8.0/24.
pub(super) fn city_file(city: &'static str) -> MmdbFile {
    let record = Data::Map(vec![("city", Data::Text(city)), ("country_code", Data::Text("US"))]);
    MmdbFile::new("city ipvAll", vec![("8.8.8.0/24", record)])
}

fn lookup(settings: &IpinfoSettings, own_servers: &[&str]) -> Result<IpLookup, IpSetupError> {
    let own_servers: Vec<IpNetwork> = own_servers.iter().map(|text| text.parse().unwrap()).collect();
    let metrics = Metrics::new();
    let upstreams = IpUpstreams::connect(settings, metrics.clone())?;
    IpLookup::new(settings, &own_servers, upstreams, Clock::system(), Tasks::new(), metrics)
}

fn outcomes(looked: &Looked) -> Vec<(&'static str, &'static str)> {
    looked.trail.iter().map(|one| (one.backend.as_str(), one.outcome.as_str())).collect()
}

#[tokio::test]
async fn a_fresh_clone_geolocates_by_the_embedded_table() {
    let lookup = lookup(&settings(), &[]).unwrap();
    let looked = lookup.look_up(ip("::ffff:8.8.8.8"), AddressOrigin::AttributionLast, &context()).await.unwrap();
    let found = &looked.intelligence;
    assert_eq!((found.address, found.version, found.scope), (ip("8.8.8.8"), 4, Scope::Global));
    assert_eq!((found.provider.backend, found.provider.precision), (Backend::Embedded, Precision::Country));
    assert_eq!((found.geo.country_code.as_deref(), &found.asn, found.usable), (Some("US"), &None, true));
    assert!(!found.provider.degraded, "a backend that is not set up has not failed");
    assert_eq!(found.origin, AddressOrigin::AttributionLast);
    assert_eq!(outcomes(&looked), [("mmdb", "skipped"), ("api", "skipped"), ("embedded", "answered")]);
}

#[tokio::test]
async fn a_reserved_address_is_answered_here() {
    let lookup = lookup(&settings(), &[]).unwrap();
    for (text, scope) in [("10.0.0.1", Scope::Private), ("::1", Scope::Loopback), ("203.0.113.9", Scope::Documentation)]
    {
        let looked = lookup.look_up(ip(text), AddressOrigin::Request, &context()).await.unwrap();
        let found = &looked.intelligence;
        assert_eq!((found.scope, found.provider.backend, found.usable), (scope, Backend::Local, false));
        assert_eq!((found.unusable_because.as_slice(), &found.geo.country), (&[Unusable::Reserved][..], &None));
        assert_eq!(outcomes(&looked), [("local", "answered")]);
    }
}

#[tokio::test]
async fn what_nobody_knows_is_null_and_no_error() {
    let scratch = Scratch::new();
    let backends = vec![BackendChoice::Mmdb];
    let settings = IpinfoSettings { backends, mmdb_path: Some(scratch.put(&city_file("x").bytes())), ..settings() };
    let lookup = lookup(&settings, &[]).unwrap();
    let looked = lookup.look_up(ip("9.9.9.9"), AddressOrigin::Request, &context()).await.unwrap();
    let found = &looked.intelligence;
    assert_eq!((found.scope, found.provider.precision, found.usable), (Scope::Global, Precision::None, true));
    assert_eq!((found.provider.backend, &found.geo.country_code), (Backend::Mmdb, &None));
    assert_eq!(outcomes(&looked), [("mmdb", "miss")]);
}

#[tokio::test]
async fn a_miss_in_the_file_passes_on_to_the_next() {
    let settings = IpinfoSettings { mmdb_path: Some(fixture("ipinfo_lite_sample.mmdb")), ..settings() };
    let lookup = lookup(&settings, &[]).unwrap();
    let known = lookup.look_up(ip("1.0.0.1"), AddressOrigin::Request, &context()).await.unwrap();
    assert_eq!(known.intelligence.provider.backend, Backend::Mmdb);
    assert_eq!(known.intelligence.network.unwrap().to_string(), "1.0.0.0/24");
    let unknown = lookup.look_up(ip("8.8.8.8"), AddressOrigin::Request, &context()).await.unwrap();
    assert_eq!(unknown.intelligence.provider.backend, Backend::Embedded);
    assert!(!unknown.intelligence.provider.degraded, "a miss is no failure");
}

#[tokio::test]
async fn an_own_server_is_looked_up_and_marked() {
    let lookup = lookup(&settings(), &["8.8.8.0/24"]).unwrap();
    let looked = lookup.look_up(ip("8.8.8.8"), AddressOrigin::AttributionFirst, &context()).await.unwrap();
    assert_eq!(looked.intelligence.unusable_because, [Unusable::OwnServer]);
    assert_eq!(looked.intelligence.geo.country_code.as_deref(), Some("US"));
}

#[tokio::test]
async fn many_keep_their_order_and_are_looked_up_once() {
    let lookup = lookup(&settings(), &[]).unwrap();
    let addresses = [ip("8.8.8.8"), ip("10.0.0.1"), ip("::ffff:8.8.8.8"), ip("2001:4860:4860::8888")];
    let looked = lookup.look_up_many(&addresses, &context()).await;
    let codes: Vec<_> = looked.iter().map(|one| one.as_ref().unwrap().intelligence.geo.country_code.clone()).collect();
    assert_eq!(codes, [Some("US".to_owned()), None, Some("US".to_owned()), Some("US".to_owned())]);
    let (first, third) = (looked[0].as_ref().unwrap(), looked[2].as_ref().unwrap());
    assert!(Arc::ptr_eq(&first.intelligence, &third.intelligence));
    assert!(lookup.look_up_many(&[], &context()).await.is_empty());
}

#[tokio::test]
async fn set_up_fails_with_the_key_and_the_remedy() {
    let missing = IpinfoSettings { mmdb_path: Some(fixture("nowhere.mmdb")), ..settings() };
    let text = lookup(&missing, &[]).unwrap_err().to_string();
    assert!(text.contains("ipinfo.mmdb_path") && text.contains("or set mmdb_path to"), "{text}");
    let broken = IpinfoSettings { mmdb_path: Some(fixture("README.md")), ..settings() };
    assert!(matches!(lookup(&broken, &[]), Err(IpSetupError::Mmdb { .. })));
    let nothing = IpinfoSettings { backends: vec![BackendChoice::Api], ..settings() };
    assert!(matches!(lookup(&nothing, &[]), Err(IpSetupError::NoBackend)));
    let token = Some(crate::settings::secret::LiveSecret::fixed(crate::settings::secret::Secret::new("t")));
    let url = IpinfoSettings { token, base_url: "ipinfo".into(), ..settings() };
    let text = lookup(&url, &[]).unwrap_err().to_string();
    assert!(text.contains("ipinfo.base_url"), "{text}");
    let unused = IpinfoSettings { backends: vec![BackendChoice::Embedded], ..missing };
    assert!(lookup(&unused, &[]).is_ok(), "a file that is not among the backends is not opened");
}

#[tokio::test]
async fn status_and_credits_name_what_is_set_up() {
    let settings = IpinfoSettings { mmdb_path: Some(fixture("ipinfo_lite_sample.mmdb")), ..settings() };
    let lookup = lookup(&settings, &[]).unwrap();
    let status = lookup.status();
    let configured: Vec<_> = status.iter().map(|one| (one.backend.as_str(), one.configured)).collect();
    assert_eq!(configured, [("mmdb", true), ("api", false), ("embedded", true)]);
    assert!(status[0].database_type.as_deref().unwrap().contains("bundle_location_lite"));
    assert!(status[0].database_built_at.is_some() && status[0].age_seconds.is_some());
    let credits = lookup.attribution();
    let names: Vec<_> = credits.iter().map(|credit| (credit.name, credit.licence)).collect();
    assert_eq!(names, [("IPinfo", "CC BY-SA 4.0"), ("Number Resource Organization", "CC BY 4.0")]);
}

#[tokio::test]
async fn look_ups_are_counted_by_backend_and_outcome() {
    let metrics = Metrics::new();
    let (clock, tasks) = (Clock::system(), Tasks::new());
    let settings = IpinfoSettings { mmdb_path: Some(fixture("ipinfo_lite_sample.mmdb")), ..settings() };
    let lookup = IpLookup::new(&settings, &[], IpUpstreams::default(), clock, tasks, metrics.clone()).unwrap();
    let _ = lookup.look_up_many(&[ip("1.0.0.1"), ip("8.8.8.8"), ip("10.0.0.1")], &context()).await;
    let text = metrics.render();
    for line in [
        r#"ghl_enrich_ip_lookups_total{backend="mmdb",outcome="answered"} 1"#,
        r#"ghl_enrich_ip_lookups_total{backend="mmdb",outcome="miss"} 1"#,
        r#"ghl_enrich_ip_lookups_total{backend="embedded",outcome="answered"} 1"#,
        r#"ghl_enrich_ip_lookups_total{backend="local",outcome="answered"} 1"#,
        "ghl_enrich_mmdb_build_timestamp_seconds 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}
