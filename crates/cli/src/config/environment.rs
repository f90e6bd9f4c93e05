//! The process's environment, read once.
//!
//! Invariant: this is the one file that reads environment variables; everything else is given an
//! [`Environment`]. `MAINSTAY_SECTION__KEY` is a setting of the configuration; what else is read is
//! a constant here.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The configuration file, where `--config` does not name one.
pub(crate) const CONFIG_FILE: &str = "MAINSTAY_CONFIG";
/// The server that commands talk to, where `--url` does not name one.
pub(crate) const URL: &str = "MAINSTAY_URL";
/// The key they use; without it, the one in the data folder.
pub(crate) const KEY: &str = "MAINSTAY_KEY";
/// The key that encrypts secrets, where the configuration names none.
pub(crate) const VAULT_KEY: &str = "MAINSTAY_VAULT_KEY";
/// OpenAI's key, or that of a compatible server.
pub(crate) const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
/// A server that speaks OpenAI's API.
pub(crate) const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";
/// Anthropic's key.
pub(crate) const ANTHROPIC_API_KEY: &str = "ANTHROPIC_API_KEY";
/// A server that speaks Anthropic's API.
pub(crate) const ANTHROPIC_BASE_URL: &str = "ANTHROPIC_BASE_URL";

/// What is read besides settings and does not belong to another program.
const OWN: [&str; 4] = [CONFIG_FILE, URL, KEY, VAULT_KEY];
/// What every variable that is a setting begins with.
const PREFIX: &str = "MAINSTAY_";
/// What stands between the section and the key of a setting.
const SEPARATOR: &str = "__";

/// Environment variables, as they were when the process began. Those that are not Unicode, or
/// empty, count as not set.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

/// A setting that the environment makes.
pub(crate) struct Setting<'a> {
    /// The variable.
    pub(crate) variable: &'a str,
    /// The path in the configuration.
    pub(crate) path: Vec<String>,
    /// The text.
    pub(crate) value: &'a str,
}

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub(crate) fn capture() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// A variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The settings among the variables.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting<'_>> {
        self.variables.iter().filter_map(|(variable, value)| {
            let (section, key) = variable.strip_prefix(PREFIX)?.split_once(SEPARATOR)?;
            let path = std::iter::once(section).chain(key.split(SEPARATOR));
            let path = path.map(str::to_ascii_lowercase).collect();
            (!value.is_empty()).then_some(Setting { variable, path, value })
        })
    }

    /// Variables that look like settings and are none.
    pub(crate) fn strangers(&self) -> impl Iterator<Item = &str> {
        let is_ours = |name: &&str| name.starts_with(PREFIX) && !name.contains(SEPARATOR);
        let names = self.variables.keys().map(String::as_str);
        names.filter(is_ours).filter(|name| !OWN.contains(name))
    }

    /// Where the user's programs keep data.
    pub(crate) fn data_home(&self) -> Option<PathBuf> {
        self.user_folder("XDG_DATA_HOME", ".local/share")
    }

    /// Where the user's programs look for configuration.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        self.user_folder("XDG_CONFIG_HOME", ".config")
    }

    /// Where the user's programs keep what can be had again.
    pub(crate) fn cache_home(&self) -> Option<PathBuf> {
        self.user_folder("XDG_CACHE_HOME", ".cache")
    }

    /// Whether output shall have no colours and no moving parts.
    pub(crate) fn is_plain(&self) -> bool {
        self.get("NO_COLOR").is_some() || self.get("TERM") == Some("dumb")
    }

    fn user_folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let named = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(PathBuf::from(self.get("HOME")?).join(below_home)))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect() }
    }
}
