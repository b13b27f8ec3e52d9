//! `ghl-enrich`: see `cli`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ghl_enrich::cli::run()
}
