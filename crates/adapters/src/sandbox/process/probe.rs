//! Whether machines of the process tier come up here, found by starting one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::{fs, io};

use super::super::{Image, KernelKind, MachineSpec, Unusable};
use super::machine::{self, Content, Maker};
use super::procfs::Process;

/// Where programs are, when only a name is given.
const PROGRAM_FOLDERS: [&str; 5] =
    ["/usr/bin", "/usr/local/bin", "/bin", "/usr/local/sbin", "/run/current-system/sw/bin"];
/// What a probe's machine shows of the host, read-only.
const HOST_ENTRIES: [&str; 6] = ["bin", "lib", "lib32", "lib64", "nix", "usr"];
/// What a probe's machine runs.
const PROGRAM: [&str; 1] = ["true"];
/// What begins a probe's folder, before the id of its process.
const PROBE: &str = ".probe-";
const PROBE_MEMORY_MIB: u64 = 64;
const PROBE_DISK_MIB: u64 = 8;
const PROBE_PROCESSES: u32 = 8;

/// The program's path; a name is looked for in the usual folders, and stays one if it is in none.
pub(super) fn find(program: &Path) -> PathBuf {
    if program.components().count() > 1 {
        return program.to_owned();
    }
    let candidates = PROGRAM_FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    let mut found = candidates.filter(|path| path.is_file());
    found.next().unwrap_or_else(|| program.to_owned())
}

/// Starts a machine on the host's own programs.
pub(super) fn probe(maker: &Maker) -> Result<(), Unusable> {
    let program = &maker.settings.bubblewrap;
    if !program.is_file() {
        return Err(Unusable {
            reason: format!("{} is not there", program.display()),
            remedy: "install bubblewrap 0.8 or newer (on Debian and Ubuntu: apt-get install \
                     bubblewrap)"
                .to_owned(),
        });
    }
    end_dead(maker);
    let first = probe_once(maker);
    if first.is_ok() || maker.disks().is_none() {
        return first;
    }
    // A host may show loop devices and allow none.
    maker.is_diskless.store(true, Ordering::Release);
    let second = probe_once(maker);
    if second.is_ok() { second } else { first }
}

/// Ends what probes of servers left that were killed at it.
pub(super) fn end_dead(maker: &Maker) {
    let ended = || -> io::Result<()> {
        for entry in fs::read_dir(&maker.settings.scratch)? {
            let folder = entry?.path();
            if is_dead(&folder) {
                maker.end(&folder)?;
                fs::remove_dir_all(&folder)?;
            }
        }
        Ok(())
    };
    match ended() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "what a killed server left of a probe stays for now");
        }
        _ => {}
    }
    // The folder may be gone, and its device not.
    if let Some(disks) = maker.disks() {
        disks.detach_where(|disk| disk.parent().is_some_and(is_dead));
    }
}

/// Whether a folder is one of a probe whose process is gone.
fn is_dead(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let pid = name.and_then(|name| name.strip_prefix(PROBE)?.parse().ok());
    pid.is_some_and(|pid| Process::now(pid).is_none())
}

fn probe_once(maker: &Maker) -> Result<(), Unusable> {
    let folder = maker.settings.scratch.join(format!("{PROBE}{}", std::process::id()));
    let probed = probe_in(maker, &folder);
    let said = machine::said(&folder);
    let ended = maker.end(&folder);
    let removed = fs::remove_dir_all(&folder);
    probed.and(ended).and(removed).map_err(|error| unusable(&error, &said))
}

fn probe_in(maker: &Maker, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let nowhere = PathBuf::from("/dev/null");
    let image = Image {
        name: "probe".to_owned(),
        digest: String::new(),
        tree: PathBuf::from("/"),
        disk: nowhere.clone(),
        agent: nowhere.clone(),
        kernel: nowhere,
        kernel_kind: KernelKind::default(),
    };
    let spec = MachineSpec {
        image: Arc::new(image),
        cpus: 1,
        memory_mib: PROBE_MEMORY_MIB,
        disk_mib: PROBE_DISK_MIB,
        processes: PROBE_PROCESSES,
    };
    let content =
        Content { tree: Path::new("/"), only: Some(&HOST_ENTRIES), agent: None, program: &PROGRAM };
    let stdin = std::process::Stdio::null();
    let record = maker.start(folder, &content, &spec, stdin)?;
    record.monitor.await_end()?;
    match machine::said(folder) {
        said if said.is_empty() => Ok(()),
        _ => Err(io::Error::other("the probe's machine did not come up")),
    }
}

fn unusable(error: &io::Error, said: &str) -> Unusable {
    let reason = match said.is_empty() {
        true => format!("no namespaces can be made: {error}"),
        false => format!("no namespaces can be made: {said} ({error})"),
    };
    let is_unknown_option = said.contains("Unknown option");
    let remedy = match is_unknown_option {
        true => "install bubblewrap 0.8 or newer",
        false => {
            "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns; under Docker --security-opt \
             seccomp=unconfined and --cap-add SYS_ADMIN), or run the server on a host that has them"
        }
    };
    Unusable { reason, remedy: remedy.to_owned() }
}
