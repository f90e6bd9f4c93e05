//! What this host has of what isolates machines, for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use super::cgroup::Groups;
use super::probe;

/// Asks for the version instead of making a rule set.
const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;

/// What this host has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostFacts {
    /// The kernel's release.
    pub kernel: String,
    /// The most user namespaces; none where the kernel has none.
    pub user_namespaces_max: Option<u64>,
    /// Landlock's version; none where the kernel has none.
    pub landlock_abi: Option<u32>,
    /// Control groups that machines can be bound with.
    pub control_groups: Vec<String>,
    /// Those that cannot be made here.
    pub control_groups_missing: Vec<String>,
    /// Whether there is a device for hardware virtualisation; it may work or not.
    pub kvm_device: bool,
    /// Bubblewrap.
    pub bubblewrap: Option<ProgramFacts>,
    /// QEMU.
    pub qemu: Option<ProgramFacts>,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramFacts {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of its version.
    pub version: String,
}

impl HostFacts {
    /// Looks; starts nothing but programs that say their version.
    #[must_use]
    pub fn look(bubblewrap: &Path) -> Self {
        let groups = Groups::find();
        let missing: Vec<_> = groups.missing().into_iter().map(str::to_owned).collect();
        let known = ["memory", "pids", "cpu"].map(str::to_owned);
        let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
        Self {
            kernel: read("/proc/sys/kernel/osrelease").unwrap_or_default(),
            user_namespaces_max: read("/proc/sys/user/max_user_namespaces")
                .and_then(|text| text.parse().ok()),
            landlock_abi: landlock_abi(),
            control_groups: known.into_iter().filter(|name| !missing.contains(name)).collect(),
            control_groups_missing: missing,
            kvm_device: Path::new("/dev/kvm").exists(),
            bubblewrap: program(bubblewrap),
            qemu: program(Path::new(&qemu)),
        }
    }
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn program(name: &Path) -> Option<ProgramFacts> {
    let path = probe::find(name);
    if !path.is_file() {
        return None;
    }
    let mut command = Command::new(&path);
    command.arg("--version").env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(ProgramFacts { path, version: text.lines().next().unwrap_or_default().to_owned() })
}

fn landlock_abi() -> Option<u32> {
    // SAFETY: with this flag the pointer must be null and is not read; a number comes back.
    #[expect(unsafe_code, reason = "an isolation back end; no safe crate tells the number")]
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(answer).ok().filter(|version| *version > 0)
}
