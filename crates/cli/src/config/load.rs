//! Puts the configuration together: defaults, file, environment, flags, each over the one before.
//!
//! Invariant: a setting that is refused is named with the place it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::environment::{self, Environment};
use super::place::position;
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
    if let Some(path) = file(flags.config.as_deref(), environment) {
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
    config.limits.check()?;
    config.compute.check()?;
    config.providers.iter().try_for_each(Provider::check)?;
    Ok(config)
}

/// The file that is read: the one named, else the user's own if there is one.
pub(crate) fn file(flag: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = environment.get(environment::CONFIG_FILE).map(PathBuf::from);
    flag.map(Path::to_owned).or(named).or_else(|| {
        let own = environment.config_home()?.join("mainstay").join("mainstay.toml");
        own.exists().then_some(own)
    })
}

/// The environment's providers, unless the file has some of their names.
fn add_providers(config: &mut Config, environment: &Environment) -> Result<(), Failure> {
    for mut provider in
        Provider::of_environment(environment).map_err(|error| Failure::configuration(&error))?
    {
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
    /// The file and its text.
    file: Option<(PathBuf, String)>,
}

impl Sources {
    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            Failure::usage(format!("cannot read the configuration file {path}: {error}"))
        })?;
        let table = text.parse::<Table>().map_err(|error| {
            let text = error.to_string();
            Failure::usage(format!("{} is not TOML: {}", path.display(), text.trim_end()))
        })?;
        merge(&mut self.table, table);
        self.places.clear();
        self.file = Some((path.to_owned(), text));
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
            let path = error.path().clone();
            let name = path.to_string();
            let place = match (place_of(&places, &name), file) {
                (Some(place), _) => format!("{place}: "),
                (None, Some((file, text))) => match position(&text, &path) {
                    Some(position) => format!("{}:{position}: ", file.display()),
                    None => format!("{}: ", file.display()),
                },
                (None, None) => String::new(),
            };
            let problem = in_words(&error.into_inner().to_string());
            Failure::usage(format!("{place}{name}: {problem}"))
                .hint("`mainstay config example` prints every setting")
        })
    }
}

/// A deserialiser's message without what is said anyway, and without names of Rust's types.
fn in_words(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    ["usize", "u64", "u32"]
        .iter()
        .fold(first.to_owned(), |text, name| {
            text.replace(&format!("expected {name}"), "expected a whole number, 0 or more")
        })
        .replace("expected a sequence", "expected a list")
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
