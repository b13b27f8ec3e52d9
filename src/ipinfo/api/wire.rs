//! What `IPinfo` answers, by plan, and what it means. Every field may be missing or of an odd type; only an answer that is
//! no object at all is not understood.

use super::refusal;
use crate::{
    domain::ip::{Asn, Geo, Privacy, Traits},
    ipinfo::{
        error::ApiError,
        facts::{Facts, asn_text},
        lossy::{Node, Scalar},
        record::{Kind, Record},
    },
    settings::Plan,
    upstream::CallError,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The facts of one answer, or of one entry of a batch's.
pub(super) fn facts(plan: Plan, answer: &Value) -> Result<Facts, ApiError> {
    let Value::Object(object) = answer else { return Err(surprise("an object was expected")) };
    if let Some(refused) = refusal::in_object(object) {
        return Err(refused);
    }
    if object.get("bogon").and_then(Value::as_bool) == Some(true) {
        return Ok(Facts { bogon: true, plan: Some(plan_name(plan, object)), ..Facts::default() });
    }
    let facts = match plan {
        Plan::Lite => Record::deserialize(answer).map(|lite| lite.facts(Kind::Place)),
        Plan::Lookup => Lookup::deserialize(answer).map(|lookup| lookup.facts()),
        Plan::Legacy => {
            Legacy::deserialize(answer).and_then(|legacy| Record::deserialize(answer).map(|place| legacy.facts(&place)))
        }
    };
    let facts = facts.map_err(|error| surprise(&error.to_string()))?;
    Ok(Facts { plan: Some(plan_name(plan, object)), ..facts })
}

pub(super) fn surprise(message: &str) -> ApiError {
    ApiError::Call(CallError::Decode { path: ".".into(), message: message.to_owned() })
}

/// Which plan an answer shows: Core, Plus and Max share an endpoint, and the token decides.
fn plan_name(plan: Plan, answer: &Map<String, Value>) -> &'static str {
    let anonymous = answer.get("anonymous").and_then(Value::as_object);
    let has = |key: &str| anonymous.is_some_and(|anonymous| anonymous.contains_key(key));
    match plan {
        Plan::Lite => "lite",
        Plan::Legacy => "legacy",
        Plan::Lookup if has("is_res_proxy") || has("percent_days_seen") => "max",
        Plan::Lookup if anonymous.is_some() || answer.contains_key("mobile") => "plus",
        Plan::Lookup => "core",
    }
}

/// `/lookup/{ip}`: Core, Plus and Max. Each part is a flat record of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lookup<'a> {
    #[serde(borrow)]
    geo: Node<'a, Record<'a>>,
    #[serde(borrow, rename = "as")]
    system: Node<'a, Record<'a>>,
    #[serde(borrow)]
    company: Node<'a, Record<'a>>,
    #[serde(borrow)]
    mobile: Node<'a, Record<'a>>,
    #[serde(borrow)]
    anonymous: Node<'a, Record<'a>>,
    #[serde(borrow)]
    privacy: Node<'a, Record<'a>>,
    #[serde(borrow)]
    is_anonymous: Scalar<'a>,
    #[serde(borrow)]
    is_anycast: Scalar<'a>,
    #[serde(borrow)]
    is_hosting: Scalar<'a>,
    #[serde(borrow)]
    is_mobile: Scalar<'a>,
    #[serde(borrow)]
    is_satellite: Scalar<'a>,
}

/// `ipinfo.io/{ip}/json`, but for the place, which is read as a flat record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Legacy<'a> {
    #[serde(borrow)]
    loc: Scalar<'a>,
    #[serde(borrow)]
    org: Scalar<'a>,
    #[serde(borrow)]
    postal: Scalar<'a>,
    #[serde(borrow)]
    anycast: Scalar<'a>,
    #[serde(borrow)]
    asn: Node<'a, Record<'a>>,
    #[serde(borrow)]
    company: Node<'a, Record<'a>>,
    #[serde(borrow)]
    carrier: Node<'a, Record<'a>>,
    #[serde(borrow)]
    privacy: Node<'a, Record<'a>>,
}

