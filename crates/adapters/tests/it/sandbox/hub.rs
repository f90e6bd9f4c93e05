//! The hub with real machines: copies of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_adapters::sandbox::egress::{Authority, EgressSettings};
use mainstay_adapters::sandbox::hub::{
    AgentConnector, Hub, HubParts, HubSettings, Images, LinkParts,
};
use mainstay_adapters::sandbox::image::{DEFAULT_IMAGE, ImageFolder};
use mainstay_adapters::sandbox::microvm::{MicrovmDriver, MicrovmSettings};
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};
use mainstay_adapters::sandbox::{Driver, Image};
use mainstay_adapters::tool::SystemLookup;
use mainstay_core::port::{
    BlobError, Blobs, ExecRequest, NetworkRule, Readiness, SandboxRequest, SandboxSpec,
    SandboxTier, Sandboxes,
};
use mainstay_protocol::{EffectId, SessionId, TenantId, sha256_hex};
use tokio::sync::watch;

use super::executor_bench::{Counted, TestClock};
use super::microvm::rig::images;

const MIB: u64 = 512;
const NOW_MS: u64 = 1_700_000_000_000;

#[derive(Default)]
struct Memory(Mutex<HashMap<String, Bytes>>);

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, _: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        let hash = sha256_hex(&bytes);
        self.0.lock().expect("no test panics with it").insert(hash.clone(), bytes);
        Ok(hash)
    }

    async fn get(&self, _: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        Ok(self.0.lock().expect("no test panics with it").get(hash).cloned())
    }
}

struct Folder(ImageFolder);

impl Images for Folder {
    fn image(&self, name: &str) -> Result<Image, String> {
        self.0.image(name).map_err(|error| error.to_string())
    }
}

async fn hub(folder: &Path, tier: SandboxTier) -> Hub {
    let (machines, images) = (folder.join("machines"), images());
    std::fs::create_dir(&machines).expect("a folder can be made");
    let driver: Arc<dyn Driver> = match tier {
        SandboxTier::Microvm => Arc::new(MicrovmDriver::new(MicrovmSettings::new(
            images.join("test-scratch"),
            images.clone(),
        ))),
        SandboxTier::Process => {
            let settings = ProcessSettings::new(machines.clone());
            Arc::new(ProcessDriver::new(settings).expect("a filter is made"))
        }
    };
    let clock = Arc::new(TestClock(watch::Sender::new(NOW_MS)));
    let authority = Arc::new(Authority::open(folder).expect("an authority is made"));
    let egress =
        EgressSettings::new(Vec::new(), &[], Arc::new(SystemLookup), authority, clock.clone());
    let link = LinkParts {
        blobs: Arc::new(Memory::default()),
        egress: Arc::new(egress.expect("no roots are named")),
        clock: clock.clone(),
        entropy: Arc::new(Counted(AtomicU64::new(1))),
    };
    let parts = HubParts {
        drivers: vec![driver],
        images: Arc::new(Folder(ImageFolder::new(images))),
        connector: Arc::new(AgentConnector::new(&machines, link)),
        clock,
    };
    let settings = HubSettings {
        machines,
        max_machines: 3,
        max_total_memory_mib: 3 * MIB,
        host_memory_mib: None,
        max_cpus: 1,
        max_memory_mib: MIB,
        max_disk_mib: MIB,
        max_processes: 128,
        idle_ms: 60_000,
        parked_ms: 60_000,
        memory_images: 0,
        max_memory_images_mib: 0,
        warm_machines: 0,
    };
    Hub::start(settings, parts).await.expect("the hub starts")
}

fn request(session: &str, tier: SandboxTier) -> SandboxRequest {
    SandboxRequest {
        tenant: TenantId::parse("ten_a").expect("an id"),
        session: SessionId::parse(session).expect("an id"),
        spec: Arc::new(SandboxSpec {
            tier: Some(tier),
            image: DEFAULT_IMAGE.to_owned(),
            cpus: 1,
            memory_mib: MIB,
            disk_mib: MIB / 2,
            processes: 128,
            network: NetworkRule::None,
            executor: None,
        }),
        setup: Arc::default(),
        secrets: Arc::new([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    }
}

/// What a command prints, and what is told of its machine.
async fn run(hub: &Hub, request: &SandboxRequest, id: u32, script: &str) -> (String, Readiness) {
    let exec = ExecRequest {
        effect: EffectId::parse(&format!("eff_{id}")).expect("an id"),
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: Bytes::new(),
        timeout_ms: 60_000,
        output_limit_bytes: 4_096,
    };
    let (output, readiness) = hub.exec(request, exec, None).await.expect("it runs");
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&printed).trim().to_owned(), readiness)
}

#[tokio::test]
async fn a_machine_is_copied_with_its_processes_or_its_files() {
    let alive = "cat file; grep -qs sleep /proc/*/comm && echo alive; true";
    for (tier, seen, told) in [
        (SandboxTier::Microvm, "both\nalive", Readiness::Running),
        (SandboxTier::Process, "both", Readiness::Restored { lost_calls: 0 }),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let hub = hub(folder.path(), tier).await;
        let (one, other) = (request("ses_one", tier), request("ses_other", tier));
        let script = "echo both > file; (sleep 1000 &) > /dev/null 2>&1";
        run(&hub, &one, 1, script).await;
        assert_eq!(hub.fork(&one.session, &other).await, Ok(true), "{tier:?}");
        let (printed, readiness) = run(&hub, &other, 2, alive).await;
        assert_eq!((printed.as_str(), readiness), (seen, told), "{tier:?}");
        run(&hub, &other, 3, "echo other > file").await;
        let (printed, readiness) = run(&hub, &one, 2, alive).await;
        assert_eq!((printed.as_str(), readiness), ("both\nalive", Readiness::Running), "{tier:?}");
        let saved = hub.save(&other.session, 0, None).await.expect("the copy is saved");
        assert_eq!(saved.checkpoint.expect("it has a machine").file_count, 1, "{tier:?}");
        for session in [&one.session, &other.session] {
            hub.destroy(session).await.expect("it ends");
        }
        assert!(hub.list().await.expect("listed").is_empty());
    }
}
