//! `ghl-enrich lookup`: IP intelligence of addresses, without a server.

use super::print_line;
use crate::{
    app::AppParts,
    domain::{address, ip::AddressOrigin, ip::IpIntelligence},
    settings::Settings,
    upstream::{CallContext, Lane},
};
use std::net::IpAddr;

/// Looks addresses up and prints a line, of words or JSON, for each.
///
/// # Errors
/// Where no backend answers.
pub async fn lookup(settings: Settings, addresses: Vec<IpAddr>, json: bool) -> anyhow::Result<()> {
    let parts = AppParts::build(&settings, None)?;
    let context = CallContext::new(Lane::Interactive, settings.http.deadline);
    for address in addresses {
        let looked = parts
            .ip
            .look_up(address::canonical(address), AddressOrigin::Request, &context)
            .await
            .map_err(|error| error.to_problem())?;
        print_line(&if json { serde_json::to_string(&looked.intelligence)? } else { sentence(&looked.intelligence) });
    }
    Ok(())
}

fn sentence(known: &IpIntelligence) -> String {
    let place = [&known.geo.city, &known.geo.region, &known.geo.country];
    let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
    let place = if place.is_empty() { "nothing known of the place".to_owned() } else { place.join(", ") };
    let network = known
        .asn
        .as_ref()
        .map_or_else(String::new, |asn| format!(" · {} {}", asn.asn, asn.name.as_deref().unwrap_or_default()));
    format!("{}  {place}{network}  ({})", known.address, known.provider.backend.as_str())
}