impl Lookup<'_> {
    fn facts(&self) -> Facts {
        let hidden = if self.anonymous.map.is_some() { &self.anonymous } else { &self.privacy };
        Facts {
            geo: self.geo.inner(Record::geo),
            asn: self.system.inner(|system| system.asn(Kind::Asn)),
            company: self.company.inner(Record::company),
            carrier: self.mobile.inner(|mobile| mobile.carrier(Kind::Carrier)),
            privacy: Privacy { anonymous: self.is_anonymous.flag(), ..hidden.inner(hidden_by) },
            traits: Traits {
                hosting: self.is_hosting.flag().or_else(|| self.privacy.inner(|privacy| privacy.hosting.flag())),
                mobile: self.is_mobile.flag(),
                anycast: self.is_anycast.flag(),
                satellite: self.is_satellite.flag(),
            },
            ..Facts::default()
        }
        .settled()
    }
}

impl Legacy<'_> {
    fn facts(&self, place: &Record<'_>) -> Facts {
        let (latitude, longitude) = self.coordinates();
        Facts {
            geo: Geo { latitude, longitude, postal_code: self.postal.string(), ..place.geo() },
            asn: self.asn.inner(|asn| asn.asn(Kind::Asn)).or_else(|| self.system_of_org()),
            company: self.company.inner(Record::company),
            carrier: self.carrier.inner(|carrier| carrier.carrier(Kind::Carrier)),
            privacy: self.privacy.inner(hidden_by),
            traits: Traits {
                hosting: self.privacy.inner(|privacy| privacy.hosting.flag()),
                anycast: self.anycast.flag(),
                ..Traits::default()
            },
            ..Facts::default()
        }
        .settled()
    }

    /// `loc` is "lat,lon".
    fn coordinates(&self) -> (Option<f64>, Option<f64>) {
        let text = self.loc.text().unwrap_or_default();
        let Some((north, east)) = text.split_once(',') else { return (None, None) };
        (Scalar::Text(north.into()).number(), Scalar::Text(east.into()).number())
    }

    /// `org` is "AS15169 Google LLC" in plans without `asn`.
    fn system_of_org(&self) -> Option<Asn> {
        let text = self.org.text().filter(|text| text.starts_with("AS"))?;
        let (number, name) = text.split_once(' ').unwrap_or((&text, ""));
        let asn = asn_text(Scalar::Text(number.into()).asn()?);
        Some(Asn { asn, name: Scalar::Text(name.into()).string(), domain: None, kind: None })
    }
}

