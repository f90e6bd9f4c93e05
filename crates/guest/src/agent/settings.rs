//! What the host has set for all commands.
//!
//! Invariant: commands have what stands at their start. The certificates that they trust are in one file
//! that they cannot write.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mainstay_guest::{Answer, Limits, PROXY_PORT, Problem, Reply, Settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::machine;

/// Where the file of certificates may lie; the first that can be written.
const CA_FOLDERS: [&str; 2] = ["/run/mainstay", "/tmp/.mainstay"];

/// Where systems keep the certificates that they trust.
const SYSTEM_CA_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Each program has its own name for it.
const CA_VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
];

#[derive(Default)]
pub(crate) struct Standing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    env: BTreeMap<String, String>,
    ca_pem: Option<String>,
    ca_file: Option<PathBuf>,
    orphan_timeout_ms: u64,
}

impl Standing {
    pub(crate) fn configure(&self, settings: Settings, is_init: bool) -> Reply {
        let ca_file = self.ca_file(settings.ca_pem.as_deref(), is_init)?;
        apply_limits(&settings.limits)
            .map_err(|error| Problem::Broken(format!("set the limits of commands: {error}")))?;
        if is_init {
            machine::set_clock(settings.now_unix_ns);
        }
        if let Some(entropy) = &settings.entropy {
            machine::add_entropy(entropy);
        }
        let mut state = self.lock();
        state.env = settings.env;
        state.ca_file = ca_file;
        state.ca_pem = settings.ca_pem;
        state.orphan_timeout_ms = settings.orphan_timeout_ms;
        Ok(Answer::Done)
    }

    /// The certificates of commands, written. In a machine of its own nobody else can have changed them.
    fn ca_file(&self, pem: Option<&str>, is_init: bool) -> Result<Option<PathBuf>, Problem> {
        let Some(pem) = pem else { return Ok(None) };
        {
            let state = self.lock();
            if is_init && state.ca_file.is_some() && state.ca_pem.as_deref() == Some(pem) {
                return Ok(state.ca_file.clone());
            }
        }
        let written = write_ca(pem);
        written.map(Some).map_err(|error| {
            Problem::Broken(format!("write the certificates for commands: {error}"))
        })
    }

    /// Variables of every command; what the host has set comes last and wins.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        let state = self.lock();
        let mut env: BTreeMap<String, String> = OWN_VARIABLES
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            env.insert(name.to_owned(), proxy.clone());
        }
        if let Some(file) = &state.ca_file {
            for name in CA_VARIABLES {
                env.insert(name.to_owned(), file.display().to_string());
            }
        }
        env.extend(state.env.clone());
        env
    }

    /// After so long without a host the machine ends itself.
    pub(crate) fn orphan_timeout_ms(&self) -> u64 {
        self.lock().orphan_timeout_ms
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is installed lands in the workspace, which outlives the machine.
const OWN_VARIABLES: &[(&str, &str)] = &[
    ("HOME", "/workspace"),
    ("LANG", "C.UTF-8"),
    ("LOGNAME", "user"),
    ("NODE_PATH", "/workspace/.local/lib/node_modules"),
    ("NO_PROXY", "localhost,127.0.0.1,::1"),
    ("PATH", "/workspace/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("PIP_BREAK_SYSTEM_PACKAGES", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PYTHONUSERBASE", "/workspace/.local"),
    ("SHELL", "/bin/sh"),
    ("USER", "user"),
    ("no_proxy", "localhost,127.0.0.1,::1"),
    ("npm_config_prefix", "/workspace/.local"),
    ("npm_config_update_notifier", "false"),
];

fn write_ca(pem: &str) -> io::Result<PathBuf> {
    let mut bundle =
        SYSTEM_CA_FILES.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    bundle.push('\n');
    bundle.push_str(pem);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for folder in CA_FOLDERS {
        let file = Path::new(folder).join("ca.pem");
        match fs::create_dir_all(folder).and_then(|()| replace(&file, &bundle)) {
            Ok(()) => return Ok(file),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let beside = file.with_extension("new");
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o444))?;
    fs::rename(&beside, file)
}

fn apply_limits(limits: &Limits) -> rustix::io::Result<()> {
    lower(Resource::Core, Some(0))?;
    lower(Resource::Nproc, limits.processes)?;
    lower(Resource::Nofile, limits.open_files)?;
    lower(Resource::Fsize, limits.file_bytes)
}

/// A limit is never raised, so that one that was lowered by another is not undone.
fn lower(resource: Resource, limit: Option<u64>) -> rustix::io::Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let now = getrlimit(resource);
    let least = |bound: Option<u64>| Some(bound.map_or(limit, |bound| bound.min(limit)));
    setrlimit(resource, Rlimit { current: least(now.current), maximum: least(now.maximum) })
}
