//! The command line as typed. Knows words and types; what they do is each subcommand's own file.

use crate::{
    domain::{
        ids::{ContactId, LocationId},
        source::SourceName,
    },
    settings::{ApiKey, Role, Sources},
};
use clap::{Args, Parser, Subcommand};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// One complete, enriched profile for a `GoHighLevel` contact, served from memory.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "ghl-enrich",
    bin_name = "ghl-enrich",
    version,
    propagate_version = true,
    about = "One complete, enriched profile for a GoHighLevel contact, served from memory",
    after_help = "Every setting can be given in a file (--config) or as a variable ENRICH_SECTION__KEY, e.g. \
                  ENRICH_HTTP__BIND; GHL_TOKEN and IPINFO_TOKEN hold the tokens. `ghl-enrich check` lists them all."
)]
pub struct CommandLine {
    /// Read settings from this TOML file, over the built-in defaults.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the HTTP API.
    Serve(ServeArgs),
    /// Try everything out: the service and a stand-in for GHL and IPinfo, on this machine alone.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Print one contact's profile as JSON.
    Profile(ProfileArgs),
    /// Print what is known of IP addresses.
    Lookup(LookupArgs),
    /// Show the effective settings, try each upstream, and say what is wrong and how to mend it.
    Check,
    /// Print the OpenAPI document.
    Openapi(OpenapiArgs),
    /// Outside systems that push: list them, or try out what a payload of theirs comes to.
    Source(SourceArgs),
    /// Make API keys, and the key that tokens are sealed with.
    Keys(KeysArgs),
    /// Ask a running service whether it is ready: exit code 0 if it is, 1 if not.
    Healthcheck(HealthcheckArgs),
}

/// `serve`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ServeArgs {
    /// Address and port of the public API [default: the setting http.bind].
    #[arg(long, value_name = "IP:PORT")]
    pub bind: Option<SocketAddr>,
    /// Address and port of probes, metrics and administration [default: the setting http.admin_bind].
    #[arg(long, value_name = "IP:PORT")]
    pub admin_bind: Option<SocketAddr>,
    /// The location that requests without one mean [default: the setting ghl.location_id].
    #[arg(long, value_name = "ID", value_parser = LocationId::parse)]
    pub location: Option<LocationId>,
}

/// `demo`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// Address and port of the public API.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,
    /// Address and port of probes, metrics and administration.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9090")]
    pub admin_bind: SocketAddr,
    /// Address and port of the stand-in for GHL and IPinfo.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4010")]
    pub sandbox_bind: SocketAddr,
    /// The same seed makes the same contacts.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Connect by OAuth, as a marketplace app, in place of a private integration token.
    #[arg(long)]
    pub oauth: bool,
}

/// `profile`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ProfileArgs {
    /// The contact's id in GHL.
    #[arg(value_name = "CONTACT_ID", value_parser = ContactId::parse)]
    pub id: ContactId,
    /// Sections beside the contact itself, separated by commas [default: all but appointments].
    #[arg(long, value_name = "SECTION", value_delimiter = ',', value_parser = INCLUDES)]
    pub include: Option<Vec<String>>,
    /// The contact's location [default: the setting ghl.location_id].
    #[arg(long, value_name = "ID", value_parser = LocationId::parse)]
    pub location: Option<LocationId>,
    /// Look this address up in place of the contact's own.
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Option<IpAddr>,
}

/// What `--include` may name.
pub const INCLUDES: [&str; 5] = ["notes", "tasks", "appointments", "ip", "insights"];

/// `lookup`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct LookupArgs {
    /// The addresses, IPv4 or IPv6.
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<IpAddr>,
    /// Print JSON, one line an address.
    #[arg(long)]
    pub json: bool,
}

/// `source`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SourceArgs {
    /// What to do with sources.
    #[command(subcommand)]
    pub command: SourceCommand,
}

/// What can be done with sources.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum SourceCommand {
    /// Print the configured sources, a line each: whose records go where, and how each proves to be itself.
    List,
    /// Print as JSON what the mapping understands of a payload and, with a GHL token, which calls would be made if nothing
    /// were known of it yet. Changes nothing. Exit code 1 where the payload would be refused.
    Test(SourceTestArgs),
}

/// `source test`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SourceTestArgs {
    /// The source's name in the settings.
    #[arg(value_name = "NAME", value_parser = SourceName::parse)]
    pub name: SourceName,
    /// A file with what the source sends, an event or a list of them; - reads standard input.
    #[arg(value_name = "PAYLOAD.json")]
    pub payload: PathBuf,
}

/// `openapi`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct OpenapiArgs {
    /// Write to this file, not to standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `keys`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct KeysArgs {
    /// What to do with keys.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// Make an API key: print it once, with the line for the settings that lets it in.
    New(NewKeyArgs),
    /// Make the key that signs browsers' tokens, for auth.token_key: print it, and nothing else.
    TokenKey,
    /// Make a key that tokens are sealed with in the store (store.encryption_key), and print it once.
    Encryption,
}

