//! A receiver of webhooks for tests: it keeps what it gets, and answers as it is told.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ghl_sandbox::{Sandbox, tokens};
use serde_json::Value;

/// A delivery as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) ed25519: String,
    pub(crate) rsa: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn id(&self) -> String {
        self.json()["webhookId"].as_str().expect("a webhookId").to_owned()
    }

    /// Is it signed with the published key?
    pub(crate) fn is_signed(&self) -> bool {
        verifies(&ED25519, tokens::WEBHOOK_PUBLIC_KEY, &self.body, &self.ed25519)
    }

    pub(crate) fn is_signed_by_rsa(&self, key: &str) -> bool {
        verifies(&RSA_PKCS1_2048_8192_SHA256, key, &self.body, &self.rsa)
    }
}

pub(crate) fn verifies(algorithm: &'static dyn VerificationAlgorithm, key: &str, body: &[u8], signature: &str) -> bool {
    let key = UnparsedPublicKey::new(algorithm, STANDARD.decode(key).expect("a key in base64"));
    STANDARD.decode(signature).is_ok_and(|signature| key.verify(body, &signature).is_ok())
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    /// None at all.
    Silence,
}

#[derive(Debug)]
struct Inner {
    received: Vec<Received>,
    /// The next answers; then `otherwise`.
    script: VecDeque<Answer>,
    otherwise: Answer,
}

#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
    server: ServerHandle,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let (received, script, otherwise) = (Vec::new(), VecDeque::new(), Answer::Status(200));
        let inner = Arc::new(Mutex::new(Inner { received, script, otherwise }));
        let (ready, started) = tokio::sync::oneshot::channel();
        let data = web::Data::new(Arc::clone(&inner));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(data.clone()).default_service(web::to(take));
                let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0);
                let server = server.listen(listener).expect("a server").run();
                ready.send(server.handle()).expect("a test that waits");
                server.await.expect("a server that ends well");
            });
        });
        Self { url, inner, server: started.await.expect("a receiver") }
    }

    pub(crate) async fn stop(&self) {
        self.server.stop(false).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the next deliveries like this.
    pub(crate) fn next(&self, answers: &[Answer]) {
        self.lock().script.extend(answers);
    }

    /// Answers everything like this that is not told otherwise.
    pub(crate) fn always(&self, answer: Answer) {
        self.lock().otherwise = answer;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }
}

async fn take(http: HttpRequest, body: Bytes, inner: web::Data<Arc<Mutex<Inner>>>) -> HttpResponse {
    let header = |name: &str| http.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let received = Received {
        ed25519: header("x-ghl-signature").to_owned(),
        rsa: header("x-wh-signature").to_owned(),
        content_type: header("content-type").to_owned(),
        body,
    };
    let answer = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.received.push(received);
        inner.script.pop_front().unwrap_or(inner.otherwise)
    };
    match answer {
        Answer::Status(status) => HttpResponse::build(StatusCode::from_u16(status).expect("a status")).finish(),
        Answer::Silence => std::future::pending().await,
    }
}

/// Waits for a state, no longer than ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while !holds() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// Waits until nothing is under way any more.
pub(crate) async fn settled(sandbox: &Sandbox) {
    until("all copies come to an end", || sandbox.webhooks_settled()).await;
}
