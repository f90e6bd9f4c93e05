//! Machines of tests: made in a folder that goes with them, with everything that they hold.
#![expect(
    clippy::disallowed_methods,
    reason = "guests are given the time that it is, and the images of whoever runs the tests"
)]

use std::collections::BTreeMap;
use std::env;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mainstay_adapters::sandbox::image::{DEFAULT_IMAGE, ImageFolder};
use mainstay_adapters::sandbox::microvm::{MicrovmDriver, MicrovmSettings};
use mainstay_adapters::sandbox::{Driver, Gate, Hello, Machine, MachineSpec, Place};
use mainstay_core::port::{ExecEnd, ExecOutput, ExecRequest, SandboxError};
use mainstay_protocol::EffectId;
use tokio::io::DuplexStream;

const TIMEOUT_MS: u64 = 60_000;
const OUTPUT_LIMIT_BYTES: usize = 1 << 16;

static NEXT_EFFECT: AtomicU32 = AtomicU32::new(1);

/// A driver whose templates are shared by all tests, and a folder of its own.
pub(super) struct Rig {
    pub(super) driver: MicrovmDriver,
    pub(super) spec: MachineSpec,
    folder: tempfile::TempDir,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::of(images())
    }

    /// With Debian's kernel in place of ours; the folder has the rest of the images.
    pub(super) fn with_fallback(folder: &Path) -> Self {
        let images = images();
        let manifest = images.join("fallback.json");
        assert!(manifest.is_file(), "run `cargo xtask image --with-fallback`: no {manifest:?}");
        for name in ["kernels", "agents", "roots", "names"] {
            symlink(images.join(name), folder.join(name)).expect("a link can be made");
        }
        symlink(manifest, folder.join("machine.json")).expect("a link can be made");
        Self::of(folder.to_owned())
    }

    fn of(folder: PathBuf) -> Self {
        let image = ImageFolder::new(folder.clone()).image(DEFAULT_IMAGE).unwrap_or_else(|error| {
            panic!("the tests of machines need the image folder: {error}");
        });
        let settings = MicrovmSettings::new(images().join("test-scratch"), folder);
        let spec = MachineSpec {
            image: Arc::new(image),
            cpus: 1,
            memory_mib: 512,
            disk_mib: 256,
            processes: 128,
        };
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { driver: MicrovmDriver::new(settings), spec, folder }
    }

    /// A place for a machine of this name.
    pub(super) fn place(&self, name: &str) -> Place {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Place::new(path)
    }

    pub(super) async fn boot(&self, name: &str) -> Place {
        let place = self.place(name);
        self.driver.boot(&place, &self.spec).await.expect("it starts");
        place
    }

    pub(super) async fn connect(&self, place: &Place) -> Machine {
        let stream = self.driver.connect(place).await.expect("it can be reached");
        Machine::connect(stream, hello(), Arc::new(Shut)).await.expect("its agent answers")
    }

    /// Ends machines, and looks that nothing of them is left.
    pub(super) async fn end(self, places: &[&Place]) {
        for place in places {
            self.driver.destroy(place).await.expect("it can be ended");
            assert_eq!(processes_of(place.folder()), 0, "no process is left");
        }
        self.folder.close().expect("its folder can be removed");
    }
}

/// The image folder of this user, or the one that is named.
pub(in crate::sandbox) fn images() -> PathBuf {
    let named = env::var_os("MAINSTAY_IMAGES").map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cached = || cache.or_else(home).map(|cache| cache.join("mainstay/images"));
    named.or_else(cached).expect("HOME is set")
}

/// Processes on whose command line a folder is named.
pub(super) fn processes_of(folder: &Path) -> usize {
    let folder = folder.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").expect("there are processes").flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(&folder))
        .count()
}

pub(super) fn hello() -> Hello {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let mut entropy = [0; 64];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut entropy))
        .expect("there is randomness");
    Hello {
        env: BTreeMap::new(),
        ca_pem: None,
        now_unix_ns: u64::try_from(now.as_nanos()).expect("it is before 2500"),
        entropy,
        processes: Some(128),
        orphan_timeout: Duration::ZERO,
    }
}

/// Now, as `date +%s` has it.
pub(super) fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("it is after 1970").as_secs()
}

/// Nothing leaves.
struct Shut;

impl Gate for Shut {
    fn open(&self, _: DuplexStream) {}
}

pub(super) fn shell(line: &str) -> ExecRequest {
    let number = NEXT_EFFECT.fetch_add(1, Ordering::Relaxed);
    ExecRequest {
        effect: EffectId::parse(&format!("eff_{number}")).expect("an id"),
        argv: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: Bytes::new(),
        timeout_ms: TIMEOUT_MS,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
    }
}

pub(super) async fn try_run(machine: &Machine, line: &str) -> Result<ExecOutput, SandboxError> {
    machine.exec(shell(line), None).await
}

/// What a command that works prints.
#[track_caller]
pub(super) fn text(output: &ExecOutput) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert_eq!(output.end, ExecEnd::Exited { code: 0 }, "{out}{err}");
    out.trim().to_owned()
}

pub(super) async fn run(machine: &Machine, line: &str) -> String {
    let output = try_run(machine, line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    text(&output)
}
