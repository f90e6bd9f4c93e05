//! Puts the configuration together: defaults, file, environment, flags, each over the one before.
//!
//! Invariant: a setting that is refused is named with the place it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::{Table, Value};

use super::environment::{self, Environment};
use super::provider::Provider;
use super::tree::Config;
use crate::failure::Failure;

/// What flags set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// Settings by path, as TOML values.
    pub(crate) settings: Vec<(&'static [&'static str], Value)>,
}

/// The configuration of this process.
pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Config, Failure> {
    let mut sources = Sources::default();
    if let Some(home) = environment.data_home() {
        let folder = home.join("mainstay").to_string_lossy().into_owned();
        sources.set(&["data", "dir"], Value::String(folder), "the default");
    }
    if let Some(path) = config_file(flags, environment) {
        sources.add_file(&path)?;
    }
    for setting in environment.settings() {
        let path: Vec<&str> = setting.path.iter().map(String::as_str).collect();
        let place = format!("the environment variable {}", setting.variable);
        sources.set(&path, parse_value(setting.value), &place);
    }
    for (path, value) in &flags.settings {
        let flag = path.last().copied().unwrap_or_default().replace('_', "-");
        sources.set(path, value.clone(), &format!("the flag --{flag}"));
    }
    let mut config = sources.into_config()?;
    add_providers(&mut config, environment)?;
    Ok(config)
}

/// The file that is read: the one named, else the user's own if there is one.
fn config_file(flags: &Flags, environment: &Environment) -> Option<PathBuf> {
    let named = environment.get(environment::CONFIG_FILE).map(PathBuf::from);
    flags.config.clone().or(named).or_else(|| {
        let own = environment.config_home()?.join("mainstay").join("mainstay.toml");
        own.exists().then_some(own)
    })
}

/// The environment's providers, unless the file has some of their names.
fn add_providers(config: &mut Config, environment: &Environment) -> Result<(), Failure> {
    for mut provider in Provider::of_environment(environment)? {
        if config.providers.iter().any(|known| known.name == provider.name) {
            continue;
        }
        provider.default &= !config.providers.iter().any(|known| known.default);
        config.providers.push(provider);
    }
    Ok(())
}

/// Lists, tables, numbers and booleans are written as in the file; everything else is a text.
fn parse_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>();
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    match value {
        Some(
            value @ (Value::Array(_) | Value::Table(_) | Value::Boolean(_) | Value::Integer(_)),
        ) => value,
        Some(Value::String(_) | Value::Float(_) | Value::Datetime(_)) | None => {
            Value::String(text.to_owned())
        }
    }
}

/// Settings with the places they came from.
#[derive(Default)]
struct Sources {
    table: Table,
    places: BTreeMap<String, String>,
    file: Option<PathBuf>,
}

impl Sources {
    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the configuration file {}", path.display()))?;
        let table = text
            .parse::<Table>()
            .map_err(|error| Failure::usage(format!("{} is not TOML: {error}", path.display())))?;
        merge(&mut self.table, table);
        self.places.clear();
        self.file = Some(path.to_owned());
        Ok(())
    }

    fn set(&mut self, path: &[&str], value: Value, place: &str) {
        let Some((last, sections)) = path.split_last() else { return };
        let mut table = &mut self.table;
        for section in sections {
            let entry = table.entry((*section).to_owned());
            let inner = entry.or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            let Value::Table(next) = inner else { return };
            table = next;
        }
        table.insert((*last).to_owned(), value);
        self.places.insert(path.join("."), place.to_owned());
    }

    fn into_config(self) -> Result<Config, Failure> {
        let Self { table, places, file } = self;
        serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            let place = place_of(&places, &path)
                .cloned()
                .or_else(|| file.as_ref().map(|file| file.display().to_string()));
            let place = place.map(|place| format!(" (from {place})")).unwrap_or_default();
            let problem = error.into_inner().to_string();
            let problem = problem.trim_end();
            Failure::usage(format!("configuration: {path}: {problem}{place}"))
                .hint("`mainstay config example` prints every setting")
        })
    }
}

/// The place of a setting, or of what it stands in.
fn place_of<'a>(places: &'a BTreeMap<String, String>, path: &str) -> Option<&'a String> {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return Some(place);
        }
        path = path.rsplit_once('.')?.0;
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(known)), Value::Table(new)) => merge(known, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
