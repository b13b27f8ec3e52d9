//! The bare thing: actix-web routes that return a file's bytes, one of them once it has read what was sent.

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
        let (body, short) = (body.clone(), body.clone());
        let acknowledge = web::post().to(move |_: web::Bytes| {
            let body = short.clone();
            async move { HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body) }
        });
        App::new().service(web::resource("/webhooks/ghl").route(acknowledge)).service(
            web::resource("/v1/contacts/{contactId}/profile").route(web::get().to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body) }
            })),
        )
    })
    .workers(1)
    .tcp_nodelay(true)
    .bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}
