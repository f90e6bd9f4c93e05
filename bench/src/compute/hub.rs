//! Machines as sessions get them: from those that were started ahead, and saved.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, ensure};
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
    BlobError, Blobs, ExecEnd, NetworkRule, SandboxRequest, SandboxSpec, SandboxTier, Sandboxes,
};
use mainstay_protocol::{SessionId, TenantId, sha256_hex};
use mainstay_runtime::{OsEntropy, SystemClock};

use super::figures::{AHEAD, AHEAD_P95, AHEAD_PROCESS, SAVE, SAVED_BYTES};
use super::machine::{command, images, ms};
use super::process::{PYTHON, bare_python};
use crate::figure::Measured;
use crate::sample::{percentile, sorted};
use crate::stage::Scale;

const MACHINES_COUNT: usize = 4;
const MIB: u64 = 512;
const PROCESSES: u32 = 128;
const LONG_MS: u64 = 3_600_000;
/// Ten thousand files of a kilobyte in a hundred folders.
const FILL: &str = "import os
for d in range(100):
    os.makedirs(f'd{d}')
    for f in range(100):
        open(f'd{d}/f{f}', 'wb').write(os.urandom(1000))";
/// Ten of them anew.
const CHANGE: &str = "import os
for d in range(10):
    open(f'd{d}/f0', 'wb').write(os.urandom(1000))";
const CHANGED_BYTES: f64 = 10_000.0;

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let folder = tempfile::tempdir_in(&scale.folder)?;
    let (microvm, process) = (folder.path().join("microvm"), folder.path().join("process"));
    let rounds = scale.pick(20, 3);
    let hub = open(&microvm, SandboxTier::Microvm).await?;
    let ahead = sorted(firsts(&hub, SandboxTier::Microvm, rounds, &["/bin/echo", "1"]).await?);
    let (save, factor) = saves(&hub, rounds).await?;
    hub.stop().await;
    let hub = open(&process, SandboxTier::Process).await?;
    let started = firsts(&hub, SandboxTier::Process, rounds, &PYTHON).await?;
    hub.stop().await;
    let tree = ImageFolder::new(images()?).image(DEFAULT_IMAGE)?.tree;
    let mut bare = Vec::new();
    for _ in 0..rounds {
        bare.push(bare_python(&tree).await?);
    }
    let (bare, started) = (percentile(&sorted(bare), 50), percentile(&sorted(started), 50));
    Ok(vec![
        AHEAD.is(percentile(&ahead, 50)),
        AHEAD_P95.is(percentile(&ahead, 95)),
        AHEAD_PROCESS.is(started - bare).beside(format!("bare {bare:.1} ms, here {started:.1} ms")),
        SAVE.is(save).beside("blobs in memory: without the store's flush"),
        SAVED_BYTES.is(factor),
    ])
}

/// How long new sessions' first commands take, each with a machine that waits.
async fn firsts(
    hub: &Hub,
    tier: SandboxTier,
    rounds: usize,
    argv: &[&str],
) -> anyhow::Result<Vec<f64>> {
    let mut found = Vec::new();
    for round in 0..=rounds {
        let request = request(&format!("ses_{round}"), tier)?;
        let start = Instant::now();
        let (output, _) = hub.exec(&request, command(argv)?, None).await?;
        ensure!(output.end == ExecEnd::Exited { code: 0 }, "{argv:?}: {output:?}");
        // Nothing waited for the first of all.
        if round > 0 {
            found.push(ms(start.elapsed()));
        }
        hub.destroy(&request.session).await?;
        hub.tend().await?;
    }
    Ok(found)
}

