//! The exposition as a scraper reads it.

use super::*;
use crate::domain::{
    ids::LocationId,
    quota::{QuotaReport, QuotaWindow},
    source::SourceName,
    webhook::EventFate,
    write::WriteKind,
};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn each_result_has_its_counter() {
    for (index, result) in ProfileResult::ALL.into_iter().enumerate() {
        assert_eq!(result as usize, index, "ALL is in the order of declaration");
        let metrics = Metrics::new();
        metrics.profile_result(result);
        let text = metrics.render_text();
        for other in ProfileResult::ALL {
            let word = other.as_str();
            let line = format!("ghl_enrich_profile_results_total{{result=\"{word}\"}} {}", u8::from(other == result));
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}

#[test]
fn text_format_names_a_counter_as_its_samples() {
    let metrics = Metrics::new();
    metrics.route("GET", "/v1/x").count(HttpClass::of(200), 0.01);
    let text = metrics.render_text();
    assert!(text.contains("# TYPE ghl_enrich_http_requests_total counter"), "{text}");
    assert!(text.contains("ghl_enrich_http_requests_total{method=\"GET\",route=\"/v1/x\",status=\"2xx\"} 1"), "{text}");
    assert!(text.contains("# TYPE ghl_enrich_http_request_seconds histogram") && !text.contains("# EOF"), "{text}");
}

#[test]
fn sources_are_counted_by_name_and_strangers_as_one() {
    let (metrics, source) = (Metrics::new(), SourceName::parse("insurgo").unwrap());
    metrics.sources().received(Some(&source), SourceOutcome::Accepted, 3);
    metrics.sources().received(Some(&source), SourceOutcome::Duplicate, 0);
    metrics.sources().received(None, SourceOutcome::Refused, 1);
    let oldest = "2026-11-22T08:00:00Z".parse().unwrap();
    metrics.sources().depth(&source, &SourceDepth { pending: 2, waiting: 1, failed: 0, oldest: Some(oldest) });
    let text = metrics.render_text();
    for line in [
        "ghl_enrich_source_events_total{source=\"insurgo\",outcome=\"accepted\"} 3\n",
        "ghl_enrich_source_events_total{source=\"unknown\",outcome=\"refused\"} 1\n",
        "ghl_enrich_source_pending{source=\"insurgo\"} 2\n",
        "ghl_enrich_source_waiting{source=\"insurgo\"} 1\n",
        "ghl_enrich_source_dead_letters{source=\"insurgo\"} 0\n",
        "ghl_enrich_source_oldest_pending_timestamp_seconds{source=\"insurgo\"} 1795334400\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("outcome=\"duplicate\""), "{text}");
}

/// Everything that is counted anywhere, once at least.
fn busy() -> Metrics {
    let metrics = Metrics::new();
    metrics.route("GET", "/v1/x").count(HttpClass::of(200), 0.01);
    metrics.upstream_call(Service::Ghl, "ghl.test", "ok", Duration::from_millis(5));
    metrics.upstream_retry(Service::Ghl);
    metrics.upstream_rate_limited(Service::Ghl);
    metrics.section_load(Section::Notes, true);
    metrics.ip_lookup(Backend::Embedded, "found");
    metrics.operations().depth(&[], None);
    metrics.operations().attempt(WriteKind::AddTags, "done");
    metrics.operations().look("absent");
    metrics.live().opened();
    metrics.live().sent("profile");
    metrics.webhooks().received(None, WebhookOutcome::Refused);
    metrics.webhooks().fate("ContactUpdate", EventFate::Applied);
    metrics.webhooks().acknowledged(Duration::from_millis(2));
    metrics.webhooks().depth(1, None);
    metrics.webhooks().refreshed(1);
    metrics.webhooks().task_lookup(true);
    let source = SourceName::parse("insurgo").unwrap();
    metrics.sources().received(Some(&source), SourceOutcome::Accepted, 2);
    metrics.sources().depth(&source, &SourceDepth { pending: 1, ..SourceDepth::default() });
    metrics.drift().compared("same");
    metrics.drift().locations([("live", false)].into_iter());
    metrics.watch_quotas(|| {
        let at = Timestamp::UNIX_EPOCH;
        let window = QuotaWindow { limit: 100, used: 1, left: 99, window_ms: 10_000, resets_at: at };
        let report = |location: &str| QuotaReport {
            location_id: LocationId::parse(location).unwrap(),
            learned: true,
            burst: window.clone(),
            day: window.clone(),
            day_runs_out_at: None,
            by_lane: Vec::new(),
            by_endpoint: Vec::new(),
            saved_by_cache: 0,
            waiting: 0,
            rate_limited: 0,
            breaker: "closed",
        };
        ["one", "two"].map(|location| QuotaSample { report: report(location), waiting: [("bulk", 1); 3] }).to_vec()
    });
    metrics
}

/// The family of a sample: a histogram's has three kinds of them.
fn family_of<'a>(name: &'a str, families: &BTreeMap<&str, &str>) -> Option<&'a str> {
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    let known = |name: &&str| families.contains_key(*name);
    Some(name).filter(known).or_else(|| histogram.filter(|name| families.get(name) == Some(&"histogram")))
}

#[test]
fn every_family_is_named_explained_and_told_once() {
    let text = busy().render_text();
    let (mut families, mut helps, mut series) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(families.insert(name, kind), None, "{name} twice");
        } else if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            assert!(help.len() > 8, "{line}");
            assert_eq!(helps.insert(name, help), None, "{name} twice");
        } else {
            let (name, value) = line.rsplit_once(' ').expect(line);
            assert!(value.parse::<f64>().is_ok() && series.insert(name), "{line}");
            let bare = name.split('{').next().unwrap();
            assert!(family_of(bare, &families).is_some(), "{line} belongs to nothing told before");
        }
    }
    assert!(families.len() > 20, "{text}");
    for (name, kind) in &families {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(name.starts_with("ghl_enrich_") && plain && !name.ends_with("_total_total"), "{name}");
        assert_eq!(*kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(helps.contains_key(name), "{name} has no help");
    }
    for series in &series {
        let labels = series.split_once('{').map_or("", |(_, labels)| labels);
        for label in labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split('=').next()) {
            let bounded =
                ["service", "endpoint", "outcome", "section", "result", "backend", "method", "route", "status"];
            let too = ["location", "window", "lane", "state", "kind", "version", "le", "type", "fate", "source", ""];
            assert!(bounded.contains(&label) || too.contains(&label), "{label} of {series}: are there few of it?");
        }
    }
}
