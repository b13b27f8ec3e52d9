//! `ghl-enrich check`: the doctor. Shows the effective settings with secrets masked, tries each upstream, and says what is
//! wrong and how to mend it.

use super::print_line;
use crate::{
    app::AppParts,
    domain::{ip::AddressOrigin, problem::Problem},
    ghl::SearchQuery,
    ipinfo::{BackendStatus, IpLookup, IpUpstreams},
    settings::{BackendChoice, IpinfoSettings, Loaded, Origin, Settings, StoreUrl},
    store::{
        StoreError,
        sqlite::{Examined, SqliteStore},
    },
    upstream::{CallContext, Lane},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// An address that every backend knows: a public resolver.
const KNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));

/// What one examination found.
enum Finding {
    Well(String),
    /// Works, and should be seen to.
    Poor {
        what: String,
        remedy: &'static str,
    },
    Ill {
        what: String,
        remedy: &'static str,
    },
}

/// Examines everything, prints the findings, and says whether all is well.
///
/// # Errors
/// Where the service cannot even be wired.
pub async fn check(loaded: Loaded) -> anyhow::Result<bool> {
    print_line("Settings");
    for described in loaded.describe() {
        print_line(&format!("  {:<36} {:<40} {}", described.key, described.shown, described.origin));
    }
    let parts = AppParts::build(&loaded.settings, None)?;
    let mut findings = vec![ghl(&loaded.settings, &parts).await];
    findings.extend(ip(&loaded.settings, &parts).await?);
    findings.push(store(loaded.settings.store.url.as_ref()).await);
    findings.extend(oauth(&loaded.settings));
    findings.push(webhooks(&loaded));
    findings.push(access(&loaded.settings));
    findings.push(tokens(&loaded.settings));
    // Rules that do not compile have ended the wiring, each with its line and column.
    findings.push(Finding::Well(match parts.rules.names().count() {
        0 => "rules: none; an enrichment writes nothing".to_owned(),
        count => format!("rules: {count}, and they compile"),
    }));
    print_line("\nFindings");
    let mut well = true;
    for finding in &findings {
        match finding {
            Finding::Well(what) => print_line(&format!("  ok    {what}")),
            Finding::Poor { what, remedy } => print_line(&format!("  warn  {what}\n        {remedy}")),
            Finding::Ill { what, remedy } => {
                well = false;
                print_line(&format!("  WRONG {what}\n        {remedy}"));
            }
        }
    }
    Ok(well)
}

/// Keys that are none have ended the loading of the settings.
fn webhooks(loaded: &Loaded) -> Finding {
    let settings = &loaded.settings.webhooks;
    if !settings.enabled {
        return Finding::Well("webhooks: switched off (webhooks.enabled)".to_owned());
    }
    if loaded.settings.store.url.is_none() {
        return Finding::Well("webhooks: none are taken, for there is no store to keep them in".to_owned());
    }
    let keys = |key: &str, kind: &str, count: usize| {
        let published = loaded.describe().iter().any(|told| told.key == key && told.origin == Origin::Default);
        match (count, published) {
            (0, _) => format!("no {kind} key"),
            (_, true) => format!("GHL's published {kind} key"),
            (1, false) => format!("1 {kind} key of the settings' own"),
            (more, false) => format!("{more} {kind} keys of the settings' own"),
        }
    };
    let ed25519 = keys("webhooks.public_keys", "Ed25519", settings.public_keys.len());
    let rsa = match settings.accept_rsa {
        true => keys("webhooks.rsa_public_keys", "RSA", settings.rsa_public_keys.len()),
        false => "the retired RSA signature does not count".to_owned(),
    };
    Finding::Well(format!("webhooks: taken at /webhooks/ghl, by {ed25519}; {rsa}"))
}

