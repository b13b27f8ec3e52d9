//! What the process itself is: its version, and the memory it takes, read when somebody scrapes.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// Registers both.
pub(super) fn register(registry: &mut Registry) {
    let build_info = Family::<BuildLabels, Gauge>::default();
    build_info.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
    registry.register("build_info", "Always 1; the version is its label", build_info);
    registry.register_collector(Box::new(ResidentMemory));
}

/// Memory that the process takes, as the kernel counts it. Absent where there is no `/proc`.
#[derive(Debug)]
struct ResidentMemory;

impl Collector for ResidentMemory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(bytes) = std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) else {
            return Ok(());
        };
        let help = "Memory of the process that is in RAM";
        let encoder = encoder.encode_descriptor("process_resident_memory_bytes", help, None, MetricType::Gauge)?;
        ConstGauge::new(bytes).encode(encoder)
    }
}

/// `VmRSS` of `/proc/self/status`. It counts in kB whatever the size of a page; `statm` counts in pages, whose size only a
/// call into C would tell.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_or_absent() {
        assert_eq!(resident_bytes("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t   20480 kB\nThreads:\t1\n"), Some(20 << 20));
        for odd in ["", "Name:\tx\n", "VmRSS:\t-\n", "VmRSS:\t9223372036854775807 kB\n"] {
            assert_eq!(resident_bytes(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn both_are_exposed() {
        let text = super::super::Metrics::new().render_text();
        let version = env!("CARGO_PKG_VERSION");
        assert!(text.contains(&format!("ghl_enrich_build_info{{version=\"{version}\"}} 1\n")), "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix("ghl_enrich_process_resident_memory_bytes "));
        assert_eq!(line.is_some(), cfg!(target_os = "linux"), "{text}");
        assert!(line.is_none_or(|bytes| bytes.parse::<u64>().unwrap() > 1 << 20), "{text}");
    }
}
