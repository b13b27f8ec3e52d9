//! The command line: one file a subcommand.

pub mod args;
pub mod check;
#[cfg(feature = "demo")]
pub mod demo;
pub mod healthcheck;
pub mod keys;
pub mod lookup;
pub mod openapi;
pub mod profile;
pub mod serve;
pub mod source;

use crate::{
    settings::{Loaded, Settings, Sources},
    telemetry::logs,
};
use args::{Command, CommandLine};
use clap::Parser as _;
use std::{io::Write as _, process::ExitCode};

/// Threads for upstream calls and background work; HTTP workers have threads of their own.
const BACKGROUND_THREADS: usize = 2;

/// Parses the command line and does what it says. Failure is a message on standard error and exit code 1.
#[must_use]
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND_THREADS)
        .thread_name("ghl-enrich")
        .enable_all()
        .build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(obey(line)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Standard error may be closed; the exit code says it all the same.
            let _ = writeln!(std::io::stderr(), "ghl-enrich: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does it, and says whether all is well.
async fn obey(line: CommandLine) -> anyhow::Result<bool> {
    let sources = line.sources();
    match line.command {
        Command::Serve(_) => with_settings(sources, |loaded| serve::serve(loaded.settings)).await?,
        #[cfg(feature = "demo")]
        Command::Demo(args) => {
            let by_oauth = args.oauth.then(|| demo::browsers_come_back_to(args.bind)).transpose()?;
            let sandbox = demo::start_sandbox(args.sandbox_bind, args.seed).await?;
            let mut sources = sources;
            sources.flags.extend(demo::settings_for(sandbox.addr()));
            if let Some(redirect_url) = &by_oauth {
                sources.flags.extend(demo::oauth_settings_for(sandbox.addr(), redirect_url));
            }
            with_settings(sources, |loaded| demo::demo(loaded.settings, sandbox, by_oauth.is_some())).await?;
        }
        Command::Profile(args) => {
            let wanted = profile::Wanted::from(args);
            with_settings(sources, |loaded| profile::profile(loaded.settings, wanted)).await?;
        }
        Command::Lookup(args) => {
            with_settings(sources, |loaded| lookup::lookup(loaded.settings, args.addresses, args.json)).await?;
        }
        Command::Source(args) => {
            return with_settings(sources, |loaded| source::source(loaded.settings, args.command)).await;
        }
        Command::Check => return with_settings(sources, check::check).await,
        Command::Openapi(args) => openapi::openapi(args.output.as_deref())?,
        Command::Keys(args) => keys::run(&args, &mut std::io::stdout().lock())?,
        Command::Healthcheck(args) => healthcheck::run(&args, &sources).await?,
    }
    Ok(true)
}

/// Loads the settings, starts the log, and runs `work` with both.
async fn with_settings<W, F, T>(sources: Sources, work: W) -> anyhow::Result<T>
where
    W: FnOnce(Loaded) -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let loaded = Settings::load(sources)?;
    let _log = logs::init(&loaded.settings.telemetry)?;
    work(loaded).await
}

/// Prints a line; a closed standard output ends a pipe, not us.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
