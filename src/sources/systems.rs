//! The configured sources, compiled: who each is, how it proves to be itself, and what its payloads mean.

use super::{
    mapping::{self, Mapping, MappingErrors},
    signature::Verifier,
};
use crate::{
    domain::{
        ids::LocationId,
        problem::{Problem, ProblemKind},
        source::{Proof, SourceName},
    },
    settings::{SourceSettings, SystemSettings},
};
use jiff::Timestamp;
use std::collections::HashMap;

/// One source.
#[derive(Debug, Clone)]
pub(super) struct System {
    pub(super) settings: SystemSettings,
    pub(super) mapping: Mapping,
    pub(super) verifier: Option<Verifier>,
}

/// A proven request: whose, and the id that its header gives, where a signature covers it.
#[derive(Debug, Clone)]
pub(super) struct Proven<'a> {
    pub(super) system: &'a System,
    pub(super) header_id: Option<String>,
}

impl System {
    pub(super) fn new(settings: &SystemSettings, mapping: Mapping) -> Self {
        let verifier = settings.signature.as_ref().map(Verifier::new);
        Self { settings: settings.clone(), mapping, verifier }
    }

    fn stands_in(&self, locations: Option<&[LocationId]>) -> bool {
        locations.is_none_or(|locations| locations.contains(&self.settings.location))
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Systems {
    by_name: HashMap<SourceName, System>,
}

impl Systems {
    /// Compiles the mapping of each.
    pub(super) fn compile(settings: &SourceSettings) -> Result<Self, MappingErrors> {
        let mappings = mapping::compile(&settings.systems)?;
        let systems = settings.systems.iter().zip(mappings).map(|(system, mapping)| System::new(system, mapping));
        Ok(Self { by_name: systems.map(|system| (system.settings.name.clone(), system)).collect() })
    }

    pub(super) fn of(&self, source: &SourceName) -> Option<&System> {
        self.by_name.get(source)
    }

    /// One whose records go to these locations (`None` is all).
    pub(super) fn within(&self, source: &SourceName, locations: Option<&[LocationId]>) -> Result<&System, Problem> {
        self.of(source).filter(|system| system.stands_in(locations)).ok_or_else(no_source)
    }

    /// Those whose records go to these locations, by name.
    pub(super) fn all_within(&self, locations: Option<&[LocationId]>) -> Vec<&System> {
        let mut all: Vec<&System> = self.by_name.values().filter(|system| system.stands_in(locations)).collect();
        all.sort_by(|one, other| one.settings.name.cmp(&other.settings.name));
        all
    }

    /// Refuses what cannot be a request of the source's, as far as its head tells.
    pub(super) fn screened(&self, source: &SourceName, proof: &Proof, now: Timestamp) -> Result<(), Problem> {
        match proof {
            Proof::Key { locations, .. } => self.within(source, locations.as_deref()).map(drop),
            Proof::Signature(headers) => {
                let verifier = self.of(source).and_then(|system| system.verifier.as_ref());
                verifier.and_then(|verifier| verifier.admits(headers, now).ok()).ok_or_else(forged)
            }
        }
    }

    /// Whether it is one. Who cannot prove to be the source does not learn whether there is one.
    pub(super) fn proven(
        &self,
        source: &SourceName,
        proof: &Proof,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Proven<'_>, Problem> {
        match proof {
            Proof::Key { locations, .. } => {
                self.within(source, locations.as_deref()).map(|system| Proven { system, header_id: None })
            }
            Proof::Signature(headers) => {
                let system = self.of(source).ok_or_else(forged)?;
                let verifier = system.verifier.as_ref().ok_or_else(forged)?;
                let signed = verifier.verify(headers, body, now).map_err(|_| forged())?;
                Ok(Proven { system, header_id: signed.id })
            }
        }
    }
}

fn forged() -> Problem {
    Problem::new(ProblemKind::Unauthenticated, "The request bears no valid signature of the source.")
}

pub(super) fn no_source() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is no such source.")
}