/// What signs the tokens for browsers.
fn tokens(settings: &Settings) -> Finding {
    let auth = &settings.auth;
    match (&auth.token_key, &auth.previous_token_key) {
        (None, _) => Finding::Well(
            "tokens for browsers: the process makes its own key, so they end with it and are its alone (auth.token_key)"
                .to_owned(),
        ),
        (Some(_), None) => Finding::Well("tokens for browsers: signed with auth.token_key".to_owned()),
        (Some(_), Some(_)) => Finding::Poor {
            what: "tokens for browsers: signed with auth.token_key; those of the previous key are still good".to_owned(),
            remedy: "Remove auth.previous_token_key once they have expired (auth.token_max_minutes).",
        },
    }
}

/// Half of what connecting takes has ended the loading of the settings, so there is all of it or nothing.
fn oauth(settings: &Settings) -> Option<Finding> {
    let oauth = settings.oauth.as_ref()?;
    let base = oauth.redirect_url.trim_end_matches("/callback");
    let what = format!("OAuth: app {}; locations are connected at {base}/install", oauth.client_id);
    if matches!(settings.store.url, Some(StoreUrl::SqliteMemory)) {
        let remedy = "Set store.url to a file: after a restart every location must be connected again.";
        return Some(Finding::Poor { what: format!("{what}, and their tokens are lost with the process"), remedy });
    }
    if settings.store.previous_encryption_key.is_some() {
        let remedy = "Remove store.previous_encryption_key once the service has started with both keys.";
        return Some(Finding::Poor { what: format!("{what}; the previous encryption key is still there"), remedy });
    }
    Some(Finding::Well(what))
}

async fn ghl(settings: &Settings, parts: &AppParts) -> Finding {
    if settings.ghl.token.is_none() && settings.oauth.is_some() {
        return Finding::Well(
            "GHL: no private token; the running service has those of its connections (GET /v1/locations)".to_owned(),
        );
    }
    if settings.ghl.token.is_none() {
        let what = "GHL: no token".to_owned();
        let remedy = "Create a private integration in the sub-account's settings with the scopes contacts.readonly and, for writes, contacts.write, and set GHL_TOKEN or ghl.token_file.";
        return Finding::Ill { what, remedy };
    }
    // Settings without it are refused where there is a token, so this is for the compiler's sake alone.
    let Some(location) = &settings.ghl.location_id else {
        let what = "GHL: no location".to_owned();
        return Finding::Ill { what, remedy: "Set ghl.location_id to the id in the sub-account's URL." };
    };
    let context = CallContext::new(Lane::Interactive, settings.http.deadline);
    let query = SearchQuery { page_limit: 1, ..SearchQuery::default() };
    match parts.ghl.search(location, query, &context).await {
        // GHL has no way to ask for a token's scopes, and no write that is sure to change nothing.
        Ok(page) => Finding::Well(format!(
            "GHL: answers; {} contacts in {location} (whether the token has contacts.write, only a write tells)",
            page.total.unwrap_or_default()
        )),
        Err(error) => ill(
            "GHL",
            &error.to_problem(),
            "See the README's table of problems; the token's scopes are edited in GHL, in place.",
        ),
    }
}

/// Each backend by itself, so that one that answers does not hide another that fails.
async fn ip(settings: &Settings, parts: &AppParts) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (choice, status) in settings.ipinfo.backends.iter().zip(parts.ip.status()) {
        let backend = status.backend.as_str();
        if !status.configured {
            let lacks = if *choice == BackendChoice::Mmdb { "file" } else { "token" };
            findings.push(Finding::Well(format!("IP intelligence: {backend} is passed over, no {lacks} is set")));
            continue;
        }
        findings.push(answers(&alone(settings, parts, *choice)?, backend, settings).await);
        findings.extend(age(&status, settings));
    }
    Ok(findings)
}

/// Look-ups by one backend and no other.
fn alone(settings: &Settings, parts: &AppParts, choice: BackendChoice) -> anyhow::Result<IpLookup> {
    let only = IpinfoSettings { backends: vec![choice], mmdb_poll: Duration::ZERO, ..settings.ipinfo.clone() };
    let upstreams = IpUpstreams::connect(&only, parts.metrics.clone())?;
    Ok(IpLookup::new(&only, &[], upstreams, parts.clock.clone(), parts.tasks.clone(), parts.metrics.clone())?)
}

