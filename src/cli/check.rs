//! `ghl-enrich check`: the doctor. Shows the effective settings with secrets masked, tries each upstream, and says what is
//! wrong and how to mend it.

use super::print_line;
use crate::{
    app::AppParts,
    domain::{ip::AddressOrigin, problem::Problem},
    ghl::SearchQuery,
    settings::{Loaded, Settings},
    upstream::{CallContext, Lane},
};
use std::net::{IpAddr, Ipv4Addr};

/// An address that every backend knows: a public resolver.
const KNOWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));

/// What one examination found.
enum Finding {
    Well(String),
    Ill { what: String, remedy: &'static str },
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
    let parts = AppParts::build(&loaded.settings)?;
    let findings = [ghl(&loaded.settings, &parts).await, ip(&loaded.settings, &parts).await, access(&loaded.settings)];
    print_line("\nFindings");
    let mut well = true;
    for finding in &findings {
        match finding {
            Finding::Well(what) => print_line(&format!("  ok    {what}")),
            Finding::Ill { what, remedy } => {
                well = false;
                print_line(&format!("  WRONG {what}\n        {remedy}"));
            }
        }
    }
    Ok(well)
}

async fn ghl(settings: &Settings, parts: &AppParts) -> Finding {
    if settings.ghl.token.is_none() {
        let what = "GHL: no token".to_owned();
        let remedy = "Create a private integration in the sub-account's settings with the scope contacts.readonly, and set GHL_TOKEN or ghl.token_file.";
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
        Ok(page) => Finding::Well(format!("GHL: answers; {} contacts in {location}", page.total.unwrap_or_default())),
        Err(error) => ill(
            "GHL",
            &error.to_problem(),
            "See the README's table of problems; the token's scopes are edited in GHL, in place.",
        ),
    }
}

async fn ip(settings: &Settings, parts: &AppParts) -> Finding {
    let context = CallContext::new(Lane::Interactive, settings.http.deadline);
    match parts.ip.look_up(KNOWN_ADDRESS, AddressOrigin::Request, &context).await {
        Ok(looked) if looked.intelligence.provider.degraded => Finding::Ill {
            what: format!(
                "IP intelligence: a preferred backend fails; {} answers",
                looked.intelligence.provider.backend.as_str()
            ),
            remedy: "Run `ghl-enrich lookup 8.8.8.8` with telemetry.log_level = \"debug\"; a rejected token is the usual cause (IPINFO_TOKEN).",
        },
        Ok(looked) => {
            Finding::Well(format!("IP intelligence: {} answers", looked.intelligence.provider.backend.as_str()))
        }
        Err(error) => ill(
            "IP intelligence",
            &error.to_problem(),
            "Add \"embedded\" to ipinfo.backends: it needs neither token nor file.",
        ),
    }
}

fn access(settings: &Settings) -> Finding {
    if settings.auth.keys.is_empty() && settings.auth.allow_anonymous {
        return Finding::Ill {
            what: "access: everyone who reaches the port may read everything".to_owned(),
            remedy: "Make a key with `ghl-enrich keys new` and unset auth.allow_anonymous.",
        };
    }
    let keys = settings.auth.keys.len();
    Finding::Well(format!("access: {keys} API keys, {} allowed origins", settings.http.cors_origins.len()))
}

fn ill(part: &str, problem: &Problem, remedy: &'static str) -> Finding {
    let code = problem.upstream.as_ref().map_or_else(String::new, |upstream| format!(" [{}]", upstream.code));
    Finding::Ill { what: format!("{part}: {}{code}", problem.detail), remedy }
}
