//! A driver whose machines are files: the hub without any machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{
    Checkpoint, Clock, ExecRequest, NetworkRule, SandboxRequest, SandboxSpec, SandboxTier,
};
use mainstay_protocol::{EffectId, SessionId, TenantId};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::fake_guest::FakeConnector;
use crate::sandbox::hub::{Hub, HubParts, HubSettings, Images};
use crate::sandbox::{
    Driver, DriverCapabilities, DriverError, Image, KernelKind, MachineSpec, Place, Unusable,
};

/// A machine runs while this file is in its folder.
const RUNNING: &str = "running";

/// What the fakes did, and what they are to do.
pub(super) struct World {
    pub(super) log: Mutex<Vec<String>>,
    pub(super) is_unusable: AtomicBool,
    pub(super) fails_boot: AtomicBool,
    pub(super) breaks: AtomicBool,
    /// Whether the driver keeps processes, and with them memory.
    pub(super) keeps_memory: AtomicBool,
    /// Kills for want of memory, and whether the next command is one's victim.
    pub(super) memory_kills: AtomicU64,
    pub(super) kills_next: AtomicBool,
    /// Whether guests know of every command that it ended well.
    pub(super) knows_fates: AtomicBool,
    now_ms: AtomicU64,
    /// Commands named `wait` each give one and end when they take one.
    pub(super) waits: Semaphore,
    pub(super) go_on: Semaphore,
}

impl Default for World {
    fn default() -> Self {
        Self {
            log: Mutex::default(),
            is_unusable: AtomicBool::default(),
            fails_boot: AtomicBool::default(),
            breaks: AtomicBool::default(),
            keeps_memory: AtomicBool::default(),
            memory_kills: AtomicU64::default(),
            kills_next: AtomicBool::default(),
            knows_fates: AtomicBool::default(),
            now_ms: AtomicU64::default(),
            waits: Semaphore::new(0),
            go_on: Semaphore::new(0),
        }
    }
}

impl World {
    pub(super) fn note(&self, what: String) {
        self.log.lock().expect("no test panics with it").push(what);
    }

