//! Layers to [`Settings`]: one function a section, one line a key, then what must hold between from.

use super::{
    AccessLog, AuthSettings, BackendChoice, CacheSettings, DriftSettings, EnrichmentSettings, GhlSettings,
    HttpSettings, IpinfoSettings, LogFormat, OperationSettings, Plan, ProfileSettings, Settings, StoreSettings,
    TelemetrySettings, auth_keys,
    error::Problem,
    live, oauth,
    read::{Reader, Section},
    rules,
    secret::{LiveSecret, MIN_SIGNING_BYTES},
    sources, values, webhooks,
};
use std::{net::SocketAddr, path::PathBuf};

const BACKENDS: [(&str, BackendChoice); 3] =
    [("mmdb", BackendChoice::Mmdb), ("api", BackendChoice::Api), ("embedded", BackendChoice::Embedded)];
const PLANS: [(&str, Plan); 3] = [("lite", Plan::Lite), ("lookup", Plan::Lookup), ("legacy", Plan::Legacy)];
const LOG_FORMATS: [(&str, LogFormat); 3] =
    [("json", LogFormat::Json), ("pretty", LogFormat::Pretty), ("auto", LogFormat::Auto)];
const ACCESS_LOGS: [(&str, AccessLog); 3] =
    [("sampled", AccessLog::Sampled), ("all", AccessLog::All), ("none", AccessLog::None)];

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const YEAR_SECONDS: i64 = 366 * 86_400;
const MIB: i64 = 1024 * 1024;
const TIB: i64 = MIB * MIB;

/// A struct whose every field is read before the first missing one makes the whole `None`: so all errors are noted.
macro_rules! all_of {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $(let $field = $value;)*
        Some($name { $($field: $field?,)* })
    }};
}

pub(super) use all_of;

/// Reads every section. `None` means that errors were noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let served = http(&mut reader.section("http"));
    let access = auth(&mut reader.section("auth"));
    if let Some(http) = &served {
        check_ports(http, reader);
    }
    if let (Some(http), Some(auth)) = (&served, &access) {
        check_anonymous(http, auth, reader);
    }
    check_location(reader);
    oauth::check(reader);
    let kept = store(&mut reader.section("store"));
    if let Some(store) = &kept {
        oauth::check_key("store.encryption_key", store.encryption_key.as_ref(), reader);
        oauth::check_key("store.previous_encryption_key", store.previous_encryption_key.as_ref(), reader);
    }
    let delivery = operations(&mut reader.section("operations"));
    let upstream = ghl(&mut reader.section("ghl"));
    if let Some(operations) = &delivery {
        check_pauses(operations, reader);
    }
    if let (Some(operations), Some(ghl)) = (&delivery, &upstream) {
        check_attempt(operations, ghl, reader);
    }
    let hooks = webhooks::read(&mut reader.section("webhooks"));
    if let Some(hooks) = &hooks {
        webhooks::check(hooks, reader);
    }
    let home = upstream.as_ref().and_then(|ghl| ghl.location_id.clone());
    let pushed = sources::read(&mut reader.section("sources"), home.as_ref());
    if let Some(pushed) = &pushed {
        sources::check(pushed, reader);
    }
    all_of!(Settings {
        http: served,
        auth: access,
        ghl: upstream,
        ipinfo: ipinfo(&mut reader.section("ipinfo")),
        cache: cache(&mut reader.section("cache")),
        drift: drift(&mut reader.section("drift")),
        profile: profile(&mut reader.section("profile")),
        telemetry: telemetry(&mut reader.section("telemetry")),
        store: kept,
        operations: delivery,
        webhooks: hooks,
        sources: pushed,
        enrichment: enrichment(&mut reader.section("enrichment")),
        oauth: oauth::read(&mut reader.section("oauth")),
        live: live::read(&mut reader.section("live")),
    })
}

