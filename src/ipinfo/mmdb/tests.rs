//! Every schema, odd files, and the swap.

mod shared;

use super::{
    writer::{Data, MmdbFile},
    *,
};
use crate::{
    domain::ip::{Carrier, Precision},
    ipinfo::tests::{Scratch, city_file, fixture, ip, settings},
};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

fn open(path: &Path) -> Result<Mmdb, IpSetupError> {
    Mmdb::open(path, &settings(), Clock::system(), Metrics::new())
}

fn opened(file: &MmdbFile) -> (Scratch, Mmdb) {
    let scratch = Scratch::new();
    let mmdb = open(&scratch.put(&file.bytes())).unwrap();
    (scratch, mmdb)
}

fn facts(mmdb: &Mmdb, address: &str) -> Option<Facts> {
    mmdb.look_up(ip(address)).unwrap().map(|found| found.facts)
}

fn sample(name: &str, address: &str) -> Facts {
    facts(&open(&fixture(name)).unwrap(), address).unwrap_or_else(|| panic!("{name} knows {address}"))
}

#[test]
fn the_new_ipinfo_files_are_read() {
    let lite = sample("ipinfo_lite_sample.mmdb", "1.0.0.1");
    assert_eq!((lite.precision(), lite.geo.country_code.as_deref()), (Precision::Country, Some("AU")));
    let asn = lite.asn.unwrap();
    assert_eq!((asn.asn.as_str(), asn.name.as_deref(), asn.kind), ("AS13335", Some("Cloudflare, Inc."), None));
    assert_eq!(sample("ipinfo_lite_sample.mmdb", "1.0.1.1").asn, None);

    let core = sample("ipinfo_core_sample.mmdb", "1.0.0.2");
    assert_eq!((core.geo.city.as_deref(), core.geo.latitude), (Some("Sydney"), Some(-33.86785)));
    assert_eq!((core.geo.timezone.as_deref(), core.geo.in_eu), (Some("Australia/Sydney"), Some(false)));
    assert_eq!((core.privacy.anonymous, core.privacy.vpn, core.traits.hosting), (Some(true), None, Some(true)));
    assert_eq!(core.network.unwrap().to_string(), "1.0.0.2/32");

    let plus = sample("ipinfo_plus_sample.mmdb", "1.0.0.2");
    assert_eq!((plus.privacy.vpn, plus.privacy.tor), (Some(true), Some(false)));
    assert_eq!((plus.geo.accuracy_radius_km, plus.carrier), (Some(5000), None));

    let location = sample("ipinfo_location_sample.mmdb", "1.0.0.1");
    assert_eq!((location.precision(), location.asn), (Precision::City, None));
    let privacy = sample("ipinfo_privacy_sample.mmdb", "1.0.0.2");
    assert_eq!(privacy.precision(), Precision::None);
    assert_eq!((privacy.privacy.vpn, privacy.privacy.anonymous), (Some(true), Some(true)));
}

#[test]
fn files_about_networks_say_nothing_of_the_place() {
    let asn = sample("ipinfo_asn_sample.mmdb", "1.0.0.1");
    assert_eq!((&asn.geo.country_code, asn.precision()), (&None, Precision::None));
    assert_eq!(asn.asn.unwrap().kind.as_deref(), Some("hosting"));
    let company = sample("ip_company_sample.mmdb", "1.0.0.1");
    assert!(company.company.unwrap().name.is_some() && company.asn.is_some());
    assert_eq!(company.geo.country_code, None);
    let carrier = sample("ipinfo_carrier_sample.mmdb", "1.5.151.1");
    assert_eq!(carrier.traits.mobile, Some(true));
    let Carrier { name, mcc, mnc } = carrier.carrier.unwrap();
    assert!(name.is_some() && mcc.is_some() && mnc.is_some());
}

#[test]
fn the_old_ipinfo_files_are_read() {
    let old = sample("ip_geolocation_sample.mmdb", "1.22.93.1");
    assert_eq!((old.geo.country_code.as_deref(), old.geo.country.as_deref()), (Some("IN"), Some("India")));
    assert!(old.geo.latitude.is_some() && old.geo.postal_code.is_some());
    let extended = sample("ip_geolocation_extended_sample.mmdb", "1.0.0.1");
    assert!(extended.geo.region.as_deref().is_some_and(|name| name.len() > 2), "{:?}", extended.geo);
    assert!(extended.geo.region_code.is_some() && extended.geo.accuracy_radius_km.is_some());
    let free = sample("ip_country_asn_sample.mmdb", "1.0.0.1");
    assert_eq!((free.geo.continent_code.as_deref(), free.geo.continent.as_deref()), (Some("OC"), Some("Oceania")));
    assert_eq!(free.asn.unwrap().asn, "AS13335");
    let privacy = sample("privacy_detection_sample.mmdb", "1.0.0.1");
    assert_eq!((privacy.traits.hosting, privacy.privacy.vpn, privacy.privacy.service), (Some(true), None, None));
}

