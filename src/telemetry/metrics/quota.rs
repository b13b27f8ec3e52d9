//! What locations spend of their quota, read when somebody scrapes: a gauge that is set by calls would be wrong as soon
//! as there are none. The source bounds how many locations there are.

use crate::domain::quota::QuotaReport;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

/// One location, as of now.
#[derive(Debug, Clone)]
pub struct QuotaSample {
    /// Its ledger.
    pub report: QuotaReport,
    /// Calls that wait, by lane.
    pub waiting: [(&'static str, u64); 3],
}

/// Where samples come from.
type Source = Box<dyn Fn() -> Vec<QuotaSample> + Send + Sync>;

/// Set once the upstream is there.
#[derive(Clone, Default)]
pub(super) struct QuotaSource(Arc<OnceLock<Source>>);

impl QuotaSource {
    /// The first one stays.
    pub(super) fn set(&self, source: Source) {
        drop(self.0.set(source));
    }

    fn read(&self) -> Vec<QuotaSample> {
        self.0.get().map(|source| source()).unwrap_or_default()
    }
}

impl fmt::Debug for QuotaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaSource").finish_non_exhaustive()
    }
}

pub(super) fn register(registry: &mut Registry) -> QuotaSource {
    let source = QuotaSource::default();
    registry.register_collector(Box::new(Quotas(source.clone())));
    source
}

#[derive(Debug)]
struct Quotas(QuotaSource);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WindowLabels {
    location: String,
    window: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LocationLabels {
    location: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

impl Collector for Quotas {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let samples = self.0.read();
        if samples.is_empty() {
            return Ok(());
        }
        let windows = |value: fn(&crate::domain::quota::QuotaWindow) -> u64| {
            let both = samples.iter().flat_map(move |sample| {
                let location = || sample.report.location_id.to_string();
                [
                    (WindowLabels { location: location(), window: "burst" }, value(&sample.report.burst)),
                    (WindowLabels { location: location(), window: "day" }, value(&sample.report.day)),
                ]
            });
            both.collect::<Vec<_>>()
        };
        let (limit, used) = (windows(|window| window.limit), windows(|window| window.used));
        gauge(&mut encoder, "quota_limit", "Calls that a location may make in a window", &limit)?;
        gauge(&mut encoder, "quota_used", "Calls of a location that count in a window", &used)?;
        gauge(&mut encoder, "quota_left", "Calls left of a window", &windows(|window| window.left))?;
        let mut waiting = BTreeMap::<&'static str, u64>::new();
        for (lane, calls) in samples.iter().flat_map(|sample| sample.waiting) {
            *waiting.entry(lane).or_default() += calls;
        }
        let waiting: Vec<_> = waiting.into_iter().map(|(lane, calls)| (LaneLabels { lane }, calls)).collect();
        gauge(&mut encoder, "quota_waiting", "Calls that wait for quota, by lane", &waiting)?;
        let by_location = |value: fn(&QuotaReport) -> u64| {
            let one = |sample: &QuotaSample| {
                (LocationLabels { location: sample.report.location_id.to_string() }, value(&sample.report))
            };
            samples.iter().map(one).collect::<Vec<_>>()
        };
        let breakers = by_location(|report| match report.breaker {
            "open" => 2,
            "half-open" => 1,
            _ => 0,
        });
        let help = "Circuit breaker of a location: 0 closed, 1 half-open, 2 open";
        gauge(&mut encoder, "upstream_breaker", help, &breakers)?;
        let saved = by_location(|report| report.saved_by_cache);
        gauge(&mut encoder, "quota_saved", "Calls not needed since the start, as memory answered", &saved)
    }
}

fn gauge<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(L, u64)],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        let value = i64::try_from(*value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}