fn http(from: &mut Section<'_, '_>) -> Option<HttpSettings> {
    all_of!(HttpSettings {
        bind: from.text("bind", values::address),
        admin_bind: from.text("admin_bind", values::address),
        workers: from.number("workers", 0..=1024),
        max_body_bytes: from.number("max_body_bytes", 1024..=1024 * MIB),
        max_batch: from.number("max_batch", 1..=1000),
        deadline: from.time("deadline_ms", 1..=HOUR_MS),
        client_timeout: from.time("client_timeout_ms", 1..=HOUR_MS),
        keep_alive: from.time("keep_alive_seconds", 0..=86_400),
        cors_origins: from.list("cors_origins", values::origin),
        hosts: from.list("hosts", values::host),
        requests_per_second: from.number("requests_per_second", 0..=1_000_000),
        drain: from.time("drain_ms", 0..=10 * MINUTE_MS),
        shutdown: from.time("shutdown_ms", 0..=10 * MINUTE_MS),
    })
}

fn auth(from: &mut Section<'_, '_>) -> Option<AuthSettings> {
    all_of!(AuthSettings {
        keys: from.parts("keys", auth_keys::parse),
        allow_anonymous: from.truth("allow_anonymous"),
        token_key: signing_key(from, "token_key"),
        previous_token_key: signing_key(from, "previous_token_key"),
        token_max: from.time("token_max_minutes", 1..=1_440),
    })
}

/// A secret to sign with. A short one could be guessed from a single token, without asking us.
#[expect(clippy::option_option, reason = "outside: is there an error; inside: is it set")]
fn signing_key(from: &mut Section<'_, '_>, key: &str) -> Option<Option<LiveSecret>> {
    let secret = from.secret(key)?;
    if let Some(short) = secret.as_ref().filter(|secret| !secret.get().signs()) {
        let problem = format!("has fewer than {MIN_SIGNING_BYTES} bytes");
        let key = if short.file().is_some() { format!("{key}_file") } else { key.to_owned() };
        from.refuse(&key, Problem::new(problem, "`ghl-enrich keys token-key` makes one."));
        return None;
    }
    Some(secret)
}

fn ghl(from: &mut Section<'_, '_>) -> Option<GhlSettings> {
    all_of!(GhlSettings {
        base_url: from.text("base_url", values::base_url),
        version: from.text("version", values::version),
        location_id: from.optional("location_id", values::location),
        token: from.secret("token"),
        timezone: from.optional("timezone", values::zone),
        connect_timeout: from.time("connect_timeout_ms", 1..=HOUR_MS),
        read_timeout: from.time("read_timeout_ms", 1..=HOUR_MS),
        timeout: from.time("timeout_ms", 1..=HOUR_MS),
        max_body_bytes: from.number("max_body_bytes", 1024..=1024 * MIB),
        search_lag: from.time("search_lag_ms", 0..=HOUR_MS),
        burst_limit: from.number("burst_limit", 1..=1_000_000),
        burst_window: from.time("burst_window_ms", 1..=HOUR_MS),
        day_limit: from.number("day_limit", 1..=1_000_000_000),
        operation_reserve_percent: from.number("operation_reserve_percent", 0..=90),
        bulk_reserve_percent: from.number("bulk_reserve_percent", 0..=90),
        retries: from.number("retries", 0..=10),
        retry_budget_percent: from.number("retry_budget_percent", 0..=100),
        breaker_failures: from.number("breaker_failures", 1..=1_000),
        breaker_hold: from.time("breaker_hold_ms", 1..=MINUTE_MS),
    })
}

fn store(from: &mut Section<'_, '_>) -> Option<StoreSettings> {
    all_of!(StoreSettings {
        url: from.optional("url", values::store_url),
        encryption_key: from.secret("encryption_key"),
        previous_encryption_key: from.secret("previous_encryption_key"),
    })
}

fn operations(from: &mut Section<'_, '_>) -> Option<OperationSettings> {
    all_of!(OperationSettings {
        wait: from.time("wait_ms", 0..=HOUR_MS),
        workers: from.number("workers", 1..=1_000),
        attempt_timeout: from.time("attempt_timeout_ms", 1..=HOUR_MS),
        settle: from.time("settle_ms", 0..=HOUR_MS),
        max_attempts: from.number("max_attempts", 1..=1_000),
        retry_base: from.time("retry_base_ms", 1..=HOUR_MS),
        retry_cap: from.time("retry_cap_ms", 1..=24 * HOUR_MS),
        retention: from.time("retention_days", 1..=3_660),
        idempotency_key: from.time("idempotency_key_hours", 1..=8_784),
        audit_retention: from.time("audit_retention_days", 1..=3_660),
        audit_payloads: from.truth("audit_payloads"),
    })
}

