//! Programs and libraries that come as Debian packages.
//!
//! Invariant: apt-get is used only for what a probe did not find, and only as root or through sudo;
//! everybody else is told the exact command.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Purpose, python};
use crate::process;

/// Something that is either found on the machine or comes with packages.
pub(super) struct Need {
    pub(super) what: &'static str,
    pub(super) packages: &'static [&'static str],
    since: Purpose,
    /// Whether we go on without it where it cannot be installed.
    is_spare: bool,
    found: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler, for SQLite",
        packages: &["gcc", "libc6-dev"],
        since: Purpose::Build,
        is_spare: false,
        found: || on_path("cc"),
    },
    Need {
        what: "a C++ compiler, for the embedded model",
        packages: &["g++"],
        since: Purpose::Quickstart,
        is_spare: false,
        found: || on_path("c++"),
    },
    Need {
        what: "make, for the embedded model",
        packages: &["make"],
        since: Purpose::Quickstart,
        is_spare: false,
        found: || on_path("make"),
    },
    Need {
        what: "cmake, for the embedded model",
        packages: &["cmake"],
        since: Purpose::Quickstart,
        is_spare: false,
        found: || on_path("cmake"),
    },
    Need {
        what: "clang, for the embedded model's bindings",
        packages: &["clang"],
        since: Purpose::Quickstart,
        is_spare: false,
        found: || on_path("clang"),
    },
    Need {
        what: "libclang, for the embedded model's bindings",
        packages: &["libclang-dev"],
        since: Purpose::Quickstart,
        is_spare: false,
        found: libclang_found,
    },
    Need {
        what: "pip, for the embedded model where its publisher cannot be reached",
        packages: &["python3", "python3-pip"],
        since: Purpose::Quickstart,
        is_spare: true,
        found: python::with_pip,
    },
    Need {
        what: "Python with venv, for the SDK tests",
        packages: &["python3", "python3-venv"],
        since: Purpose::Image,
        is_spare: false,
        found: || python::with_venv().is_some(),
    },
    Need {
        what: "bubblewrap, for sandboxes",
        packages: &["bubblewrap"],
        since: Purpose::Image,
        is_spare: false,
        found: || on_path("bwrap"),
    },
    Need {
        what: "QEMU, for sandboxes with a kernel of their own",
        packages: &["qemu-system-x86"],
        since: Purpose::Image,
        is_spare: false,
        found: || on_path("qemu-system-x86_64"),
    },
    Need {
        what: "mkfs.ext4, for the disks of sandboxes",
        packages: &["e2fsprogs"],
        since: Purpose::Image,
        is_spare: false,
        found: || on_path("mkfs.ext4") || Path::new("/usr/sbin/mkfs.ext4").is_file(),
    },
    Need {
        what: "mksquashfs, for images of sandboxes",
        packages: &["squashfs-tools"],
        since: Purpose::Image,
        is_spare: false,
        found: || on_path("mksquashfs"),
    },
    Need {
        what: "mmdebstrap, for the root image",
        packages: &["mmdebstrap"],
        since: Purpose::Image,
        is_spare: false,
        found: || on_path("mmdebstrap"),
    },
    Need {
        what: "the source of the guest's kernel",
        packages: &["linux-source-6.1"],
        since: Purpose::Image,
        is_spare: true,
        found: || Path::new("/usr/src/linux-source-6.1.tar.xz").is_file(),
    },
    Need {
        what: "make, for the guest's kernel",
        packages: &["make"],
        since: Purpose::Image,
        is_spare: true,
        found: || on_path("make"),
    },
    Need {
        what: "flex, for the guest's kernel",
        packages: &["flex"],
        since: Purpose::Image,
        is_spare: true,
        found: || on_path("flex"),
    },
    Need {
        what: "bison, for the guest's kernel",
        packages: &["bison"],
        since: Purpose::Image,
        is_spare: true,
        found: || on_path("bison"),
    },
    Need {
        what: "bc, for the guest's kernel",
        packages: &["bc"],
        since: Purpose::Image,
        is_spare: true,
        found: || on_path("bc"),
    },
    Need {
        what: "libelf, for the guest's kernel",
        packages: &["libelf-dev"],
        since: Purpose::Image,
        is_spare: true,
        found: || Path::new("/usr/include/libelf.h").is_file(),
    },
];

