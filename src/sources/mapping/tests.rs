//! Tests of mappings: what compiles, what the presets read, what is refused, and that nothing is ever half read.

mod compiling;
mod presets;
mod properties;
mod refusals;

use super::{Arrival, Mapped, Mapping};
use crate::{
    domain::source::{Change, SourceEvent},
    settings::{Settings, Sources, SystemSettings},
};
use jiff::Timestamp;
use serde_json::Value;

/// The first system of a settings file that holds this table of it.
fn system(table: &str) -> SystemSettings {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-folders");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}.toml", uuid::Uuid::new_v4()));
    let head =
        "[ghl]\nlocation_id = 've9EPM428h8vShlRW1KT'\n[[sources.systems]]\nname = 'src'\nsignature = 'api-key'\n";
    std::fs::write(&path, format!("{head}{table}")).unwrap();
    let loaded = Settings::load(Sources { file: Some(path.clone()), ..Sources::default() });
    std::fs::remove_file(&path).unwrap();
    loaded.unwrap_or_else(|errors| panic!("{errors}")).settings.sources.systems.remove(0)
}

fn mapping(table: &str) -> Mapping {
    Mapping::compile(0, &system(table)).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn preset(name: &str) -> Mapping {
    mapping(&format!("preset = '{name}'\ndefault_region = 'US'\ntimezone = 'Europe/Berlin'"))
}

const NOW: &str = "2026-11-22T12:00:00Z";

fn arrival() -> Arrival<'static> {
    Arrival { header_id: Some("msg_1"), index: None, received_at: NOW.parse::<Timestamp>().unwrap() }
}

fn event(mapping: &Mapping, payload: &Value) -> SourceEvent {
    match mapping.read(payload, arrival()) {
        Ok(Mapped::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn only(event: SourceEvent) -> Change {
    let [change] = <[Change; 1]>::try_from(event.changes).unwrap();
    change
}

/// Pointers and messages of what is refused.
fn refused(mapping: &Mapping, payload: &Value) -> Vec<(String, String)> {
    let errors = mapping.read(payload, arrival()).unwrap_err();
    errors.into_iter().map(|error| (error.pointer, error.message)).collect()
}