fn enrichment(from: &mut Section<'_, '_>) -> Option<EnrichmentSettings> {
    all_of!(EnrichmentSettings { rules: from.parts("rules", rules::parse) })
}

fn ipinfo(from: &mut Section<'_, '_>) -> Option<IpinfoSettings> {
    all_of!(IpinfoSettings {
        backends: backends(from),
        base_url: from.text("base_url", values::base_url),
        legacy_base_url: from.text("legacy_base_url", values::base_url),
        plan: from.text("plan", |text| values::choice(text, &PLANS)),
        token: from.secret("token"),
        mmdb_path: from.optional("mmdb_path", |text| Ok(PathBuf::from(text))),
        mmdb_poll: from.time("mmdb_poll_seconds", 0..=86_400),
        mmdb_max_age: from.time("mmdb_max_age_days", 1..=3_660),
        mmdb_map_min_bytes: from.number("mmdb_map_min_bytes", 0..=TIB),
        batch_window: from.time("batch_window_ms", 0..=1_000),
        batch_max: from.number("batch_max", 1..=1000),
        cache: from.time("cache_seconds", 0..=YEAR_SECONDS),
        cache_max_bytes: from.number("cache_max_bytes", 0..=TIB),
        connect_timeout: from.time("connect_timeout_ms", 1..=HOUR_MS),
        read_timeout: from.time("read_timeout_ms", 1..=HOUR_MS),
        timeout: from.time("timeout_ms", 1..=HOUR_MS),
        batch_timeout: from.time("batch_timeout_ms", 1..=HOUR_MS),
        max_body_bytes: from.number("max_body_bytes", 1024..=1024 * MIB),
        reject_hold: from.time("reject_hold_seconds", 0..=86_400),
    })
}

fn cache(from: &mut Section<'_, '_>) -> Option<CacheSettings> {
    all_of!(CacheSettings {
        max_bytes: from.number("max_bytes", 0..=TIB),
        max_entries: from.number("max_entries", 0..=1_000_000_000),
        contact_fresh: from.time("contact_fresh_seconds", 0..=YEAR_SECONDS),
        notes_fresh: from.time("notes_fresh_seconds", 0..=YEAR_SECONDS),
        tasks_fresh: from.time("tasks_fresh_seconds", 0..=YEAR_SECONDS),
        appointments_fresh: from.time("appointments_fresh_seconds", 0..=YEAR_SECONDS),
        webhook_fresh: from.time("webhook_fresh_seconds", 0..=YEAR_SECONDS),
        webhook_tasks_fresh: from.time("webhook_tasks_fresh_seconds", 0..=YEAR_SECONDS),
        ip_fresh: from.time("ip_fresh_seconds", 0..=YEAR_SECONDS),
        stale_while_revalidate: from.time("stale_while_revalidate_seconds", 0..=YEAR_SECONDS),
        stale_if_error: from.time("stale_if_error_seconds", 0..=YEAR_SECONDS),
        not_found: from.time("not_found_seconds", 0..=86_400),
        error_hold: from.time("error_hold_ms", 0..=HOUR_MS),
    })
}

fn drift(from: &mut Section<'_, '_>) -> Option<DriftSettings> {
    all_of!(DriftSettings {
        max_calls_per_hour: from.number("max_calls_per_hour", 0..=360_000),
        grace: from.time("grace_seconds", 0..=3_600),
        high_percent: from.number("high_percent", 1..=100),
        shorten_factor: from.number("shorten_factor", 1..=1_000),
        silence: from.time("silence_seconds", 1..=YEAR_SECONDS),
        echo: from.time("echo_seconds", 1..=86_400),
    })
}

fn profile(from: &mut Section<'_, '_>) -> Option<ProfileSettings> {
    all_of!(ProfileSettings {
        own_servers: from.list("own_servers", values::network),
        ip_custom_field: from.optional("ip_custom_field", values::field),
        redact: from.list("redact", values::redactable),
    })
}