    pub(super) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().expect("no test panics with it"))
    }

    pub(super) fn pass(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for World {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn sleep_until(&self, at_ms: u64) {
        if at_ms.saturating_sub(self.now_ms()) > LONGEST_WAIT_MS {
            // Tests look after machines themselves.
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        self.now_ms.fetch_max(at_ms, Ordering::SeqCst);
    }
}

/// Longer waits are those of whoever looks after machines.
const LONGEST_WAIT_MS: u64 = 1_000;

pub(super) struct FileDriver(pub(super) Arc<World>);

impl FileDriver {
    fn note(&self, what: &str, place: &Place) {
        let name = place.folder().file_name().expect("a machine's folder has a name");
        self.0.note(format!("{what} {}", name.to_string_lossy()));
    }
}

#[async_trait]
impl Driver for FileDriver {
    fn name(&self) -> &'static str {
        "files"
    }

    fn capabilities(&self) -> DriverCapabilities {
        let parks_processes = self.0.keeps_memory.load(Ordering::SeqCst);
        DriverCapabilities { tier: SandboxTier::Process, parks_processes }
    }

    async fn probe(&self) -> Result<(), Unusable> {
        if self.0.is_unusable.load(Ordering::SeqCst) {
            let (reason, remedy) = ("there is no files".to_owned(), "get some".to_owned());
            return Err(Unusable { reason, remedy });
        }
        Ok(())
    }

    async fn boot(&self, place: &Place, _: &MachineSpec) -> Result<(), DriverError> {
        self.note("boot", place);
        fs::write(place.folder().join(RUNNING), "").expect("written");
        if self.0.fails_boot.load(Ordering::SeqCst) {
            return Err(DriverError::Broken { attempted: "boot", reason: "told to".to_owned() });
        }
        Ok(())
    }

    async fn is_running(&self, place: &Place) -> bool {
        place.folder().join(RUNNING).exists()
    }

    async fn connect(&self, place: &Place) -> Result<UnixStream, DriverError> {
        self.note("connect", place);
        let (near, _) = UnixStream::pair().expect("a pair of sockets");
        Ok(near)
    }

    async fn park(&self, place: &Place) -> Result<(), DriverError> {
        self.note("park", place);
        let _ = fs::remove_file(place.folder().join(RUNNING));
        Ok(())
    }

    async fn flush(&self, place: &Place) -> Result<bool, DriverError> {
        self.note("flush", place);
        Ok(true)
    }

    async fn unpark(&self, place: &Place, _: &MachineSpec) -> Result<(), DriverError> {
        self.note("unpark", place);
        fs::write(place.folder().join(RUNNING), "").expect("written");
        Ok(())
    }

    async fn fork(&self, place: &Place, copy: &Place, _: &MachineSpec) -> Result<(), DriverError> {
        self.note("fork", place);
        fs::write(copy.folder().join(RUNNING), "").expect("written");
        Ok(())
    }

    async fn keep(&self, place: &Place, image: &Place) -> Result<(), DriverError> {
        self.note("keep", place);
        fs::write(image.folder().join("memory"), [0; 4096]).expect("written");
        Ok(())
    }

    async fn resume(
        &self,
        image: &Place,
        place: &Place,
        _: &MachineSpec,
    ) -> Result<(), DriverError> {
        self.note("resume", place);
        if self.0.fails_boot.load(Ordering::SeqCst) || !image.folder().join("memory").exists() {
            return Err(DriverError::Broken { attempted: "resume", reason: "told to".to_owned() });
        }
        fs::write(place.folder().join(RUNNING), "").expect("written");
        Ok(())
    }

    async fn memory_kills(&self, _: &Place) -> Option<u64> {
        Some(self.0.memory_kills.load(Ordering::SeqCst))
    }

    async fn destroy(&self, place: &Place) -> Result<(), DriverError> {
        self.note("destroy", place);
        let _ = fs::remove_file(place.folder().join(RUNNING));
        Ok(())
    }
}

struct OneImage;

impl Images for OneImage {
    fn image(&self, name: &str) -> Result<Image, String> {
        match name {
            "default" => Ok(Image {
                name: name.to_owned(),
                digest: "d1".to_owned(),
                tree: PathBuf::new(),
                disk: PathBuf::new(),
                agent: PathBuf::new(),
                kernel: PathBuf::new(),
                kernel_kind: KernelKind::default(),
            }),
            _ => Err(format!("there is no image {name}")),
        }
    }
}

pub(super) fn checkpoint(workspace: &str) -> Checkpoint {
    let workspace = workspace.to_owned();
    Checkpoint { workspace, file_count: 1, size_bytes: 1, written_bytes: 1 }
}

pub(super) fn session(name: &str) -> SessionId {
    SessionId::parse(name).expect("an id")
}

/// A hub on a folder, as after a start.
pub(super) async fn hub(machines: &Path, world: &Arc<World>) -> Hub {
    hub_with(machines, world, 0).await
}

/// The same with so many machines that wait.
pub(super) async fn hub_with(machines: &Path, world: &Arc<World>, warm_machines: usize) -> Hub {
    hub_keeping(machines, world, warm_machines, 0).await
}

/// The same with so many memory images of checkpoints.
pub(super) async fn hub_keeping(
    machines: &Path,
    world: &Arc<World>,
    warm_machines: usize,
    memory_images: usize,
) -> Hub {
    let settings = HubSettings {
        machines: machines.to_owned(),
        max_machines: 2,
        max_total_memory_mib: 1024,
        host_memory_mib: Some(2048),
        max_cpus: 2,
        max_memory_mib: 4096,
        max_disk_mib: 1024,
        max_processes: 100,
        idle_ms: 1_000,
        parked_ms: 10_000,
        warm_machines,
        memory_images,
        max_memory_images_mib: 1,
    };
    let parts = HubParts {
        drivers: vec![Arc::new(FileDriver(Arc::clone(world)))],
        images: Arc::new(OneImage),
        connector: Arc::new(FakeConnector(Arc::clone(world))),
        clock: Arc::clone(world) as Arc<dyn Clock>,
    };
    Hub::start(settings, parts).await.expect("the hub starts")
}

pub(super) fn spec() -> SandboxSpec {
    SandboxSpec {
        tier: None,
        image: "default".to_owned(),
        cpus: 1,
        memory_mib: 256,
        disk_mib: 256,
        processes: 64,
        network: NetworkRule::None,
        executor: None,
    }
}

/// A call of a session that has no checkpoint yet.
pub(super) fn request(name: &str) -> SandboxRequest {
    SandboxRequest {
        tenant: TenantId::parse("tnt_1").expect("an id"),
        session: session(name),
        spec: Arc::new(spec()),
        setup: Arc::default(),
        secrets: Arc::new([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    }
}

pub(super) fn command(text: &str) -> ExecRequest {
    ExecRequest {
        effect: EffectId::parse("eff_1").expect("an id"),
        argv: vec![text.to_owned()],
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: Bytes::new(),
        timeout_ms: 1000,
        output_limit_bytes: 1000,
    }
}

/// The folders that are left.
pub(super) fn folders(machines: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(machines) else { return BTreeSet::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
