//! Failure on demand. A [`Fault`] names an endpoint and what shall go wrong there; matching is pure and seeded, the
//! transport (`transport.rs`) carries it out.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::clock::{Millis, iso};
use crate::rng::Rng;

/// The family of all endpoints that change something at GHL.
const WRITES: &str = "ghl.writes";

/// Something that shall go wrong. Several faults may match one request: their latencies add up and come first, then
/// the first other action decides the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// An endpoint name (`ghl.contact`) or a family (`ghl.*`, `ghl.writes`, `ipinfo.*`, `*`).
    pub endpoint: String,
    /// Only requests about this contact id (for IPinfo: this address; for OAuth: this location or agency).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// How often; `None` means until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The share of matching requests that are hit, 0.0 to 1.0, decided by the seeded generator.
    #[serde(default = "always")]
    pub probability: f64,
    /// What happens.
    pub action: FaultAction,
}

impl Fault {
    /// A fault that hits every request to `endpoint` until it is cleared.
    pub fn new(endpoint: impl Into<String>, action: FaultAction) -> Self {
        Self { endpoint: endpoint.into(), contact: None, times: None, probability: always(), action }
    }

    /// Only the next `times` matching requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only requests about this contact.
    #[must_use]
    pub fn contact(mut self, contact: impl Into<String>) -> Self {
        self.contact = Some(contact.into());
        self
    }

    /// Only this share of the matching requests.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

fn always() -> f64 {
    1.0
}

/// What a [`Fault`] does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultAction {
    /// Waits before anything else happens; composes with the other actions.
    Latency(#[serde(with = "latency")] Duration),
    /// Answers this, without executing the request.
    Status {
        /// HTTP status.
        status: u16,
        /// Body, verbatim.
        #[serde(default)]
        body: String,
        /// `Content-Type`, verbatim.
        #[serde(default = "json_type")]
        content_type: String,
    },
    /// Breaks the connection with a TCP RST before any answer. Not executed.
    Reset,
    /// Never answers. Not executed.
    Hang,
    /// The true answer, a few bytes at a time.
    SlowBody {
        /// Bytes per chunk.
        chunk_bytes: usize,
        /// Pause before each chunk.
        #[serde(rename = "delayMs", with = "millis")]
        delay: Duration,
    },
    /// The true headers, half of the body, then the connection breaks.
    TruncatedBody,
    /// The true status with no body at all.
    EmptyBody,
    /// Status 200 with a JSON body of so many bytes that never closes its string.
    HugeBody {
        /// Bytes.
        bytes: u64,
    },
    /// The true status with broken JSON.
    Malformed,
    /// A content-delivery network's HTML page, 502. Not executed.
    Html502,
    /// GHL's (or IPinfo's) 429, without `Retry-After`. Not executed.
    TooManyRequests,
    /// The request is executed, and the connection breaks before the answer.
    AppliedButLost,
    /// The request is executed, and answered 422 all the same.
    CreatedBut422,
    /// The connection breaks at once, and the request is executed some time later.
    LateApply {
        /// How much later.
        #[serde(rename = "delayMs", with = "millis")]
        delay: Duration,
    },
    /// The request is executed at once, and truly answered some time later.
    SlowAnswer {
        /// How much later.
        #[serde(rename = "delayMs", with = "millis")]
        delay: Duration,
    },
}

impl FaultAction {
    /// [`FaultAction::Status`] with a JSON body.
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self::Status { status, body: body.into(), content_type: json_type() }
    }
}

fn json_type() -> String {
    "application/json".to_owned()
}

mod millis {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        (u64::try_from(value.as_millis()).unwrap_or(u64::MAX)).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_millis(u64::deserialize(input)?))
    }
}

mod latency {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Wire {
        #[serde(with = "super::millis")]
        ms: Duration,
    }

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        Wire { ms: *value }.serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        Ok(Wire::deserialize(input)?.ms)
    }
}

/// The faults in force, with their own generator so that faults never change seeded data.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    active: Vec<Armed>,
    rng: Rng,
}

#[derive(Clone, Debug)]
struct Armed {
    fault: Fault,
    ends: Option<Millis>,
}

/// A request as faults see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    pub(crate) endpoint: &'a str,
    /// Whether it changes something at GHL.
    pub(crate) writes: bool,
    /// The contact or address it is about.
    pub(crate) subject: Option<&'a str>,
    pub(crate) now: Millis,
}

/// What the faults that matched a request do to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    pub(crate) action: Option<FaultAction>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { active: Vec::new(), rng: Rng::new(seed ^ 0xFA_017) }
    }

    /// Arms a fault, until a time if one is given.
    pub(crate) fn add(&mut self, fault: Fault, ends: Option<Millis>) {
        self.active.push(Armed { fault, ends });
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// What is in force.
    pub(crate) fn active(&self, now: Millis) -> Vec<Value> {
        let armed = self.active.iter().filter(|armed| !armed.is_over(now));
        armed.map(Armed::shown).collect()
    }

    /// Decides what happens to one request, and uses up the faults that hit it.
    pub(crate) fn strike(&mut self, aim: Aim<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        self.active.retain(|armed| !armed.is_over(aim.now));
        for Armed { fault, .. } in &mut self.active {
            let latency = match fault.action {
                FaultAction::Latency(delay) => Some(delay),
                _ => None,
            };
            let spare = latency.is_none() && verdict.action.is_some();
            if spare || !matches(fault, aim) || self.rng.unit() >= fault.probability {
                continue;
            }
            fault.times = fault.times.map(|left| left.saturating_sub(1));
            match latency {
                Some(delay) => verdict.latency = verdict.latency.saturating_add(delay),
                None => verdict.action = Some(fault.action.clone()),
            }
        }
        self.active.retain(|armed| armed.fault.times != Some(0));
        verdict
    }
}