fn telemetry(from: &mut Section<'_, '_>) -> Option<TelemetrySettings> {
    all_of!(TelemetrySettings {
        log_level: from.text("log_level", values::directives),
        log_format: from.text("log_format", |text| values::choice(text, &LOG_FORMATS)),
        access_log: from.text("access_log", |text| values::choice(text, &ACCESS_LOGS)),
        access_log_sample: from.number("access_log_sample", 1..=i64::from(u32::MAX)),
        slow: from.time("slow_ms", 0..=HOUR_MS),
    })
}

fn backends(from: &mut Section<'_, '_>) -> Option<Vec<BackendChoice>> {
    let chosen = from.list("backends", |text| values::choice(text, &BACKENDS))?;
    let remedy = "Write some of mmdb, api and embedded, each once.";
    let repeated = chosen.iter().enumerate().any(|(index, one)| chosen[..index].contains(one));
    let problem = match chosen.is_empty() {
        true => Problem::new("names no backend", remedy),
        false if repeated => Problem::new("names a backend twice", remedy),
        false => return Some(chosen),
    };
    from.refuse("backends", problem);
    None
}

/// Two listeners on one port: the second would fail only once the process starts.
fn check_ports(http: &HttpSettings, reader: &mut Reader<'_>) {
    let (one, other) = (http.bind, http.admin_bind);
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    if one.port() == other.port() && one.port() != 0 && overlap {
        let problem = Problem::new(format!("{other} collides with http.bind, {one}"), "Give it a port of its own.");
        reader.refuse("http.admin_bind", "", problem);
    }
}

/// Nobody shall serve contacts to a network by forgetting something.
fn check_anonymous(http: &HttpSettings, auth: &AuthSettings, reader: &mut Reader<'_>) {
    if !auth.keys.is_empty() || auth.allow_anonymous || is_loopback(http.bind) {
        return;
    }
    let problem = format!("{} can be reached from elsewhere, and no API key is configured", http.bind);
    let remedy = "Put a key into auth.keys (`ghl-enrich keys new` makes one), or bind 127.0.0.1, or set \
                  auth.allow_anonymous = true if everyone who reaches the port may read and write everything.";
    reader.refuse("http.bind", "", Problem::new(problem, remedy));
}

/// A longest pause below the first one would silently win.
fn check_pauses(operations: &OperationSettings, reader: &mut Reader<'_>) {
    if operations.retry_cap < operations.retry_base {
        let base = operations.retry_base.as_millis();
        let problem = format!("is shorter than operations.retry_base_ms, {base}");
        let remedy = format!("Write at least {base}.");
        reader.refuse("operations.retry_cap_ms", "", Problem::new(problem, remedy));
    }
}

/// An attempt that ends before its call does never counts against a GHL that hangs.
fn check_attempt(operations: &OperationSettings, ghl: &GhlSettings, reader: &mut Reader<'_>) {
    if operations.attempt_timeout < ghl.timeout {
        let call = ghl.timeout.as_millis();
        let problem = format!("is shorter than ghl.timeout_ms, {call}");
        let remedy = format!("Write at least {call}.");
        reader.refuse("operations.attempt_timeout_ms", "", Problem::new(problem, remedy));
    }
}

/// A private integration token is for one location. Without knowing which, nobody could tell whose contacts it reads, and a
/// key for another location would be answered with them.
fn check_location(reader: &mut Reader<'_>) {
    let layers = reader.layers;
    let set = |key: &&str| layers.get(key).filter(|layered| layered.value.as_str() != Some(""));
    let token = ["ghl.token", "ghl.token_file"].into_iter().find_map(|key| Some((key, set(&key)?)));
    // A location of the wrong type is told already.
    let told = reader.errors.iter().any(|error| error.subject == "ghl.location_id");
    let missing = set(&"ghl.location_id").is_none() && !told;
    let Some((key, token)) = token.filter(|_| missing) else { return };
    let problem = format!("is not set, and {key} ({}) is for one location only", token.origin);
    let remedy = "Write the id in the sub-account's URL in GHL, e.g. ve9EPM428h8vShlRW1KT (ENRICH_GHL__LOCATION_ID).";
    reader.refuse("ghl.location_id", "", Problem::new(problem, remedy));
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
