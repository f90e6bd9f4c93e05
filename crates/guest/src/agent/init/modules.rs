//! Drivers that a kernel of somebody else's has as modules.
//!
//! Invariant: they are loaded before there is a session, and their files are gone then. A module is
//! loaded once: who comes later finds none. Deliberately absent: modules by name, and what they need of
//! each other; whoever made the initial file system has put them in order.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;

use rustix::system::finit_module;

const FOLDER: &str = "/modules";

/// Loads what lies there, if anything does.
pub(super) fn load_all() -> Result<(), String> {
    let told = |error: io::Error| format!("read the modules in {FOLDER}: {error}");
    let entries = match fs::read_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(told)?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names: Vec<OsString> = names.collect::<io::Result<_>>().map_err(told)?;
    names.sort();
    for name in names {
        let path = format!("{FOLDER}/{}", name.to_string_lossy());
        let file = File::open(&path).map_err(|error| format!("open {path}: {error}"))?;
        finit_module(&file, c"", 0).map_err(|error| format!("load {path}: {error}"))?;
    }
    // They are in memory, twice as long as their files are.
    fs::remove_dir_all(FOLDER).map_err(|error| format!("remove {FOLDER}: {error}"))
}
