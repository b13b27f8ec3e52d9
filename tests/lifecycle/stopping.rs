//! The drain: readiness fails, requests are still answered and told to close, those under way finish, the process ends.

use crate::support::{Client, SHOWCASE, TestApp, eventually};
use futures_util::future::join_all;
use ghl_sandbox::{Fault, FaultAction};
use std::{cell::Cell, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

/// A contact that nobody knows, and that takes its time to be unknown.
const SLOW: &str = "slowContact000000001";

fn profile() -> String {
    format!("/v1/contacts/{SHOWCASE}/profile")
}

/// One exchange over a kept connection: the status, and whether the answer closes it.
async fn exchange(stream: &mut TcpStream, path: &str) -> std::io::Result<(u16, bool)> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or_default();
    let status = number(head.split(' ').nth(1));
    let length = number(head.lines().find_map(|line| line.strip_prefix("content-length:")));
    stream.read_exact(&mut vec![0; length]).await?;
    Ok((u16::try_from(status).unwrap_or_default(), head.contains("\r\nconnection: close\r\n")))
}

/// Asks over one kept connection until an answer closes it, as a well-behaved client does; counts answers.
async fn ask_until_told_to_close(address: SocketAddr, answers: &Cell<u32>) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    loop {
        let (status, close) = exchange(&mut stream, &profile()).await.expect("no request fails");
        assert_eq!(status, 200);
        answers.set(answers.get() + 1);
        if close {
            return;
        }
    }
}

#[actix_web::test]
async fn no_request_fails_across_a_stop() {
    let mut app = TestApp::with(&[("http.drain_ms", "800")]).await;
    app.profile(SHOWCASE).await;
    let latency = FaultAction::Latency(Duration::from_millis(1500));
    app.sandbox.inject(Fault::new("ghl.contact", latency).contact(SLOW));
    let (client, admin, sandbox) = (app.client.clone(), app.admin.clone(), app.sandbox.clone());
    let answers = Cell::new(0);
    let kept = join_all((0..8).map(|_| ask_until_told_to_close(client.address(), &answers)));
    let begun_before_and_ended_after_the_drain = async {
        let reply = client.get(&format!("/v1/contacts/{SLOW}/profile")).await;
        reply.assert_problem(404, "contact-not-found");
    };
    let stop = async {
        eventually("all are at it", || sandbox.calls().count("ghl.contact") == 2 && answers.get() > 50).await;
        let told = Instant::now();
        app.stop().await.expect("ends well");
        told.elapsed()
    };
    let during = async {
        admin.until_status("/readyz", 503).await;
        assert_eq!(admin.get("/readyz").await.json()["state"], "draining");
        assert_eq!(client.get("/readyz").await.status, 503);
        assert_eq!(admin.get("/livez").await.status, 200);
        let fresh = client.get(&profile()).await;
        assert_eq!((fresh.status, fresh.header("connection")), (200, Some("close")), "still served: {fresh:?}");
    };
    let (_, (), took, ()) = tokio::join!(kept, begun_before_and_ended_after_the_drain, stop, during);
    assert!(took >= Duration::from_millis(800) && took < Duration::from_secs(6), "{took:?}");
    assert!(TcpStream::connect(client.address()).await.is_err(), "and the port is closed");
}

#[actix_web::test]
async fn an_idle_kept_connection_does_not_hold_up_the_end() {
    let mut app = TestApp::start().await;
    let mut idle = TcpStream::connect(app.client.address()).await.unwrap();
    assert_eq!(exchange(&mut idle, "/livez").await.unwrap(), (200, false));
    let told = Instant::now();
    app.stop().await.expect("ends well");
    assert!(told.elapsed() < Duration::from_secs(3), "took {:?}", told.elapsed());
}

#[actix_web::test]
async fn a_refresh_behind_an_answer_ends_before_the_process() {
    let mut app = TestApp::start().await;
    app.profile(SHOWCASE).await;
    app.advance(61);
    app.sandbox.inject(Fault::new("ghl.*", FaultAction::Latency(Duration::from_millis(500))));
    assert_eq!(app.get(&profile()).await.status, 200);
    let profiles = app.parts.profiles.clone();
    eventually("the refresh is under way", || app.calls("ghl.contact") == 2 && profiles.loads_under_way() > 0).await;
    app.stop().await.expect("ends well");
    assert_eq!(profiles.loads_under_way(), 0);
}

#[actix_web::test]
async fn work_that_hangs_is_given_up_when_its_time_is_over() {
    let mut app = TestApp::with(&[("http.shutdown_ms", "1000")]).await;
    app.sandbox.inject(Fault::new("ghl.*", FaultAction::Hang));
    let hanging: TcpStream = Client::new(app.client.address()).open("GET", &profile(), None).await;
    eventually("the load hangs", || app.calls("ghl.contact") == 1).await;
    let told = Instant::now();
    app.stop().await.expect("ends well");
    assert!(told.elapsed() < Duration::from_secs(6), "took {:?}", told.elapsed());
    drop(hanging);
}
