//! Machines of a measurement: made of the default image, spoken to without the hub.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use bytes::Bytes;
use mainstay_adapters::sandbox::image::{DEFAULT_IMAGE, ImageFolder};
use mainstay_adapters::sandbox::{Driver, Gate, Hello, Machine, MachineSpec, Place};
use mainstay_core::port::{CodeLanguage, CodeRequest, ExecRequest};
use mainstay_protocol::EffectId;
use tokio::io::DuplexStream;

const TIMEOUT_MS: u64 = 60_000;
const OUTPUT_LIMIT_BYTES: usize = 4_096;
const MEMORY_MIB: u64 = 512;
const DISK_MIB: u64 = 256;
const PROCESSES: u32 = 128;

static NEXT_EFFECT: AtomicU32 = AtomicU32::new(1);

/// The images of whoever measures.
pub(super) fn images() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("MAINSTAY_IMAGES").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = cache.map(PathBuf::from).or_else(home);
    named.or_else(|| cache.map(|cache| cache.join("mainstay/images"))).context("HOME is not set")
}

/// What machines are made from.
pub(super) fn spec() -> anyhow::Result<MachineSpec> {
    let image = ImageFolder::new(images()?).image(DEFAULT_IMAGE);
    let image = image.context("run `cargo xtask image` first")?;
    Ok(MachineSpec {
        image: Arc::new(image),
        cpus: 1,
        memory_mib: MEMORY_MIB,
        disk_mib: DISK_MIB,
        processes: PROCESSES,
    })
}

/// A folder for a machine.
pub(super) fn place(folder: &Path, name: &str) -> anyhow::Result<Place> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(Place::new(folder))
}

pub(super) async fn connect(driver: &dyn Driver, place: &Place) -> anyhow::Result<Machine> {
    let stream = driver.connect(place).await?;
    Ok(Machine::connect(stream, hello()?, Arc::new(Shut)).await?)
}

pub(super) async fn exec(machine: &Machine, argv: &[&str]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let output = machine.exec(command(argv)?, None).await?;
    ensure!(output.stderr.is_empty(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(start.elapsed())
}

pub(super) async fn python(machine: &Machine, source: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let request = CodeRequest {
        effect: effect()?,
        language: CodeLanguage::Python,
        source: source.to_owned(),
        timeout_ms: TIMEOUT_MS,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
    };
    let output = machine.code(request, None).await?;
    ensure!(output.error.is_none(), "{source}: {:?}", output.error);
    Ok(start.elapsed())
}

pub(super) fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

pub(super) fn command(argv: &[&str]) -> anyhow::Result<ExecRequest> {
    command_within(argv, TIMEOUT_MS)
}

pub(super) fn command_within(argv: &[&str], timeout_ms: u64) -> anyhow::Result<ExecRequest> {
    Ok(ExecRequest {
        effect: effect()?,
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: Bytes::new(),
        timeout_ms,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
    })
}

fn effect() -> anyhow::Result<EffectId> {
    let number = NEXT_EFFECT.fetch_add(1, Ordering::Relaxed);
    Ok(EffectId::parse(&format!("eff_{number}"))?)
}

fn hello() -> anyhow::Result<Hello> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut entropy = [0; 64];
    let mut source = std::fs::File::open("/dev/urandom")?;
    std::io::Read::read_exact(&mut source, &mut entropy)?;
    Ok(Hello {
        env: BTreeMap::new(),
        ca_pem: None,
        now_unix_ns: u64::try_from(now.as_nanos())?,
        entropy,
        processes: Some(u64::from(PROCESSES)),
        orphan_timeout: Duration::from_secs(600),
    })
}

/// Nothing leaves.
struct Shut;

impl Gate for Shut {
    fn open(&self, _: DuplexStream) {}
}