pub(super) fn ensure(purpose: Purpose) -> Result<()> {
    let (spare, needed): (Vec<_>, Vec<_>) =
        missing(NEEDS, purpose).into_iter().partition(|need| need.is_spare);
    get(&needed)?;
    if let Err(error) = get(&spare) {
        println!("going on without it: {error:#}");
    }
    Ok(())
}

/// Installs these and looks for them again.
fn get(missing: &[&Need]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    for need in missing {
        println!("missing: {}", need.what);
    }
    install(&packages(missing))?;
    match missing.iter().find(|need| !(need.found)()) {
        Some(need) => {
            bail!("installing {}: not found even after apt-get had installed it", need.what)
        }
        None => Ok(()),
    }
}

fn missing(needs: &'static [Need], purpose: Purpose) -> Vec<&'static Need> {
    needs.iter().filter(|need| purpose.includes(need.since) && !(need.found)()).collect()
}

fn packages(missing: &[&Need]) -> Vec<&'static str> {
    missing.iter().flat_map(|need| need.packages.iter().copied()).collect()
}

fn install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", packages.join(" "));
    if !on_path("apt-get") {
        bail!(
            "installing packages: there is no apt-get here; install what Debian calls: {}",
            packages.join(" ")
        );
    }
    let Some(prefix) = privilege() else {
        bail!("installing packages needs root; run:\n  {by_hand}");
    };
    apt_get(&prefix, &["update", "-q"])?;
    let options = ["install", "-q", "-y", "--no-install-recommends"];
    apt_get(&prefix, &[&options[..], packages].concat())
        .with_context(|| format!("installing packages; to try by hand:\n  {by_hand}"))
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    process::run(Command::new(words[0]).args(&words[1..]))
}

/// The words before a command that needs root; `None` if we cannot become root.
fn privilege() -> Option<Vec<&'static str>> {
    let user = process::capture(Command::new("id").arg("-u")).unwrap_or_default();
    if user.trim() == "0" {
        return Some(Vec::new());
    }
    let can_ask = io::stdin().is_terminal();
    let sudo_works = on_path("sudo")
        && (can_ask || process::succeeds(Command::new("sudo").args(["-n", "true"])));
    sudo_works.then(|| vec!["sudo"])
}

fn on_path(program: &str) -> bool {
    process::find(program, &env::var_os("PATH").unwrap_or_default()).is_some()
}

/// Where bindgen looks for the library, in the same order.
fn libclang_found() -> bool {
    let named = env::var_os("LIBCLANG_PATH").into_iter().map(PathBuf::from);
    let llvm = folders_in("/usr/lib", "llvm-").map(|folder| folder.join("lib"));
    let multiarch =
        folders_in("/usr/lib", "").filter(|folder| folder.to_string_lossy().contains("-linux-"));
    named.chain(llvm).chain(multiarch).any(|folder| holds(&folder, "libclang"))
}

fn folders_in(parent: &str, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(move |entry| name_of(&entry.file_name()).starts_with(prefix))
        .map(|entry| entry.path())
}

/// A shared library of that name: `libclang.so`, `libclang-14.so.1`, but not `libclang-cpp.so`.
fn holds(folder: &Path, library: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| name_of(&entry.file_name())).any(|name| is_library(&name, library))
}

fn is_library(file_name: &str, library: &str) -> bool {
    let Some(rest) = file_name.strip_prefix(library) else {
        return false;
    };
    let version = rest.split(".so").next().unwrap_or_default();
    rest.contains(".so") && version.chars().all(|c| c == '-' || c == '.' || c.is_ascii_digit())
}

fn name_of(name: &OsString) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
#[path = "debian_tests.rs"]
mod tests;