#[test]
fn a_geoip2_file_is_read() {
    let names = |name| ("names", Data::Map(vec![("de", Data::Text("anders")), ("en", Data::Text(name))]));
    let record = Data::Map(vec![
        ("city", Data::Map(vec![("geoname_id", Data::U32(1)), names("London")])),
        ("continent", Data::Map(vec![("code", Data::Text("EU")), names("Europe")])),
        ("country", Data::Map(vec![("iso_code", Data::Text("GB")), names("United Kingdom")])),
        (
            "subdivisions",
            Data::List(vec![
                Data::Map(vec![("iso_code", Data::Text("ENG")), names("England")]),
                Data::Map(vec![("iso_code", Data::Text("LND")), names("City")]),
            ]),
        ),
        (
            "location",
            Data::Map(vec![
                ("accuracy_radius", Data::U16(10)),
                ("latitude", Data::Double(51.5142)),
                ("longitude", Data::Double(-0.0931)),
                ("time_zone", Data::Text("Europe/London")),
            ]),
        ),
        ("postal", Data::Map(vec![("code", Data::Text("EC4N"))])),
        ("traits", Data::Map(vec![("is_anycast", Data::Bool(true)), ("autonomous_system_number", Data::U32(20712))])),
    ]);
    let (_scratch, mmdb) = opened(&MmdbFile::new("GeoLite2-City", vec![("81.2.69.128/26", record)]));
    let found = facts(&mmdb, "81.2.69.142").unwrap();
    assert_eq!(found.network.unwrap().to_string(), "81.2.69.128/26");
    let geo = &found.geo;
    assert_eq!((geo.city.as_deref(), geo.region.as_deref()), (Some("London"), Some("England")));
    assert_eq!((geo.region_code.as_deref(), geo.country_code.as_deref()), (Some("ENG"), Some("GB")));
    assert_eq!((geo.accuracy_radius_km, geo.longitude, geo.in_eu), (Some(10), Some(-0.0931), Some(false)));
    assert_eq!((geo.postal_code.as_deref(), geo.timezone.as_deref()), (Some("EC4N"), Some("Europe/London")));
    assert_eq!((found.asn.unwrap().asn.as_str(), found.traits.anycast), ("AS20712", Some(true)));
    assert_eq!(mmdb.credit().name, "MaxMind");
}

#[test]
fn geoip2_asn_and_anonymous_files_have_their_facts_at_the_top() {
    let asn = Data::Map(vec![
        ("autonomous_system_number", Data::U32(1221)),
        ("autonomous_system_organization", Data::Text("Telstra")),
    ]);
    let (_scratch, mmdb) = opened(&MmdbFile::new("DBIP-ASN-Lite (compat=GeoLite2-ASN)", vec![("1.128.0.0/11", asn)]));
    assert_eq!(facts(&mmdb, "1.128.0.0").unwrap().asn.unwrap().name.as_deref(), Some("Telstra"));
    assert_eq!(mmdb.credit().name, "DB-IP");
    let hidden = Data::Map(vec![("is_anonymous", Data::Bool(true)), ("is_tor_exit_node", Data::Bool(true))]);
    let (_scratch, mmdb) = opened(&MmdbFile::new("somebody's", vec![("1.2.0.0/16", hidden)]));
    assert_eq!(facts(&mmdb, "1.2.0.1").unwrap().privacy.tor, Some(true));
}

