//! Whether what GHL's events say can be relied upon, watched: silence where an event was due, and what is held compared
//! with what GHL has, a little at a time.
//!
//! A comparison costs one call of the lane for bulk work, so many an hour for each location with live webhooks. What
//! differs counts only if no event has said so after a while; then the section is marked stale as well. Where webhooks
//! cease to be relied upon, what is held is no longer fresh for longer than what is read now: reads then find changes by
//! themselves, as without webhooks.

use crate::{
    clock::Clock,
    domain::ids::LocationId,
    liveness::{Liveness, Standing, WebhookReport},
    profiles::{Compared, Profiles, Sample, Since},
    settings::DriftSettings,
    tasks::Tasks,
    telemetry::metrics::Metrics,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a location has fallen silent, and whether an event came for what differed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The shortest pause between two rounds of comparisons.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Comparisons under way at the same time.
const SIDE_BY_SIDE: usize = 8;

/// Sections that differed and wait for their event: beyond it, what differs is passed over.
const MOST_DOUBTS: usize = 1024;

/// What it works with.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as their types")]
pub struct Parts {
    pub profiles: Profiles,
    pub liveness: Liveness,
    pub clock: Clock,
    pub tasks: Tasks,
    pub metrics: Metrics,
}

/// A section that was found to differ.
#[derive(Debug)]
struct Doubt {
    sample: Sample,
    found_at: Timestamp,
}

#[derive(Debug)]
struct Drift {
    parts: Parts,
    settings: DriftSettings,
    doubts: Vec<Doubt>,
    /// How each location stood at the last look.
    seen: HashMap<LocationId, (Standing, bool)>,
    /// Whether a comparison changed how one stands since.
    changed: bool,
}

/// Watches until the process stops.
pub fn start(parts: Parts, settings: DriftSettings) {
    let tasks = parts.tasks.clone();
    let drift = Drift { parts, settings, doubts: Vec::new(), seen: HashMap::new(), changed: false };
    tasks.spawn_loop("drift", |stop| drift.run(stop));
}

/// The pause between two comparisons of a location; `None` makes none.
fn pause(max_calls_per_hour: u32) -> Option<Duration> {
    let pause = Duration::from_secs(3600).checked_div(max_calls_per_hour)?;
    Some(pause.max(SHORTEST_PAUSE))
}

impl Drift {
    async fn run(mut self, stop: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pause = pause(self.settings.max_calls_per_hour);
        let mut rounds = interval(pause.unwrap_or(LOOK_EVERY));
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => self.look(),
                _ = rounds.tick(), if pause.is_some() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.compare() => {}
                    }
                }
            }
            self.settle_doubts();
            if self.changed {
                self.look();
            }
        }
    }

    /// Looks how each location stands, and has what is held follow.
    fn look(&mut self) {
        self.changed = false;
        let all = self.parts.liveness.all(self.parts.clock.now());
        self.parts
            .metrics
            .drift()
            .locations(all.iter().map(|(_, report)| (report.standing.as_str(), report.shortened)));
        for (location, report) in &all {
            let now = (report.standing, report.shortened);
            let before = self.seen.insert(location.clone(), now).unwrap_or((Standing::None, false));
            if before != now {
                self.follow(location, before, report);
            }
        }
        self.seen.retain(|location, _| all.iter().any(|(known, _)| known == location));
    }

    fn follow(&self, location: &LocationId, before: (Standing, bool), report: &WebhookReport) {
        // Whatever it was before: it may have been live between two looks.
        if report.standing != Standing::Live || report.shortened {
            self.parts.profiles.limit_freshness(location);
        }
        let standing = report.standing.as_str();
        match (report.standing, report.shortened) {
            (Standing::Silent, _) if before.0 != Standing::Silent => tracing::warn!(
                %location,
                "a record that was written did not come back as an event: what is read is fresh as without webhooks"
            ),
            (_, true) if !before.1 => tracing::warn!(
                %location,
                percent = report.drift_percent,
                "what is held differs from what GHL has, and no event said so: what is read is fresh for a shorter time"
            ),
            _ => {
                tracing::info!(%location, standing, shortened = report.shortened, "webhooks stand otherwise than before")
            }
        }
    }

    /// Compares one section of each location whose webhooks are live.
    async fn compare(&mut self) {
        let Parts { profiles, liveness, clock, tasks, .. } = &self.parts;
        let live = liveness.all(clock.now()).into_iter().filter(|(_, report)| report.standing == Standing::Live);
        let live: Vec<LocationId> = live.map(|(location, _)| location).collect();
        if live.is_empty() {
            return;
        }
        let chooser = profiles.clone();
        let Ok(samples) = tasks.spawn_work("samples", move || chooser.samples(&live, dice())).await else { return };
        let samples = samples.into_iter().filter(|sample| self.doubts.iter().all(|doubt| doubt.sample != *sample));
        let compared: Vec<(Sample, Compared)> = stream::iter(samples)
            .map(|sample| async {
                let compared = profiles.compare(&sample).await;
                (sample, compared)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (sample, compared) in compared {
            match compared {
                Compared::Same => self.tell(&sample, Some(false)),
                Compared::Unknown => self.tell(&sample, None),
                Compared::Differs if self.doubts.len() >= MOST_DOUBTS => self.tell(&sample, None),
                Compared::Differs => self.doubts.push(Doubt { sample, found_at: self.parts.clock.now() }),
            }
        }
    }

    /// Decides about those that differed and whose event has had its time.
    fn settle_doubts(&mut self) {
        let (now, grace) = (self.parts.clock.now(), self.settings.grace);
        let due = |doubt: &mut Doubt| now.duration_since(doubt.found_at).unsigned_abs() >= grace;
        for Doubt { sample, .. } in self.doubts.extract_if(.., due).collect::<Vec<_>>() {
            match self.parts.profiles.since(&sample) {
                Since::Unchanged => {
                    self.parts.profiles.touch_drifted(&sample);
                    self.tell(&sample, Some(true));
                }
                Since::Touched => self.tell(&sample, Some(false)),
                Since::Replaced => self.tell(&sample, None),
            }
        }
    }

    /// Counts a comparison; one of which nothing can be told counts for nobody.
    fn tell(&mut self, sample: &Sample, drifted: Option<bool>) {
        let outcome = match drifted {
            Some(true) => "drifted",
            Some(false) => "same",
            None => "unknown",
        };
        self.parts.metrics.drift().compared(outcome);
        if let Some(drifted) = drifted {
            self.changed |= self.parts.liveness.checked(&sample.key.location, drifted);
        }
    }
}

/// Numbers that differ; they need not be secret.
fn dice() -> impl FnMut() -> u64 {
    let (keys, mut thrown) = (RandomState::new(), 0_u64);
    move || {
        thrown += 1;
        let mut hasher = keys.build_hasher();
        hasher.write_u64(thrown);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_keep_their_share() {
        assert_eq!(pause(0), None);
        assert_eq!(pause(60), Some(Duration::from_secs(60)));
        assert_eq!(pause(u32::MAX), Some(SHORTEST_PAUSE));
    }

    #[test]
    fn dice_fall_evenly() {
        let mut random = dice();
        let mut fallen = [0_u32; 6];
        for _ in 0..6000 {
            fallen[usize::try_from(random() % 6).unwrap()] += 1;
        }
        assert!(fallen.iter().all(|times| (700..1300).contains(times)), "{fallen:?}");
    }
}
