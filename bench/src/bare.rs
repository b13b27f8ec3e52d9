//! The bare thing: an actix-web route that returns a file's bytes.

use actix_web::{App, HttpResponse, HttpServer, http::header, web};
use std::path::PathBuf;

/// Options of the bare server.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// File whose bytes are returned.
    #[arg(long)]
    body: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the parent reads the address")]
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let body = web::Bytes::from(std::fs::read(options.body)?);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().service(web::resource("/v1/contacts/{contactId}/profile").route(web::get().to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body) }
        })))
    })
    .workers(1)
    .tcp_nodelay(true)
    .bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}