#[test]
fn an_ip_location_db_file_is_read_floats_and_all() {
    let record = Data::Map(vec![
        ("country_code", Data::Text("AU")),
        ("state1", Data::Text("New South Wales")),
        ("state2", Data::Text("")),
        ("city", Data::Text("Sydney")),
        ("postcode", Data::Text("")),
        ("latitude", Data::Float(-33.867_85)),
        ("longitude", Data::Float(151.207_32)),
        ("timezone", Data::Text("")),
    ]);
    let file = MmdbFile { ip_version: 4, ..MmdbFile::new("city ipv4", vec![("1.1.1.0/24", record)]) };
    let (_scratch, mmdb) = opened(&file);
    let found = facts(&mmdb, "1.1.1.1").unwrap();
    assert_eq!((found.geo.latitude, found.geo.longitude), (Some(-33.867_85), Some(151.207_32)));
    assert_eq!((found.geo.region.as_deref(), found.geo.postal_code), (Some("New South Wales"), None));
    assert_eq!((found.geo.timezone, found.geo.country.as_deref()), (None, Some("Australia")));
    assert_eq!(found.network.unwrap().to_string(), "1.1.1.0/24");
    assert!(facts(&mmdb, "2001:4860:4860::8888").is_none(), "IPv6 in an IPv4-only file is a miss");
    assert_eq!(mmdb.credit().name, "ip-location-db");
}

#[test]
fn both_families_are_found_with_their_networks() {
    let country = |code| Data::Map(vec![("country_code", Data::Text(code))]);
    let records = vec![("1.1.1.0/24", country("AU")), ("2001:4860::/32", country("US"))];
    let (_scratch, mmdb) = opened(&MmdbFile::new("country ipvAll", records));
    assert_eq!(facts(&mmdb, "1.1.1.1").unwrap().network.unwrap().to_string(), "1.1.1.0/24");
    assert_eq!(facts(&mmdb, "2001:4860::1").unwrap().network.unwrap().to_string(), "2001:4860::/32");
    assert!(facts(&mmdb, "9.9.9.9").is_none() && facts(&mmdb, "2a00::1").is_none());
}

#[test]
fn a_record_that_says_nothing_is_a_miss() {
    let records = vec![
        ("1.1.1.0/24", Data::Map(vec![("country_code", Data::Text("AU"))])),
        ("2.2.2.0/24", Data::Map(vec![("country_code", Data::Text("")), ("city", Data::Text(""))])),
    ];
    let (_scratch, mmdb) = opened(&MmdbFile::new("country ipvAll", records));
    assert!(facts(&mmdb, "2.2.2.2").is_none());
}

#[test]
fn a_file_may_begin_with_records_that_say_nothing() {
    let record = |code| Data::Map(vec![("country_code", Data::Text(code))]);
    let nothing = ["1.0.0.0/16", "1.1.0.0/16", "1.2.0.0/16", "1.3.0.0/16", "1.4.0.0/16"];
    let records = nothing.into_iter().map(|network| (network, record("ZZ"))).chain([("9.0.0.0/8", record("AU"))]);
    let (_scratch, mmdb) = opened(&MmdbFile::new("country ipvAll", records.collect()));
    assert!(facts(&mmdb, "1.0.0.1").is_none() && facts(&mmdb, "9.0.0.1").is_some());
}

#[test]
fn files_that_cannot_be_used_are_refused() {
    let good = city_file("x").bytes();
    let strange = MmdbFile::new("strange", vec![("1.0.0.0/8", Data::Map(vec![("colour", Data::Text("red"))]))]);
    let plain = MmdbFile::new("plain", vec![("1.0.0.0/8", Data::Text("AU"))]);
    let empty_tree = MmdbFile::new("city ipvAll", Vec::new());
    let lite = fs::read(fixture("ipinfo_lite_sample.mmdb")).unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("garbage", b"\x00\xff".repeat(5000)),
        ("a text", b"<html>Not found</html>".to_vec()),
        ("cut short", lite[..lite.len() / 2].to_vec()),
        ("the head lost", good[good.len() - 200..].to_vec()),
        ("no record", empty_tree.bytes()),
        ("nothing we know", strange.bytes()),
        ("records that are no maps", plain.bytes()),
    ];
    let scratch = Scratch::new();
    for (what, bytes) in cases {
        let error = open(&scratch.put(&bytes)).expect_err(what).to_string();
        assert!(error.contains("ipinfo.mmdb_path"), "{what}: {error}");
    }
    assert!(open(scratch.path().parent().unwrap()).is_err(), "a directory");
}

#[test]
fn a_large_file_is_mapped_and_answers_alike() {
    let path = fixture("ipinfo_core_sample.mmdb");
    let mapped_settings = IpinfoSettings { mmdb_map_min_bytes: 1, ..settings() };
    let mapped = Mmdb::open(&path, &mapped_settings, Clock::system(), Metrics::new()).unwrap();
    let whole = open(&path).unwrap();
    assert!(mapped.inner.current.load().is_mapped() && !whole.inner.current.load().is_mapped());
    assert_eq!(facts(&mapped, "1.0.0.1"), facts(&whole, "1.0.0.1"));
}

