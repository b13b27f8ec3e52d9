//! `ghl-enrich source`: what is configured of outside systems, and what a payload of one of them would come to. Changes
//! nothing, neither here nor in GHL.

use super::{args::SourceCommand, print_line};
use crate::{
    app::AppParts,
    domain::{
        problem::{FieldError, Problem},
        source::{Change, DryRun, SourceName},
    },
    settings::{Settings, SignatureScheme, SystemSettings},
    sources::{self, GhlDirectory, mapping::Mapped},
    upstream::Lane,
};
use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Does it, and says whether all is well.
///
/// # Errors
/// Where there is no such source, its payload cannot be read, or its mapping does not compile.
pub async fn source(settings: Settings, command: SourceCommand) -> anyhow::Result<bool> {
    match command {
        SourceCommand::List => {
            for system in &settings.sources.systems {
                print_line(&line(system));
            }
            if settings.sources.systems.is_empty() {
                print_line("no sources: sources.systems is empty");
            }
            Ok(true)
        }
        SourceCommand::Test(args) => {
            let body = read(&args.payload, settings.sources.max_body_bytes)?;
            let found = test(&settings, &args.name, &body).await?;
            print_line(&serde_json::to_string_pretty(&found)?);
            Ok(!found.is_refused())
        }
    }
}

fn line(system: &SystemSettings) -> String {
    let proof = system.signature.as_ref().map_or("an API key".to_owned(), |signature| {
        let scheme = match &signature.scheme {
            SignatureScheme::Standard => "Standard Webhooks".to_owned(),
            SignatureScheme::Hmac { header, .. } => format!("HMAC-SHA256 in {header}"),
        };
        format!("{scheme} ({} secrets)", signature.secrets.len())
    });
    let preset = system.preset.as_deref().unwrap_or("no preset");
    let SystemSettings { name, location, .. } = system;
    format!("{name}  {preset}  -> {location}  by {proof}  POST /v1/sources/{name}/events")
}

fn read(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let input: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?),
    };
    let mut body = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX);
    input
        .take(bound.saturating_add(1))
        .read_to_end(&mut body)
        .with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(body.len() <= limit, "{} is larger than {limit} bytes (sources.max_body_bytes)", path.display());
    Ok(body)
}

/// What a payload came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    source: SourceName,
    /// Each event, as the mapping understands it.
    events: Vec<Understood>,
    /// What is wrong with the payload as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What would be done, if nothing were known yet of what a payload tells of.
    plan: Option<DryRun>,
    /// Why there is no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_plan_because: Option<String>,
}

impl Found {
    fn is_refused(&self) -> bool {
        !self.errors.is_empty() || self.events.iter().any(|event| matches!(event, Understood::Refused { .. }))
    }
}

/// One event.
#[derive(Debug, Serialize)]
#[serde(tag = "understood", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Understood {
    /// It tells of changes.
    Event { event_id: String, kind: &'static str, at: Timestamp, changes: Vec<Told> },
    /// It is of a type that the mapping passes over.
    PassedOver { event_id: String, why: String },
    /// It would be refused, or kept as a dead letter.
    Refused { errors: Vec<FieldError> },
}

/// What an event says of one record, in GHL's names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    record: &'static str,
    external_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    all_tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags_added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags_removed: Vec<String>,
    deleted: bool,
}

impl From<Change> for Told {
    fn from(change: Change) -> Self {
        let tags = |tags: std::collections::BTreeSet<crate::domain::write::Tag>| {
            tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>()
        };
        Self {
            record: change.kind.as_str(),
            external_id: change.id.to_string(),
            contact: change.parent.map(|parent| parent.to_string()),
            fields: change.fields.into_iter().collect(),
            all_tags: change.tags.all.map(tags),
            tags_added: tags(change.tags.added),
            tags_removed: tags(change.tags.removed),
            deleted: change.deleted,
        }
    }
}

async fn test(settings: &Settings, name: &SourceName, body: &[u8]) -> anyhow::Result<Found> {
    let systems = &settings.sources.systems;
    if !systems.iter().any(|system| system.name == *name) {
        let known: Vec<&str> = systems.iter().map(|system| system.name.as_str()).collect();
        anyhow::bail!("there is no source {name}; sources.systems has: {}", known.join(", "));
    }
    sources::mapping::compile(systems)?;
    let parts = AppParts::build(settings, None)?;
    let now = parts.clock.now();
    let mut found = understood(settings, name, body, now);
    if found.is_refused() {
        found.no_plan_because = Some("the payload would be refused".to_owned());
    } else if settings.ghl.token.is_none() {
        found.no_plan_because = Some("no GHL token is configured (GHL_TOKEN)".to_owned());
    } else {
        let ghl = GhlDirectory::new(&parts.ghl, Lane::Interactive);
        match sources::try_out(&settings.sources, name, &ghl, now, body).await {
            Ok(plan) => found.plan = Some(plan),
            Err(problem) => found.no_plan_because = Some(problem.detail.into_owned()),
        }
    }
    Ok(found)
}

fn understood(settings: &Settings, source: &SourceName, body: &[u8], now: Timestamp) -> Found {
    let mut found =
        Found { source: source.clone(), events: Vec::new(), errors: Vec::new(), plan: None, no_plan_because: None };
    match sources::understood(&settings.sources, source, now, body) {
        Ok(events) => found.events = events.into_iter().map(Understood::from).collect(),
        Err(problem) => {
            let Problem { detail, errors, cause, .. } = problem;
            let message = cause.map_or_else(|| detail.to_string(), |cause| format!("{detail} ({cause})"));
            let whole = || vec![FieldError { pointer: String::new(), message }];
            found.errors = if errors.is_empty() { whole() } else { errors };
        }
    }
    found
}

impl From<Result<Mapped, Vec<FieldError>>> for Understood {
    fn from(read: Result<Mapped, Vec<FieldError>>) -> Self {
        match read {
            Ok(Mapped::Event(event)) => Self::Event {
                event_id: event.id.to_string(),
                kind: event.kind.as_str(),
                at: event.at,
                changes: event.changes.into_iter().map(Told::from).collect(),
            },
            Ok(Mapped::PassedOver { id, why }) => Self::PassedOver { event_id: id.to_string(), why },
            Err(errors) => Self::Refused { errors },
        }
    }
}
