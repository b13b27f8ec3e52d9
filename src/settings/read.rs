//! Typed reading of layered values. A value that fails its check is an error beside all others, never the end of reading.

use super::{
    error::{Problem, SettingsError, quoted},
    layers::{Layered, Layers},
    secret::{LiveSecret, Secret},
    values,
};
use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::Value;

/// Reads layers, gathers what is wrong, and remembers which keys somebody wanted.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) errors: Vec<SettingsError>,
    pub(super) asked: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, errors: Vec<SettingsError>) -> Self {
        Self { layers, errors, asked: BTreeSet::new() }
    }

    pub(super) fn section<'r>(&'r mut self, name: &'static str) -> Section<'r, 'a> {
        Section { reader: self, name }
    }

    /// Reports a problem of a key, or of a part of its value (`suffix`, such as `[2].name`).
    pub(super) fn refuse(&mut self, key: &str, suffix: &str, problem: Problem) {
        if let Some(layered) = self.layers.get(key) {
            self.errors.push(SettingsError::new(format!("{key}{suffix}"), &layered.origin, problem));
        }
    }

    fn get(&mut self, key: &str) -> Option<&'a Layered> {
        self.asked.insert(key.to_owned());
        self.layers.get(key)
    }
}

/// One section of the settings. Each method reads one key; `None` means that an error was noted.
#[derive(Debug)]
pub(super) struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    name: &'static str,
}

impl<'a> Section<'_, 'a> {
    /// A text that a function understands.
    pub(super) fn text<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        let key = self.key(key);
        let text = self.reader.get(&key)?.value.as_str()?;
        parse(text).map_err(|problem| self.reader.refuse(&key, "", problem)).ok()
    }

    /// The same where the empty text means "not set".
    #[expect(clippy::option_option, reason = "outside: is there an error; inside: is it set")]
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        self.text(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// A list of texts.
    pub(super) fn list<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, Problem>) -> Option<Vec<T>> {
        let key = self.key(key);
        let items = self.reader.get(&key)?.value.as_array()?;
        let mut good = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let parsed = item.as_str().ok_or_else(|| Problem::new("is no text", "Put it in quotes."));
            match parsed.and_then(&parse) {
                Ok(value) => good.push(value),
                Err(problem) => self.reader.refuse(&key, &format!("[{index}]"), problem),
            }
        }
        (good.len() == items.len()).then_some(good)
    }

    /// A whole number within bounds.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, key: &str, bounds: RangeInclusive<i64>) -> Option<T> {
        let key = self.key(key);
        let number = self.reader.get(&key)?.value.as_integer()?;
        if bounds.contains(&number)
            && let Ok(fitting) = T::try_from(number)
        {
            return Some(fitting);
        }
        let (low, high) = bounds.into_inner();
        let remedy = format!("Write a number from {low} to {high}.");
        self.reader.refuse(&key, "", Problem::new(format!("{number} is out of bounds"), remedy));
        None
    }

    /// A time whose unit ends the key: `_ms`, `_seconds`, `_minutes`, `_hours` or `_days`.
    pub(super) fn time(&mut self, key: &str, bounds: RangeInclusive<i64>) -> Option<Duration> {
        let number: u64 = self.number(key, bounds)?;
        Some(match key {
            _ if key.ends_with("_hours") => Duration::from_secs(number * 3_600),
            _ if key.ends_with("_days") => Duration::from_secs(number * 86_400),
            _ if key.ends_with("_minutes") => Duration::from_secs(number * 60),
            _ if key.ends_with("_seconds") => Duration::from_secs(number),
            _ => Duration::from_millis(number),
        })
    }

    /// True or false.
    pub(super) fn truth(&mut self, key: &str) -> Option<bool> {
        let key = self.key(key);
        self.reader.get(&key)?.value.as_bool()
    }

    /// A value that another function takes apart, and which may have several problems, each with its suffix.
    pub(super) fn parts<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&Value) -> Result<T, Vec<(String, Problem)>>,
    ) -> Option<T> {
        let key = self.key(key);
        let value = &self.reader.get(&key)?.value;
        let refuse = |(suffix, problem): (String, Problem)| self.reader.refuse(&key, &suffix, problem);
        parse(value).map_err(|problems| problems.into_iter().for_each(refuse)).ok()
    }

    /// A secret, given as itself or by its file; both at once is an error, for no order between them is obvious.
    #[expect(clippy::option_option, reason = "outside: is there an error; inside: is it set")]
    pub(super) fn secret(&mut self, key: &str) -> Option<Option<LiveSecret>> {
        let file_key = format!("{key}_file");
        let fixed = self.optional(key, |text| Secret::parse(text).map_err(values::secret_problem));
        let path = self.optional(&file_key, |path| Ok(PathBuf::from(path)))?;
        let Some(path) = path else {
            return fixed.map(|secret| secret.map(LiveSecret::fixed));
        };
        let is_set = |layered: &Layered| layered.value.as_str() != Some("");
        let name = self.key(key);
        if let Some(other) = self.reader.layers.get(&name).filter(|layered| is_set(layered)) {
            let problem = format!("is set, and so is {name} ({})", other.origin);
            self.refuse(&file_key, Problem::new(problem, "Keep one of the two."));
            return None;
        }
        self.secret_file(&file_key, &path).map(Some)
    }

    fn secret_file(&mut self, key: &str, path: &Path) -> Option<LiveSecret> {
        let key = self.key(key);
        let read = LiveSecret::from_file(path).map_err(|error| {
            let Problem { problem, remedy } = values::secret_problem(error);
            // A name without a folder may be the token itself, put into the wrong key.
            let path = path.to_string_lossy();
            let name = if path.contains('/') { quoted(&path) } else { "the file named".to_owned() };
            Problem::new(format!("{name}: {problem}"), remedy)
        });
        read.map_err(|problem| self.reader.refuse(&key, "", problem)).ok()
    }

    /// Reports a problem that shows only once a key is read.
    pub(super) fn refuse(&mut self, key: &str, problem: Problem) {
        let key = self.key(key);
        self.reader.refuse(&key, "", problem);
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}
