//! What a call travels through: HTTP in the service, a script in tests.

use super::{
    CallError,
    call::{Answer, Method, SensitiveBody, SensitiveValue},
};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use reqwest::{Url, header};
use std::{borrow::Cow, error::Error as _, fmt, sync::Arc, time::Duration};

/// A request on its way out.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "as in `Call`")]
pub struct WireRequest {
    pub method: Method,
    pub segments: Vec<Cow<'static, str>>,
    pub query: Vec<(&'static str, String)>,
    pub headers: Vec<(&'static str, SensitiveValue)>,
    pub body: Option<SensitiveBody>,
    pub traceparent: Option<Arc<str>>,
}

/// Request in, whole bounded answer out.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request. Any status is an answer; only the wire can fail here.
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>>;
}

/// Bounds of an HTTP transport.
#[derive(Debug, Clone, Copy)]
pub struct TransportLimits {
    /// To make a connection.
    pub connect: Duration,
    /// Between two reads of an answer.
    pub read: Duration,
    /// Largest answer, bytes.
    pub max_body_bytes: usize,
}

/// HTTP over a connection pool.
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    base: Url,
    max_body_bytes: usize,
    read: Duration,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// Why a transport cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportSetupError {
    /// The base URL is none.
    #[error("the base URL is not an http(s) URL such as https://services.example")]
    BaseUrl,
    /// TLS could not be set up, for want of CA roots most likely.
    #[error("the HTTP client could not be set up: {0} (are CA certificates installed?)")]
    Client(String),
}

impl HttpTransport {
    /// A transport to `base_url`. GHL's edge refuses default user agents of some libraries, so a real one is sent.
    ///
    /// # Errors
    /// Where `base_url` is no http(s) URL, or TLS cannot be set up.
    pub fn new(base_url: &str, limits: TransportLimits) -> Result<Self, TransportSetupError> {
        let base = Url::parse(base_url).map_err(|_| TransportSetupError::BaseUrl)?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(TransportSetupError::BaseUrl);
        }
        let client = reqwest::Client::builder()
            .connect_timeout(limits.connect)
            .read_timeout(limits.read)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("ghl-enrich/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| TransportSetupError::Client(sources_of(&error)))?;
        Ok(Self { client, base, max_body_bytes: limits.max_body_bytes, read: limits.read })
    }

    fn url(&self, request: &WireRequest) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(request.segments.iter().map(AsRef::as_ref));
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    fn build(&self, request: WireRequest) -> reqwest::RequestBuilder {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.client.request(method, self.url(&request)).header(header::ACCEPT, "application/json");
        for (name, value) in &request.headers {
            builder = match header::HeaderValue::from_str(value.expose()) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    builder.header(*name, value)
                }
                // reqwest turns the invalid text into its own error when the request is sent.
                Err(_) => builder.header(*name, "\n"),
            };
        }
        if let Some(traceparent) = &request.traceparent {
            builder = builder.header("traceparent", &**traceparent);
        }
        match request.body {
            Some(body) => builder.header(header::CONTENT_TYPE, body.media_type).body(body.bytes),
            None => builder,
        }
    }

    async fn exchange(&self, request: WireRequest) -> Result<Answer, CallError> {
        let mut response = self.build(request).send().await.map_err(|error| self.classify(&error))?;
        let too_large = CallError::BodyTooLarge(self.max_body_bytes);
        if response.content_length().is_some_and(|length| length > self.max_body_bytes as u64) {
            return Err(too_large);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.classify(&error))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        Ok(Answer { status: response.status().as_u16(), headers, body: body.freeze() })
    }

    /// reqwest's error text holds the URL, and so perhaps a token or an address: only its sources are kept.
    fn classify(&self, error: &reqwest::Error) -> CallError {
        let text = sources_of(error);
        if error.is_connect() || error.is_builder() {
            CallError::Connect(text)
        } else if error.is_timeout() {
            CallError::TimedOut(self.read)
        } else {
            CallError::Broken(text)
        }
    }
}

/// What lies behind an error, without its own text.
fn sources_of(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut source = error.source();
    while let Some(inner) = source {
        texts.push(inner.to_string());
        source = inner.source();
    }
    texts.join(": ")
}

impl Transport for HttpTransport {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        Box::pin(self.exchange(request))
    }
}