/// How long it takes to save ten changed files, and how much is written for it.
async fn saves(hub: &Hub, rounds: usize) -> anyhow::Result<(f64, f64)> {
    let request = request("ses_saved", SandboxTier::Microvm)?;
    let run = async |source: &str| {
        let (output, _) = hub.exec(&request, command(&["python3", "-c", source])?, None).await?;
        ensure!(output.end == ExecEnd::Exited { code: 0 }, "{source}: {output:?}");
        anyhow::Ok(())
    };
    run(FILL).await?;
    let mut last = hub.save(&request.session, 0, None).await?.checkpoint;
    let (mut spans, mut written) = (Vec::new(), 0.0);
    for _ in 0..rounds {
        run(CHANGE).await?;
        let start = Instant::now();
        let saved = hub.save(&request.session, 0, last.as_ref()).await?;
        spans.push(ms(start.elapsed()));
        let checkpoint = saved.checkpoint.context("there is a machine")?;
        #[expect(clippy::cast_precision_loss, reason = "some thousand bytes")]
        let bytes = checkpoint.written_bytes as f64;
        written += bytes / CHANGED_BYTES;
        last = Some(checkpoint);
    }
    hub.destroy(&request.session).await?;
    #[expect(clippy::cast_precision_loss, reason = "some rounds")]
    let rounds = rounds as f64;
    Ok((percentile(&sorted(spans), 50), written / rounds))
}

async fn open(folder: &Path, tier: SandboxTier) -> anyhow::Result<Hub> {
    let machines = folder.join("machines");
    std::fs::create_dir_all(&machines)?;
    let images = images()?;
    let driver: Arc<dyn Driver> = match tier {
        SandboxTier::Microvm => {
            let settings = MicrovmSettings::new(images.join("templates"), images.clone());
            Arc::new(MicrovmDriver::new(settings))
        }
        SandboxTier::Process => {
            Arc::new(ProcessDriver::new(ProcessSettings::new(machines.clone()))?)
        }
    };
    let clock = Arc::new(SystemClock);
    let authority = Arc::new(Authority::open(folder)?);
    let lookup = Arc::new(SystemLookup);
    let egress = EgressSettings::new(Vec::new(), &[], lookup, authority, clock.clone())?;
    let link = LinkParts {
        blobs: Arc::new(Memory::default()),
        egress: Arc::new(egress),
        clock: clock.clone(),
        entropy: Arc::new(OsEntropy),
    };
    let parts = HubParts {
        drivers: vec![driver],
        images: Arc::new(Folder(ImageFolder::new(images))),
        connector: Arc::new(AgentConnector::new(&machines, link)),
        clock,
    };
    Ok(Hub::start(settings(&machines), parts).await?)
}

fn settings(machines: &Path) -> HubSettings {
    HubSettings {
        machines: machines.to_owned(),
        max_machines: MACHINES_COUNT,
        max_total_memory_mib: MIB * MACHINES_COUNT as u64,
        host_memory_mib: None,
        max_cpus: 1,
        max_memory_mib: MIB,
        max_disk_mib: MIB,
        max_processes: PROCESSES,
        idle_ms: LONG_MS,
        parked_ms: LONG_MS,
        warm_machines: 1,
        memory_images: 0,
        max_memory_images_mib: 0,
    }
}

fn request(session: &str, tier: SandboxTier) -> anyhow::Result<SandboxRequest> {
    Ok(SandboxRequest {
        tenant: TenantId::parse("ten_bench")?,
        session: SessionId::parse(session)?,
        spec: Arc::new(SandboxSpec {
            tier: Some(tier),
            image: DEFAULT_IMAGE.to_owned(),
            cpus: 1,
            memory_mib: MIB,
            disk_mib: MIB / 2,
            processes: PROCESSES,
            network: NetworkRule::None,
            executor: None,
        }),
        setup: Arc::default(),
        secrets: Arc::new([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    })
}

struct Folder(ImageFolder);

impl Images for Folder {
    fn image(&self, name: &str) -> Result<Image, String> {
        self.0.image(name).map_err(|error| error.to_string())
    }
}

/// Blobs that nobody keeps.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Bytes>>);

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, _: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        let hash = sha256_hex(&bytes);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash.clone(), bytes);
        Ok(hash)
    }

    async fn get(&self, _: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned())
    }
}