impl Armed {
    fn is_over(&self, now: Millis) -> bool {
        self.ends.is_some_and(|ends| now >= ends)
    }

    fn shown(&self) -> Value {
        let mut shown = serde_json::to_value(&self.fault).unwrap_or_default();
        if let (Some(ends), Some(map)) = (self.ends, shown.as_object_mut()) {
            map.insert("endsAt".to_owned(), iso(ends).into());
        }
        shown
    }
}

fn matches(fault: &Fault, aim: Aim<'_>) -> bool {
    let named = match fault.endpoint.strip_suffix('*') {
        Some(prefix) => aim.endpoint.starts_with(prefix),
        None if fault.endpoint == WRITES => aim.writes,
        None => fault.endpoint == aim.endpoint,
    };
    named && fault.times != Some(0) && fault.contact.as_deref().is_none_or(|wanted| aim.subject == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim<'a>(endpoint: &'a str, subject: Option<&'a str>) -> Aim<'a> {
        Aim { endpoint, writes: endpoint.ends_with("_create"), subject, now: 0 }
    }

    #[test]
    fn latencies_add_up_and_the_first_other_action_wins() {
        let mut faults = Faults::new(1);
        faults.add(Fault::new("ghl.*", FaultAction::Latency(Duration::from_millis(20))), None);
        faults.add(Fault::new("ghl.notes", FaultAction::Reset).times(1).contact("a"), None);
        faults.add(Fault::new("*", FaultAction::Html502).times(1), None);
        faults.add(Fault::new("ghl.notes", FaultAction::Latency(Duration::from_millis(5))), None);
        let first = faults.strike(aim("ghl.notes", Some("a")));
        assert_eq!(first, Verdict { latency: Duration::from_millis(25), action: Some(FaultAction::Reset) });
        assert_eq!(faults.strike(aim("ipinfo.lite", None)).action, Some(FaultAction::Html502));
        assert_eq!(faults.strike(aim("ghl.notes", Some("a"))).action, None);
        assert_eq!(faults.active(0).len(), 2);
    }

    #[test]
    fn probability_is_a_share() {
        let mut faults = Faults::new(1);
        faults.add(Fault::new("*", FaultAction::Hang).probability(0.25), None);
        let hits = (0..1000).filter(|_| faults.strike(aim("ghl.contact", None)).action.is_some()).count();
        assert!((200..300).contains(&hits), "{hits}");
    }

    #[test]
    fn json_is_camel_case_and_round_trips() {
        let texts = [
            r#"{"endpoint":"ghl.*","action":{"kind":"latency","ms":80}}"#,
            r#"{"endpoint":"ghl.*","times":2,"action":{"kind":"slowBody","chunkBytes":3,"delayMs":10}}"#,
            r#"{"endpoint":"*","contact":"x","action":{"kind":"status","status":500,"body":"{}"}}"#,
            r#"{"endpoint":"*","probability":0.5,"action":{"kind":"appliedButLost"}}"#,
            r#"{"endpoint":"*","action":{"kind":"createdBut422"}}"#,
            r#"{"endpoint":"*","action":{"kind":"lateApply","delayMs":5}}"#,
            r#"{"endpoint":"*","action":{"kind":"slowAnswer","delayMs":5}}"#,
            r#"{"endpoint":"*","action":{"kind":"html502"}}"#,
        ];
        for text in texts {
            let fault: Fault = serde_json::from_str(text).expect(text);
            let back = serde_json::to_string(&fault).expect("serialises");
            let again: Fault = serde_json::from_str(&back).expect(&back);
            assert_eq!(fault.action, again.action);
        }
        assert!(serde_json::from_str::<Fault>(r#"{"endpoint":"*","action":{"kind":"explode"}}"#).is_err());
    }

    #[test]
    fn all_writes_are_one_family_and_reads_are_none_of_it() {
        let mut faults = Faults::new(1);
        faults.add(Fault::new("ghl.writes", FaultAction::AppliedButLost), None);
        assert_eq!(faults.strike(aim("ghl.notes", None)).action, None);
        assert_eq!(faults.strike(aim("ghl.note_create", None)).action, Some(FaultAction::AppliedButLost));
    }

    #[test]
    fn a_storm_ends_by_the_clock() {
        let mut faults = Faults::new(1);
        faults.add(Fault::new("*", FaultAction::TooManyRequests), Some(100));
        let at = |now: Millis| Aim { now, ..aim("ghl.contact", None) };
        assert_eq!(faults.strike(at(99)).action, Some(FaultAction::TooManyRequests));
        assert_eq!(faults.active(99).len(), 1);
        assert_eq!(faults.strike(at(100)).action, None);
        assert!(faults.active(100).is_empty());
    }
}