async fn answers(lookup: &IpLookup, backend: &str, settings: &Settings) -> Finding {
    let context = CallContext::new(Lane::Interactive, settings.http.deadline);
    match lookup.look_up(KNOWN_ADDRESS, AddressOrigin::Request, &context).await {
        Ok(_) => Finding::Well(format!("IP intelligence: {backend} answers")),
        Err(error) => ill(
            &format!("IP intelligence: {backend}"),
            &error.to_problem(),
            "Of the API, check IPINFO_TOKEN and ipinfo.plan; of a file, fetch it anew. The other backends answer meanwhile.",
        ),
    }
}

/// How old a database is.
fn age(status: &BackendStatus, settings: &Settings) -> Option<Finding> {
    let seconds = status.age_seconds?;
    let what = format!("IP intelligence: the database is {} days old", seconds / 86_400);
    Some(if seconds > settings.ipinfo.mmdb_max_age.as_secs() {
        Finding::Poor { what, remedy: "Fetch a new one, or raise ipinfo.mmdb_max_age_days." }
    } else {
        Finding::Well(what)
    })
}

/// Looks at the file and leaves it as it is: a service may be at work on it.
async fn store(url: Option<&StoreUrl>) -> Finding {
    let Some(url) = url else {
        return Finding::Well("store: none is set; writes are refused".to_owned());
    };
    match SqliteStore::examine(url).await {
        Ok(Examined::Memory) => Finding::Poor {
            what: "store: in memory; writes that GHL does not have yet are lost with the process".to_owned(),
            remedy: "Set store.url to sqlite: and the path of a file on a disk that outlives the process.",
        },
        Ok(Examined::Absent) => Finding::Well(format!("store: {url} is made at the start; its folder can be written")),
        Ok(Examined::InUse) => {
            Finding::Well(format!("store: {url} is in use by another process, such as the service, and was left alone"))
        }
        Ok(Examined::Sound { open }) => {
            Finding::Well(format!("store: {url} can be opened and written; {open} writes have not ended"))
        }
        Err(error) => Finding::Ill { what: format!("store: {url}: {}", told(&error)), remedy: store_remedy(&error) },
    }
}

/// The error with its reason, which names no record.
fn told(error: &StoreError) -> String {
    match error {
        StoreError::Corrupt(reason) | StoreError::Failed(reason) => format!("{error}: {reason}"),
        _ => error.to_string(),
    }
}

fn store_remedy(error: &StoreError) -> &'static str {
    match error {
        StoreError::ReadOnly => {
            "Let the service's user write the file and its folder, or set store.url to another path."
        }
        StoreError::Full => "Make room on its disk.",
        StoreError::Corrupt(_) => "Put a back-up in its place, or set store.url to another path.",
        StoreError::Locked | StoreError::Closed | StoreError::Failed(_) => {
            "Try again; if it stays, set store.url to another path, or to \"\" for a service that takes no writes."
        }
    }
}

fn access(settings: &Settings) -> Finding {
    if settings.auth.keys.is_empty() && settings.auth.allow_anonymous {
        // Without a key nobody lacks a role.
        let may = if settings.store.url.is_some() { "read and write" } else { "read" };
        return Finding::Ill {
            what: format!("access: everyone who reaches the port may {may} everything"),
            remedy: "Make a key with `ghl-enrich keys new` and unset auth.allow_anonymous.",
        };
    }
    let origins = match settings.http.cors_origins.join(", ") {
        none if none.is_empty() => "none".to_owned(),
        origins => origins,
    };
    Finding::Well(format!("access: {} API keys; origins whose pages may call: {origins}", settings.auth.keys.len()))
}

fn ill(part: &str, problem: &Problem, remedy: &'static str) -> Finding {
    let code = problem.upstream.as_ref().map_or_else(String::new, |upstream| format!(" [{}]", upstream.code));
    Finding::Ill { what: format!("{part}: {}{code}", problem.detail), remedy }
}
