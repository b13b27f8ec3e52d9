//! Which known name somebody meant.

/// Below this likeness a suggestion confuses more than it helps.
const ALIKE: f64 = 0.8;

/// Units that end a key; the stem before them is what a person remembers.
const UNITS: [&str; 8] = ["_milliseconds", "_ms", "_seconds", "_secs", "_days", "_minutes", "_bytes", "_s"];

/// The known name most like `wanted`, if any is like it.
pub(super) fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (likeness(wanted, name), name))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// 3 for the same key in another unit, 2 for the same key in another section, else 0 to 1.
fn likeness(wanted: &str, name: &str) -> f64 {
    let (wanted, name) = (folded(wanted), folded(name));
    if stem(&wanted) == stem(&name) {
        3.0
    } else if stem(last_part(&wanted)) == stem(last_part(&name)) {
        2.0
    } else {
        strsim::jaro_winkler(&wanted, &name)
    }
}

/// One spelling for `timeoutMs`, `timeout-ms` and `TIMEOUT_MS`.
fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_small {
            out.push('_');
        }
        after_small = c.is_ascii_lowercase();
        out.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    out
}

fn last_part(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn stem(name: &str) -> &str {
    UNITS.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn knows_slips_of_unit_case_section_and_letter() {
        let known = ["ghl.timeout_ms", "ghl.read_timeout_ms", "ipinfo.timeout_ms", "http.bind", "ghl.location_id"];
        for (wanted, meant) in [
            ("ghl.timeout_seconds", "ghl.timeout_ms"),
            ("ghl.timeout", "ghl.timeout_ms"),
            ("ipinfo.timeoutMs", "ipinfo.timeout_ms"),
            ("http.location_id", "ghl.location_id"),
            ("bind", "http.bind"),
            ("http.bnid", "http.bind"),
            ("ghl.locationId", "ghl.location_id"),
        ] {
            assert_eq!(nearest(wanted, known), Some(meant), "{wanted}");
        }
        assert_eq!(nearest("zzz", known), None);
    }
}
