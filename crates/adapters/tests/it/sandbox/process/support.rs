//! Machines for tests, and the proof that nothing is left of them.
#![expect(clippy::disallowed_methods, reason = "the images are those of whoever runs the tests")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mainstay_adapters::sandbox::image::{DEFAULT_IMAGE, ImageFolder};
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};
use mainstay_adapters::sandbox::{Driver, Gate, Hello, Image, Machine, MachineSpec, Place};
use mainstay_core::port::{ExecEnd, ExecOutput, ExecRequest};
use mainstay_protocol::EffectId;
use tempfile::TempDir;
use tokio::io::DuplexStream;

/// What is kept of a command's output.
const OUTPUT_LIMIT_BYTES: usize = 64 * 1024;
/// Long enough for a busy machine.
const TIMEOUT_MS: u64 = 60_000;

/// The image of this installation.
pub(super) fn image() -> Image {
    let named = env::var_os("MAINSTAY_IMAGES").map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = named.or_else(|| Some(cache.or_else(home)?.join("mainstay/images")));
    let folder = folder.expect("MAINSTAY_IMAGES, XDG_CACHE_HOME or HOME is set");
    let image = ImageFolder::new(folder).image(DEFAULT_IMAGE);
    image.expect("these tests need the root image: run `cargo xtask image`")
}

/// Refuses every connection of a machine.
struct Shut;

impl Gate for Shut {
    fn open(&self, _: DuplexStream) {}
}

/// A data folder with a driver.
pub(in crate::sandbox) struct Host {
    data: TempDir,
    pub(super) driver: ProcessDriver,
}

/// A machine that runs.
pub(in crate::sandbox) struct Sandbox {
    pub(super) place: Place,
    pub(super) machine: Machine,
    commands: AtomicU64,
}

impl Host {
    pub(in crate::sandbox) async fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let driver = Self::driver(data.path());
        let works = driver.probe().await;
        works.expect("these tests need the process tier: install bubblewrap");
        Self { data, driver }
    }

    /// Another process's driver on the same folder.
    pub(super) fn another_driver(&self) -> ProcessDriver {
        Self::driver(self.data.path())
    }

    fn driver(scratch: &Path) -> ProcessDriver {
        ProcessDriver::new(ProcessSettings::new(scratch.to_owned())).expect("a filter is made")
    }

    pub(super) fn folder(&self) -> &Path {
        self.data.path()
    }

    pub(super) fn spec() -> MachineSpec {
        let image = Arc::new(image());
        MachineSpec { image, cpus: 1, memory_mib: 256, disk_mib: 32, processes: 48 }
    }

    pub(in crate::sandbox) async fn start(&self, name: &str) -> Sandbox {
        let folder = self.data.path().join(name);
        fs::create_dir(&folder).expect("made");
        let place = Place::new(folder);
        self.driver.boot(&place, &Self::spec()).await.expect("the machine starts");
        let machine = connect(&self.driver, &place).await;
        Sandbox { place, machine, commands: AtomicU64::new(0) }
    }

    /// Ends a machine and looks for what is left of it.
    pub(in crate::sandbox) async fn end(&self, sandbox: Sandbox) {
        let folder = sandbox.place.folder().to_owned();
        let user = fs::metadata(folder.join("workspace")).expect("it has a workspace").uid();
        drop(sandbox.machine);
        self.driver.destroy(&sandbox.place).await.expect("the machine ends");
        assert!(!self.driver.is_running(&sandbox.place).await);
        assert_eq!(processes_of(&folder, user), Vec::<String>::new(), "processes are left");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts are readable");
        let name = folder.to_str().expect("the path is text");
        assert!(!mounts.contains(name), "a mount is left: {mounts}");
        assert_eq!(groups_of_machines(&folder), Vec::<PathBuf>::new(), "groups are left");
        fs::remove_dir_all(&folder).expect("removed");
    }
}

impl Sandbox {
    /// Runs a shell command.
    pub(super) async fn shell(&self, script: &str) -> ExecOutput {
        self.exec(&["/bin/sh", "-c", script], TIMEOUT_MS).await
    }

    /// Runs a Python program.
    pub(super) async fn python(&self, source: &str) -> ExecOutput {
        self.exec(&["python3", "-c", source], TIMEOUT_MS).await
    }

    pub(super) async fn exec(&self, argv: &[&str], timeout_ms: u64) -> ExecOutput {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let request = command(number, argv, timeout_ms);
        self.machine.exec(request, None).await.expect("the agent answers")
    }

    /// What a command printed, which must have worked.
    pub(in crate::sandbox) async fn text(&self, script: &str) -> String {
        let output = self.shell(script).await;
        let text = printed(&output);
        assert_eq!(output.end, ExecEnd::Exited { code: 0 }, "{script}: {text}");
        text
    }
}

pub(super) fn command(number: u64, argv: &[&str], timeout_ms: u64) -> ExecRequest {
    ExecRequest {
        effect: EffectId::parse(&format!("eff_{number}")).expect("an id"),
        argv: argv.iter().map(ToString::to_string).collect(),
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: Bytes::new(),
        timeout_ms,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
    }
}

/// Both outputs.
pub(super) fn printed(output: &ExecOutput) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

pub(super) async fn connect(driver: &dyn Driver, place: &Place) -> Machine {
    let stream = driver.connect(place).await.expect("somebody listens");
    let hello = Hello {
        env: BTreeMap::new(),
        ca_pem: None,
        now_unix_ns: 0,
        entropy: [7; 64],
        processes: None,
        orphan_timeout: Duration::ZERO,
    };
    Machine::connect(stream, hello, Arc::new(Shut)).await.expect("the agent answers")
}

/// Processes that belong to a machine: by its user, where it has one of its own, and by the name that
/// they were started under.
fn processes_of(folder: &Path, user: u32) -> Vec<String> {
    let mut found = Vec::new();
    let own = fs::metadata("/proc/self").expect("it is there").uid();
    for entry in fs::read_dir("/proc").expect("it is there").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_named = line.starts_with(folder.as_os_str().as_encoded_bytes());
        let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
        let owner = entry.metadata().map(|metadata| metadata.uid());
        if is_process && (is_named || user != own && owner.is_ok_and(|owner| owner == user)) {
            found.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    found
}

/// Control groups of machines that have no process, other than those of machines that run.
pub(super) fn groups_of_machines(folder: &Path) -> Vec<PathBuf> {
    use sha2::Digest;
    let folder = folder.canonicalize().expect("it is there");
    let digest = sha2::Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let name = hex::encode(&digest[..8]);
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(parent) = waiting.pop() {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_str() == Some(&name) {
                    found.push(entry.path());
                }
                waiting.push(entry.path());
            }
        }
    }
    found
}
