//! Every sample file of the shared folder, and each row of its CSV files against the record of its twin.
//!
//! The folder is not part of the repository: `GHL_ENRICH_SHARED` names it, or it stands beside the workspace. Where it is
//! missing the test says so and passes, except in CI.

use super::{super::*, open};
use crate::domain::ip::Carrier;
use std::{collections::HashMap, fs};

fn samples() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("GHL_ENRICH_SHARED").map_or_else(beside, PathBuf::from).join("ipinfo-samples");
    folder.is_dir().then_some(folder)
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn every_shared_sample_is_read() {
    let Some(folder) = samples() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI must bring the shared folder");
        println!("SKIPPED (shared missing): ipinfo-samples");
        return;
    };
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mmdb") {
            let mmdb = open(&path).unwrap();
            assert_eq!(mmdb.credit().name, "IPinfo");
            files += 1;
        }
    }
    assert!(files >= 12, "{files} files");
    for name in ["ipinfo_lite_sample", "ipinfo_core_sample", "ipinfo_plus_sample"] {
        let csv = fs::read_to_string(folder.join(name).with_extension("csv")).unwrap();
        compare(&open(&folder.join(name).with_extension("mmdb")).unwrap(), &csv);
    }
}

fn compare(mmdb: &Mmdb, csv: &str) {
    let mut lines = csv.lines();
    let header = fields(lines.next().unwrap());
    let mut rows = 0;
    for line in lines {
        let row: HashMap<_, _> = header.iter().map(String::as_str).zip(fields(line)).collect();
        let network: ipnetwork::IpNetwork = row["network"].parse().unwrap();
        let facts = mmdb.look_up(network.ip()).unwrap().unwrap().facts;
        assert_eq!(facts.network, Some(network));
        for (key, found) in told(&facts) {
            let expected = row.get(key).filter(|text| !text.is_empty());
            // A column this product lacks may still follow from another one.
            if row.contains_key(key) {
                assert_eq!(found.as_ref(), expected, "{key} of {network}");
            }
        }
        rows += 1;
    }
    assert!(rows >= 99, "{rows} rows");
}

/// The facts by the names of their columns.
fn told(facts: &Facts) -> Vec<(&'static str, Option<String>)> {
    let geo = &facts.geo;
    let asn = facts.asn.as_ref();
    let Carrier { name, mcc, mnc } = facts.carrier.clone().unwrap_or(Carrier { name: None, mcc: None, mnc: None });
    let text = |flag: Option<bool>| flag.map(|flag| flag.to_string());
    vec![
        ("city", geo.city.clone()),
        ("region", geo.region.clone()),
        ("region_code", geo.region_code.clone()),
        ("country", geo.country.clone()),
        ("country_code", geo.country_code.clone()),
        ("continent", geo.continent.clone()),
        ("continent_code", geo.continent_code.clone()),
        ("latitude", geo.latitude.map(|degrees| degrees.to_string())),
        ("longitude", geo.longitude.map(|degrees| degrees.to_string())),
        ("timezone", geo.timezone.clone()),
        ("postal_code", geo.postal_code.clone()),
        ("radius", geo.accuracy_radius_km.map(|radius| radius.to_string())),
        ("asn", asn.map(|asn| asn.asn.clone())),
        ("as_name", asn.and_then(|asn| asn.name.clone())),
        ("as_domain", asn.and_then(|asn| asn.domain.clone())),
        ("as_type", asn.and_then(|asn| asn.kind.clone())),
        ("carrier_name", name),
        ("mcc", mcc),
        ("mnc", mnc),
        ("is_anonymous", text(facts.privacy.anonymous)),
        ("is_vpn", text(facts.privacy.vpn)),
        ("is_proxy", text(facts.privacy.proxy)),
        ("is_tor", text(facts.privacy.tor)),
        ("is_relay", text(facts.privacy.relay)),
        ("privacy_name", facts.privacy.service.clone()),
        ("is_hosting", text(facts.traits.hosting)),
        ("is_mobile", text(facts.traits.mobile)),
        ("is_anycast", text(facts.traits.anycast)),
        ("is_satellite", text(facts.traits.satellite)),
    ]
}

/// One line of a CSV file whose quoted fields hold commas and no quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(character),
        }
    }
    fields
}