/// `keys new`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct NewKeyArgs {
    /// The key's name in logs and audit.
    #[arg(long, value_parser = ApiKey::parse_name)]
    pub name: String,
    /// What it may do: read, write or admin; may be repeated. None implies another.
    #[arg(long = "role", value_name = "ROLE", required = true, value_delimiter = ',', value_parser = Role::parse)]
    pub roles: Vec<Role>,
    /// A location it may do it in; may be repeated [default: all].
    #[arg(long = "location", value_name = "ID", value_delimiter = ',', value_parser = LocationId::parse)]
    pub locations: Vec<LocationId>,
}

/// `healthcheck`
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct HealthcheckArgs {
    /// What to ask [default: /readyz at the setting http.admin_bind].
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

impl CommandLine {
    /// The sources of the process's settings, its flags included. `openapi` and `keys` need no settings, and
    /// `healthcheck` asks [`crate::settings::Settings::admin_bind`] alone.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources::from_process(self.config.clone(), self.flags())
    }

    /// The settings that flags stand for.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, toml::Value)> {
        let text = |value: &dyn ToString| Some(toml::Value::String(value.to_string()));
        let flags = match &self.command {
            Command::Serve(args) => vec![
                ("http.bind", args.bind.and_then(|bind| text(&bind))),
                ("http.admin_bind", args.admin_bind.and_then(|bind| text(&bind))),
                ("ghl.location_id", args.location.as_ref().and_then(|id| text(id))),
            ],
            #[cfg(feature = "demo")]
            Command::Demo(args) => vec![("http.bind", text(&args.bind)), ("http.admin_bind", text(&args.admin_bind))],
            // These listen nowhere, so an image whose http.bind is open needs no API key for them.
            Command::Profile(args) => vec![
                ("http.bind", text(&"127.0.0.1:0")),
                ("ghl.location_id", args.location.as_ref().and_then(|id| text(id))),
            ],
            Command::Source(_) => vec![("http.bind", text(&"127.0.0.1:0"))],
            // It asks GHL nothing, so a token of GHL's, which wants its location beside it, is none of its business.
            Command::Lookup(_) => {
                vec![("http.bind", text(&"127.0.0.1:0")), ("ghl.token", text(&"")), ("ghl.token_file", text(&""))]
            }
            Command::Check | Command::Openapi(_) | Command::Keys(_) | Command::Healthcheck(_) => Vec::new(),
        };
        flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn parse(line: &str) -> Result<CommandLine, String> {
        let words = std::iter::once("ghl-enrich").chain(line.split_whitespace());
        CommandLine::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_is_sound() {
        <CommandLine as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn every_subcommand_parses() {
        for line in [
            "--config a.toml serve --bind 0.0.0.0:80 --admin-bind 127.0.0.1:0 --location loc1",
            "serve --config a.toml",
            #[cfg(feature = "demo")]
            "demo --seed 7 --sandbox-bind 127.0.0.1:0 --oauth",
            "profile c1 --include notes,ip --location l1 --ip 2001:db8::1",
            "lookup 8.8.8.8 ::1 --json",
            "check",
            "openapi --output o.json",
            "keys new --name dashboard --role read --role write --location l1",
            "keys encryption",
            "source list --config a.toml",
            "source test insurgo payload.json",
            "source test insurgo -",
            "healthcheck --url http://127.0.0.1:9090/readyz",
        ] {
            parse(line).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("serve --bind localhost", "invalid socket address"),
            ("profile a/b", "ASCII letters"),
            ("profile a --include nots", "notes"),
            ("lookup", "required"),
            ("keys new --name x --role raed", "Did you mean read?"),
            ("keys new --name a/b --role read", "is no name for a key"),
            ("keys new --name x", "--role"),
            ("source test Insurgo payload.json", "begins with a letter"),
        ] {
            let text = parse(line).unwrap_err();
            assert!(text.contains(said), "{line}: {text}");
        }
    }

    #[test]
    fn flags_lie_over_all_other_settings() {
        let line = parse("serve --bind 127.0.0.1:81 --location l1").unwrap();
        let settings = Settings::load(Sources { flags: line.flags(), ..Sources::default() }).unwrap().settings;
        assert_eq!(settings.http.bind.port(), 81);
        assert_eq!(settings.ghl.location_id.unwrap().as_str(), "l1");
    }

    #[test]
    fn a_look_up_needs_no_key_where_serving_would() {
        let environment = [("ENRICH_HTTP__BIND".to_owned(), "0.0.0.0:8080".to_owned())];
        let load = |line| {
            let flags = parse(line).unwrap().flags();
            Settings::load(Sources { flags, environment: environment.clone().into(), ..Sources::default() })
        };
        assert!(load("serve").is_err());
        assert!(load("lookup 8.8.8.8").is_ok() && load("profile c1").is_ok());
        let environment = [("GHL_TOKEN".to_owned(), "pit-x".to_owned())];
        let load = |line| {
            let flags = parse(line).unwrap().flags();
            Settings::load(Sources { flags, environment: environment.clone().into(), ..Sources::default() })
        };
        assert!(load("profile c1").is_err(), "a token without its location");
        assert!(load("lookup 8.8.8.8").is_ok() && load("profile c1 --location l1").is_ok());
    }
}
