//! The guard around a call, under a paused clock with a scripted transport.

mod governed;
mod outages;
mod server;

use super::*;
use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Answers after a delay.
#[derive(Debug)]
struct Scripted {
    delay: Duration,
    status: u16,
    body: &'static str,
}

impl Transport for Scripted {
    fn send(&self, _: WireRequest) -> BoxFuture<'_, Result<Answer, CallError>> {
        Box::pin(async {
            tokio::time::sleep(self.delay).await;
            Ok(Answer { status: self.status, headers: Vec::new(), body: Bytes::from_static(self.body.as_bytes()) })
        })
    }
}

fn upstream(delay_ms: u64, status: u16) -> Upstream {
    let transport = Scripted { delay: Duration::from_millis(delay_ms), status, body: r#"{"a":[{"b":"x"}]}"# };
    Upstream::new(Service::Ghl, Arc::new(transport), Duration::from_secs(5), Metrics::new())
}

fn call() -> Call {
    Call::get("ghl.test", ["test"])
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_time_out_and_deadline_ends_a_call() {
    let slow = upstream(60_000, 200);
    let generous = CallContext::new(Lane::Interactive, Duration::from_secs(30));
    assert_eq!(slow.call(call(), &generous).await.unwrap_err(), CallError::TimedOut(Duration::from_secs(5)));
    let hasty = CallContext::new(Lane::Interactive, Duration::from_secs(1));
    assert_eq!(slow.call(call(), &hasty).await.unwrap_err(), CallError::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_call_leaves_its_time() {
    let context = CallContext::new(Lane::Bulk, Duration::from_secs(1));
    upstream(80, 200).call(call(), &context).await.unwrap();
    let timings = context.timings.snapshot();
    assert_eq!(timings.len(), 1);
    assert_eq!((timings[0].endpoint, timings[0].took.as_millis()), ("ghl.test", 80));
}

#[tokio::test(start_paused = true)]
async fn another_status_is_an_error_and_keeps_the_body() {
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(1));
    let error = upstream(0, 502).call(call(), &context).await.unwrap_err();
    assert!(matches!(error, CallError::Status { status: 502, ref body, .. } if body.contains("\"b\"")));
    assert!(error.outcome_known());
}

#[tokio::test(start_paused = true)]
async fn a_decode_error_names_the_path() {
    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its type matters")]
        b: u32,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its type matters")]
        a: Vec<Inner>,
    }
    let context = CallContext::new(Lane::Interactive, Duration::from_secs(1));
    let answer = upstream(0, 200).call(call(), &context).await.unwrap();
    let error = answer.json::<Outer>().unwrap_err();
    assert!(matches!(error, CallError::Decode { ref path, .. } if path == "a[0].b"), "{error:?}");
}
