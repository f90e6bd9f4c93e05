//! The folder of a quickstart: the data, and a configuration that its server can be started with again.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::model::Choice;
use super::task::{self, Task};
use crate::config::Config;

/// How many folders of quickstarts may lie beside each other.
const MAX_FOLDERS: u32 = 1_000;

/// The folder given, or a fresh one beside the data folder.
pub(super) fn folder(config: &Config, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match given {
        Some(folder) => folder.to_owned(),
        None => fresh(&config.data.dir)?,
    };
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("find {}", folder.display()))
}

fn fresh(data: &Path) -> anyhow::Result<PathBuf> {
    for number in 1..=MAX_FOLDERS {
        let folder = data.join(format!("quickstart-{number}"));
        if !folder.exists() {
            return Ok(folder);
        }
    }
    bail!("{} holds {MAX_FOLDERS} quickstarts already; remove some", data.display())
}

/// Writes the data and the configuration, and says where the configuration is.
pub(super) fn write(
    config: &Config,
    folder: &Path,
    task: &Task,
    choice: &Choice,
    billing: SocketAddr,
) -> anyhow::Result<PathBuf> {
    let files = folder.join("files");
    task.write_files(&files)?;
    let mut config = config.clone();
    config.data.dir = folder.to_owned();
    config.server.listen = free_address(config.server.listen);
    config.server.default_model = Some(choice.name.clone());
    config.tools.workspaces = None;
    config.tools.workspace_template = Some(files);
    config.tools.private_hosts_allowed.push(billing.to_string());
    if choice.is_replay {
        let file = folder.join("replay.json");
        fs::write(&file, task::REPLAY).with_context(|| format!("write {}", file.display()))?;
        config.embedded_model.replay_file = Some(file);
    }
    let path = folder.join("mainstay.toml");
    let text = toml::to_string(&config).context("write the configuration as TOML")?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// The configured address if nobody has it, else any.
fn free_address(wanted: SocketAddr) -> SocketAddr {
    let any = SocketAddr::new(wanted.ip(), 0);
    let bound = TcpListener::bind(wanted).or_else(|_| TcpListener::bind(any));
    bound.and_then(|listener| listener.local_addr()).unwrap_or(any)
}
