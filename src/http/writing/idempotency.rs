//! `Idempotency-Key`: under which key a client may repeat a request, and what the request said.
//!
//! The header as in draft-ietf-httpapi-idempotency-key-header: a string of RFC 8941 (`"…"`), or, as most clients send it,
//! the bare key.

use crate::domain::{ids::LocationId, operation::Idempotency, problem::Problem};
use actix_web::{
    HttpRequest,
    http::header::{HeaderMap, HeaderName},
};
use aws_lc_rs::digest;
use serde_json::Value;

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key.
const MAX_KEY_CHARS: usize = 255;

/// The key of a request, with its scope and fingerprint; `body` is what the request said beside method and path.
///
/// # Errors
/// `invalid-parameter`, naming the header.
pub(in crate::http) fn idempotency(
    request: &HttpRequest,
    location: &LocationId,
    api_key: Option<&str>,
    body: &Value,
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = read_key(request.headers())? else { return Ok(None) };
    // No key's name can make one client's scope another's: neither a location's id nor these words hold a colon.
    let scope = api_key.map_or_else(|| format!("{location}:anonymous"), |name| format!("{location}:key:{name}"));
    let fingerprint = fingerprint(request.method().as_str(), request.path(), body);
    Ok(Some(Idempotency { scope, key, fingerprint }))
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let refuse = |message: String| Err(Problem::parameter("Idempotency-Key", message));
    if values.next().is_some() {
        return refuse("must be given once".to_owned());
    }
    let key = value.to_str().ok().and_then(|text| unquoted(text.trim()));
    match key {
        Some(key) if key.is_empty() => refuse("must not be empty".to_owned()),
        Some(key) if key.len() > MAX_KEY_CHARS => refuse(format!("has at most {MAX_KEY_CHARS} characters")),
        Some(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(key)),
        Some(_) | None => refuse("consists of visible ASCII characters without blanks, quoted or not".to_owned()),
    }
}

/// The text of an RFC 8941 string, or a bare key as it is; nothing where quotes do not pair.
fn unquoted(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return (!text.contains('"')).then(|| text.to_owned());
    };
    let (mut key, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(key),
            '\\' => key.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            other => key.push(other),
        }
    }
}

/// SHA-256 over what a request said. The body counts by its content: neither blanks nor the order of names matter.
fn fingerprint(method: &str, path: &str, body: &Value) -> [u8; 32] {
    let mut said = digest::Context::new(&digest::SHA256);
    for part in [method, path] {
        said.update(part.as_bytes());
        said.update(&[0]);
    }
    let mut canonical = Vec::new();
    write_canonical(body, &mut canonical);
    said.update(&canonical);
    let mut hash = [0; 32];
    hash.copy_from_slice(said.finish().as_ref());
    hash
}

/// JSON with sorted names and no blanks. Nesting is bounded: the body was checked by `json_guard`.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, value) in entries {
                write_scalar(&Value::from(name.as_str()), out);
                out.push(b':');
                write_canonical(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(scalar: &Value, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, scalar);
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use serde_json::json;

    fn key(value: &str) -> Result<Option<String>, Problem> {
        read_key(TestRequest::default().insert_header((IDEMPOTENCY_KEY, value)).to_http_request().headers())
    }

    #[test]
    fn a_key_comes_quoted_or_bare() {
        let long = "k".repeat(MAX_KEY_CHARS);
        for (sent, read) in [
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
            ("\"8e03978e\"", "8e03978e"),
            ("\"a\\\"b\\\\c\"", "a\"b\\c"),
            ("order:42/7,x;y", "order:42/7,x;y"),
            (&long, &long),
        ] {
            assert_eq!(key(sent).unwrap().as_deref(), Some(read), "{sent}");
        }
        assert_eq!(read_key(TestRequest::default().to_http_request().headers()), Ok(None));
    }

    #[test]
    fn a_key_that_is_none_is_refused_by_name() {
        for bad in
            ["", "\"\"", "a b", "\"a b\"", "\"a", "a\"", "\"a\"b", "\"a\\n\"", "\"a\";x=1", "ä", &"k".repeat(256)]
        {
            let problem = key(bad).expect_err(bad);
            assert_eq!(problem.errors[0].pointer, "Idempotency-Key", "{bad}");
        }
        let twice = TestRequest::default().append_header((IDEMPOTENCY_KEY, "a")).append_header((IDEMPOTENCY_KEY, "a"));
        assert!(read_key(twice.to_http_request().headers()).is_err());
    }

    #[test]
    fn a_fingerprint_is_of_the_content_and_of_all_of_it() {
        let body = json!({"a": [1, {"x": null}], "b": "ü"});
        let other_order: Value = serde_json::from_str("{ \"b\": \"\\u00fc\", \"a\": [1, {\"x\":null}] }").unwrap();
        let of = |method, path, body: &Value| fingerprint(method, path, body);
        let first = of("POST", "/v1/contacts", &body);
        assert_eq!(of("POST", "/v1/contacts", &other_order), first);
        for other in [
            of("PUT", "/v1/contacts", &body),
            of("POST", "/v1/contacts/a", &body),
            of("POST", "/v1/contacts", &json!({"a": [1, {"x": null}], "b": "u"})),
            of("POST", "/v1/contacts", &json!({"a": [{"x": null}, 1], "b": "ü"})),
            of("POST", "/v1/contacts", &json!({"a": [1], "x": null, "b": "ü"})),
            of("POST", "/v1/contacts", &json!({"a": ["1", {"x": null}], "b": "ü"})),
            of("POST", "/v1/contacts", &Value::Null),
        ] {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn clients_and_locations_never_share_a_key() {
        let request = TestRequest::post().insert_header((IDEMPOTENCY_KEY, "k")).to_http_request();
        let (one, two) = (LocationId::parse("one").unwrap(), LocationId::parse("two").unwrap());
        let scope = |location, key| idempotency(&request, location, key, &Value::Null).unwrap().unwrap().scope;
        let scopes = [scope(&one, None), scope(&two, None), scope(&one, Some("anonymous")), scope(&one, Some("a"))];
        for (at, left) in scopes.iter().enumerate() {
            assert!(scopes[at + 1..].iter().all(|right| left != right), "{scopes:?}");
        }
    }
}
