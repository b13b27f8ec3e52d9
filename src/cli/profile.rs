//! `ghl-enrich profile`: one profile on standard output, without a server.

use super::print_line;
use crate::{
    app::AppParts,
    cli::args::ProfileArgs,
    domain::{ids::ContactId, profile::Include},
    profiles::{ContactKey, ProfileRequest},
    settings::Settings,
};
use anyhow::Context as _;
use std::net::IpAddr;
use tokio::time::Instant;

/// What to show.
#[derive(Debug, Clone)]
pub struct Wanted {
    contact: ContactId,
    include: Option<String>,
    ip: Option<IpAddr>,
}

impl From<ProfileArgs> for Wanted {
    fn from(args: ProfileArgs) -> Self {
        Self { contact: args.id, include: args.include.map(|parts| parts.join(",")), ip: args.ip }
    }
}

/// Fetches and prints one profile.
///
/// # Errors
/// Where no location is known, or the contact cannot be had.
pub async fn profile(settings: Settings, wanted: Wanted) -> anyhow::Result<()> {
    let location = settings.ghl.location_id.clone().context("no location: give --location, or set ghl.location_id")?;
    // Tokens of connections are the running service's: two processes must not renew the same ones.
    anyhow::ensure!(
        settings.ghl.token.is_some() || settings.oauth.is_none(),
        "`profile` needs a private integration token (GHL_TOKEN); for a location connected by OAuth ask the running \
         service: GET /v1/contacts/{}/profile",
        wanted.contact
    );
    let include = wanted.include.as_deref().map(Include::parse).transpose()?;
    let request = ProfileRequest {
        key: ContactKey { location, contact: wanted.contact },
        include: include.unwrap_or(Include::DEFAULT),
        require: Vec::new(),
        ip: wanted.ip,
        max_age: None,
        deadline: Instant::now() + settings.http.deadline,
        traceparent: None,
    };
    let served = AppParts::build(&settings, None)?.profiles.get(&request).await?;
    let document: serde_json::Value = serde_json::from_slice(&served.document.body)?;
    print_line(&serde_json::to_string_pretty(&document)?);
    Ok(())
}