/// `anonymous` calls the service `name`, legacy `privacy` calls it `service`.
fn hidden_by(record: &Record<'_>) -> Privacy {
    let privacy = record.privacy(Kind::Place);
    Privacy { service: privacy.service.or_else(|| record.name.string()), ..privacy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ip::Precision;
    use proptest::prelude::*;
    use serde_json::json;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ipinfo/");

    fn fixture(name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(format!("{FIXTURES}{name}")).unwrap()).unwrap()
    }

    #[test]
    fn lite_tells_country_and_network() {
        let answer = json!({"ip": "8.8.8.8", "asn": "AS15169", "as_name": "Google LLC", "as_domain": "google.com",
            "country_code": "US", "country": "United States", "continent_code": "NA", "continent": "North America"});
        let lite = facts(Plan::Lite, &answer).unwrap();
        assert_eq!((lite.plan, lite.precision()), (Some("lite"), Precision::Country));
        assert_eq!(lite.geo.currency.as_deref(), Some("USD"));
        assert_eq!(lite.asn.unwrap().domain.as_deref(), Some("google.com"));
        let bare = facts(Plan::Lite, &json!({"ip": "1.0.1.1", "country_code": "CN"})).unwrap();
        assert_eq!((bare.asn, bare.geo.country.as_deref()), (None, Some("China")));
    }

    #[test]
    fn core_plus_and_max_are_told_apart() {
        let mut answer = json!({"ip": "1.1.1.1", "hostname": "one.one.one.one",
            "geo": {"city": "Sydney", "region": "New South Wales", "region_code": "NSW", "country": "Australia",
                "country_code": "AU", "continent": "Oceania", "continent_code": "OC", "latitude": -33.9,
                "longitude": 151, "timezone": "Australia/Sydney", "postal_code": "1001"},
            "as": {"asn": "AS13335", "name": "Cloudflare, Inc.", "domain": "cloudflare.com", "type": "hosting"},
            "is_anonymous": true, "is_anycast": true, "is_hosting": false, "is_mobile": false, "is_satellite": false});
        let core = facts(Plan::Lookup, &answer).unwrap();
        assert_eq!((core.plan, core.precision(), core.geo.longitude), (Some("core"), Precision::City, Some(151.0)));
        assert_eq!((core.privacy.anonymous, core.privacy.vpn, core.traits.hosting), (Some(true), None, Some(false)));
        assert_eq!(core.asn.as_ref().unwrap().kind.as_deref(), Some("hosting"));

        answer["mobile"] = json!({});
        answer["anonymous"] = json!({"name": "Some VPN", "is_vpn": true, "is_tor": false});
        answer["geo"]["radius"] = json!(50);
        let plus = facts(Plan::Lookup, &answer).unwrap();
        assert_eq!((plus.plan, plus.carrier, plus.geo.accuracy_radius_km), (Some("plus"), None, Some(50)));
        assert_eq!((plus.privacy.vpn, plus.privacy.service.as_deref()), (Some(true), Some("Some VPN")));

        answer["anonymous"]["is_res_proxy"] = json!(true);
        answer["mobile"] = json!({"name": "Optus", "mcc": "505", "mnc": "02"});
        let max = facts(Plan::Lookup, &answer).unwrap();
        assert_eq!((max.plan, max.privacy.residential_proxy), (Some("max"), Some(true)));
        assert_eq!(max.carrier.unwrap().mnc.as_deref(), Some("02"));
    }

    #[test]
    fn legacy_is_read_with_all_its_modules() {
        let isp = facts(Plan::Legacy, &fixture("legacy_api_sample_isp.json")).unwrap();
        assert_eq!((isp.geo.country_code.as_deref(), isp.geo.country.as_deref()), (Some("ES"), Some("Spain")));
        assert_eq!((isp.geo.latitude, isp.geo.postal_code.as_deref()), (Some(42.1997), Some("36393")));
        assert_eq!((isp.privacy.vpn, isp.privacy.anonymous, isp.privacy.service), (Some(false), Some(false), None));
        assert_eq!(isp.asn.unwrap().asn, "AS12430");
        let vpn = facts(Plan::Legacy, &fixture("legacy_api_sample_vpn.json")).unwrap();
        assert_eq!((vpn.privacy.vpn, vpn.privacy.service.as_deref()), (Some(true), Some("HideMyAss")));
    }

    #[test]
    fn legacy_org_is_split_where_asn_is_missing() {
        let of = |org: &str| facts(Plan::Legacy, &json!({"org": org, "loc": "0,0", "country": "US"})).unwrap();
        let google = of("AS15169 Google LLC");
        assert_eq!((google.geo.latitude, google.geo.longitude), (Some(0.0), Some(0.0)));
        let asn = google.asn.unwrap();
        assert_eq!((asn.asn.as_str(), asn.name.as_deref()), ("AS15169", Some("Google LLC")));
        assert_eq!(of("AS15169").asn.unwrap().name, None);
        assert_eq!(of("Google LLC").asn, None);
    }

    #[test]
    fn an_error_is_never_no_data() {
        for plan in [Plan::Lite, Plan::Lookup, Plan::Legacy] {
            let refused = facts(plan, &json!({"error": "Please provide a valid IP address"})).unwrap_err();
            assert_eq!(refused.code(), "refused");
            assert_eq!(facts(plan, &json!("US")).unwrap_err().code(), "decode");
            assert!(facts(plan, &json!({"ip": "8.8.8.8", "bogon": true})).unwrap().bogon);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 16, 4, |inner| {
            let key = prop_oneof![Just("name"), Just("asn"), Just("country"), Just("type"), Just("vpn")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec((key.prop_map(str::to_owned), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn odd_types_fail_no_answer(values in prop::collection::vec(any_json(), 9)) {
            let keys = ["geo", "as", "asn", "country", "loc", "anonymous", "privacy", "is_mobile", "company"];
            let object: Map<_, _> = keys.into_iter().map(str::to_owned).zip(values).collect();
            for plan in [Plan::Lite, Plan::Lookup, Plan::Legacy] {
                prop_assert!(facts(plan, &Value::Object(object.clone())).is_ok());
            }
        }
    }
}
