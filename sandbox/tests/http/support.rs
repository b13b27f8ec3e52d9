//! A client for tests: one method a kind of call, answers as status, headers and JSON.

use ghl_sandbox::{Sandbox, SandboxConfig, tokens};
use serde_json::{Value, json};

pub(crate) const OLIVIA: &str = tokens::EXAMPLE_CONTACT;
pub(crate) const HERE: &str = tokens::LOCATION_1;

#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) sandbox: Sandbox,
    token: Option<String>,
    version: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The `message` of an error, for the status it must have.
    #[track_caller]
    pub(crate) fn message(self, status: u16) -> Value {
        self.expect(status)["message"].clone()
    }
}

/// A seeded sandbox and a client of location 1.
pub(crate) async fn start() -> Client {
    with(SandboxConfig { quota: ghl_sandbox::QuotaProfile::Unlimited, ..SandboxConfig::default() }).await
}

pub(crate) async fn with(config: SandboxConfig) -> Client {
    Client {
        http: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client"),
        sandbox: Sandbox::start(config).await.expect("a sandbox"),
        token: Some(tokens::PIT_LOCATION_1.to_owned()),
        version: Some("2021-07-28".to_owned()),
    }
}

impl Client {
    pub(crate) fn token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    pub(crate) fn version(&self, version: Option<&str>) -> Self {
        Self { version: version.map(str::to_owned), ..self.clone() }
    }

    pub(crate) fn v3(&self) -> Self {
        self.version(Some("v3"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    /// A form, with no token: what `/oauth/token` takes.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.sandbox.base_url());
        let encoded = reqwest::Url::parse_with_params(&url, fields).expect("a URL");
        let mut request = self.http.post(url).body(encoded.query().unwrap_or_default().to_owned());
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(version) = &self.version {
            request = request.header("version", version);
        }
        answer(request.send().await.expect("an answer")).await.expect("a body")
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub(crate) async fn search(&self, mut body: Value) -> Answer {
        for (key, value) in [("locationId", json!(HERE)), ("pageLimit", json!(20))] {
            if body.get(key).is_none() {
                body[key] = value;
            }
        }
        self.post("/contacts/search", body).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.try_send(method, path, body).await.expect("an answer")
    }

    pub(crate) async fn try_send(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<Answer> {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.sandbox.base_url()));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(version) = &self.version {
            request = request.header("version", version);
        }
        request = request.header("accept", "application/json");
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await?).await
    }
}

async fn answer(response: reqwest::Response) -> reqwest::Result<Answer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}