fn city(mmdb: &Mmdb) -> Option<String> {
    facts(mmdb, "8.8.8.8").and_then(|facts| facts.geo.city)
}

#[test]
fn another_file_is_swapped_in_and_a_broken_one_is_not() {
    let scratch = Scratch::new();
    let mmdb = open(&scratch.put(&city_file("one").bytes())).unwrap();
    assert_eq!(mmdb.reload(), Reload::Unchanged);

    scratch.put(&city_file("two").bytes());
    assert_eq!((mmdb.reload(), city(&mmdb).as_deref()), (Reload::Swapped, Some("two")));

    scratch.put(b"half a file");
    assert!(matches!(mmdb.reload(), Reload::Kept(_)));
    assert!(matches!(mmdb.reload(), Reload::Kept(_)), "and again, without opening it again");
    assert_eq!(city(&mmdb).as_deref(), Some("two"));
    assert!(mmdb.status().last_error.is_some_and(|reason| reason.contains("MaxMind DB")));

    fs::remove_file(scratch.path()).unwrap();
    assert!(matches!(mmdb.reload(), Reload::Kept(_)));
    assert_eq!(city(&mmdb).as_deref(), Some("two"));

    scratch.put(&city_file("three").bytes());
    assert_eq!((mmdb.reload(), city(&mmdb).as_deref()), (Reload::Swapped, Some("three")));
    assert_eq!(mmdb.status().last_error, None);
}

#[test]
fn a_mapped_file_is_swapped_too() {
    let scratch = Scratch::new();
    let path = scratch.put(&city_file("one").bytes());
    let settings = IpinfoSettings { mmdb_map_min_bytes: 0, ..settings() };
    let mmdb = Mmdb::open(&path, &settings, Clock::system(), Metrics::new()).unwrap();
    scratch.put(&city_file("two").bytes());
    assert_eq!(city(&mmdb).as_deref(), Some("one"), "the old inode goes on answering");
    assert_eq!((mmdb.reload(), city(&mmdb).as_deref()), (Reload::Swapped, Some("two")));
}

#[test]
fn no_look_up_is_missed_while_files_are_swapped() {
    let scratch = Scratch::new();
    let mmdb = open(&scratch.put(&city_file("0").bytes())).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut look_ups = 0;
            while !done.load(Ordering::Relaxed) || look_ups == 0 {
                assert!(city(&mmdb).is_some());
                look_ups += 1;
            }
        });
        for length in 1..50 {
            scratch.put(&city_file(&"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"[..length]).bytes());
            assert_eq!(mmdb.reload(), Reload::Swapped);
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn the_loop_notices_a_new_file_and_ends_at_shutdown() {
    let scratch = Scratch::new();
    let mmdb = open(&scratch.put(&city_file("one").bytes())).unwrap();
    let tasks = Tasks::new();
    mmdb.watch(Duration::from_secs(10), &tasks);
    scratch.put(&city_file("two").bytes());
    tokio::time::timeout(Duration::from_secs(60), async {
        while city(&mmdb).as_deref() != Some("two") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .expect("swapped within a few polls");
    assert!(tasks.shut_down(Duration::from_secs(1)).await);
}

#[test]
fn age_is_judged_by_our_clock() {
    let scratch = Scratch::new();
    let clock = Clock::system();
    let now = u64::try_from(clock.now().as_second()).unwrap();
    let path = scratch.put(&MmdbFile { build_epoch: now, ..city_file("one") }.bytes());
    let mmdb = Mmdb::open(&path, &settings(), clock.clone(), Metrics::new()).unwrap();
    assert!(mmdb.inner.warned_of.lock().unwrap().is_none());
    clock.advance(SignedDuration::from_hours(46 * 24));
    assert_eq!(mmdb.reload(), Reload::Unchanged);
    assert!(mmdb.inner.warned_of.lock().unwrap().is_some(), "warned, once for this build");
    assert!(mmdb.status().age_seconds.is_some_and(|age| age > 45 * 86_400));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_file_never_panics(index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = fs::read(fixture("ipinfo_core_sample.mmdb")).unwrap();
        let at = index.index(bytes.len());
        bytes[at] = byte;
        let scratch = Scratch::new();
        if let Ok(mmdb) = open(&scratch.put(&bytes)) {
            for address in ["1.0.0.1", "1.0.64.1", "8.8.8.8", "2001:4860::1"] {
                let _ = mmdb.look_up(ip(address));
            }
        }
    }
}
