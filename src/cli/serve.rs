//! `ghl-enrich serve`: the service until SIGTERM or Ctrl-C.

use crate::{app::App, settings::Settings};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until told to stop.
///
/// # Errors
/// Where the service cannot be wired or bound, or fails.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    App::build(settings).await?.run(told_to_stop()?).await
}

/// Resolves at SIGTERM or SIGINT.
pub(super) fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
