//! MicroVMs: clones of the warm template, calls in one, parking, forks, memory.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mainstay_adapters::sandbox::microvm::{Acceleration, MicrovmDriver, MicrovmSettings};
use mainstay_adapters::sandbox::{Driver, MachineSpec, Place};

use super::figures::{
    COLD, COLD_P95, EXEC, FIRST_OUTPUT, FIRST_OUTPUT_P95, FORK, IDLE, PRIVATE, PYTHON, RESIDENT,
    RESUME,
};
use super::machine::{connect, exec, images, ms, place, python, spec};
use crate::figure::Measured;
use crate::sample::{percentile, sorted};
use crate::stage::Scale;

const KIB_PER_MIB: f64 = 1_024.0;
/// Of what the kernel counts processors' time in.
const TICKS_PER_S: f64 = 100.0;
const IDLE_SETTLING: Duration = Duration::from_secs(1);
const IDLE_SPAN: Duration = Duration::from_secs(20);

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let folder = tempfile::tempdir_in(&scale.folder)?;
    let images = images()?;
    let driver = MicrovmDriver::new(MicrovmSettings::new(images.join("templates"), images));
    driver.probe().await.context("microVMs do not work here")?;
    let spec = spec()?;
    driver.prepare(&spec).await?;
    let how = match driver.acceleration() {
        Some(Acceleration::Kvm) => "KVM",
        Some(Acceleration::Tcg) => "TCG: a processor without virtualisation",
        None => "",
    };
    let rounds = scale.pick(20, 3);
    let mut firsts = Vec::new();
    for round in 0..rounds {
        let place = place(folder.path(), &format!("first-{round}"))?;
        firsts.push(first_output(&driver, &place, &spec).await?);
        driver.destroy(&place).await?;
    }
    let mut colds = Vec::new();
    for round in 0..scale.pick(10, 2) {
        let place = place(folder.path(), &format!("cold-{round}"))?;
        let start = Instant::now();
        driver.boot_cold(&place, &spec).await?;
        colds.push(answered(&driver, &place, start).await?);
        driver.destroy(&place).await?;
    }
    let (colds, firsts) = (sorted(colds), sorted(firsts));
    let mut found = vec![
        COLD.is(percentile(&colds, 50)).beside(how),
        COLD_P95.is(percentile(&colds, 95)).beside(how),
        FIRST_OUTPUT.is(percentile(&firsts, 50)).beside(how),
        FIRST_OUTPUT_P95.is(percentile(&firsts, 95)).beside(how),
    ];
    found.extend(one(&driver, folder.path(), &spec, scale).await?);
    Ok(found)
}

async fn first_output(
    driver: &MicrovmDriver,
    place: &Place,
    spec: &MachineSpec,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    driver.boot(place, spec).await?;
    answered(driver, place, start).await
}

/// How long after this a machine that runs has answered its first command.
async fn answered(driver: &MicrovmDriver, place: &Place, start: Instant) -> anyhow::Result<f64> {
    let machine = connect(driver, place).await?;
    exec(&machine, &["/bin/echo", "1"]).await?;
    Ok(ms(start.elapsed()))
}

/// Calls in one machine, and what becomes of it.
async fn one(
    driver: &MicrovmDriver,
    folder: &std::path::Path,
    spec: &MachineSpec,
    scale: &Scale,
) -> anyhow::Result<Vec<Measured>> {
    let (rounds, calls) = scale.pick((20, 200), (3, 20));
    let at = place(folder, "one")?;
    driver.boot(&at, spec).await?;
    let machine = connect(driver, &at).await?;
    let (mut execs, mut codes) = (Vec::new(), Vec::new());
    for _ in 0..calls {
        execs.push(ms(exec(&machine, &["/bin/true"]).await?));
        codes.push(ms(python(&machine, "print(1)").await?));
    }
    let beside = place(folder, "beside")?;
    driver.boot(&beside, spec).await?;
    let (resident, private) = memory_mib(&beside)?;
    let idle = idle_percent(driver, &beside, scale).await?;
    driver.destroy(&beside).await?;
    let mut forks = Vec::new();
    for round in 0..rounds {
        let copy = place(folder, &format!("fork-{round}"))?;
        let start = Instant::now();
        driver.fork(&at, &copy, spec).await?;
        forks.push(ms(start.elapsed()));
        driver.destroy(&copy).await?;
    }
    drop(machine);
    let mut resumes = Vec::new();
    for _ in 0..rounds {
        driver.park(&at).await?;
        let start = Instant::now();
        driver.unpark(&at, spec).await?;
        drop(connect(driver, &at).await?);
        resumes.push(ms(start.elapsed()));
    }
    driver.destroy(&at).await?;
    let p50 = |values: Vec<f64>| percentile(&sorted(values), 50);
    Ok(vec![
        RESUME.is(p50(resumes)),
        FORK.is(p50(forks)),
        EXEC.is(p50(execs)),
        PYTHON.is(p50(codes)),
        RESIDENT.is(resident),
        PRIVATE.is(private),
        IDLE.is(idle),
    ])
}

/// What QEMU uses of a processor while a machine is connected and does nothing.
async fn idle_percent(driver: &MicrovmDriver, place: &Place, scale: &Scale) -> anyhow::Result<f64> {
    let machine = connect(driver, place).await?;
    exec(&machine, &["/bin/true"]).await?;
    let process = qemu(place)?;
    // What a machine does behind its first command ends.
    tokio::time::sleep(IDLE_SETTLING).await;
    let before = cpu_ticks(&process)?;
    let span = scale.pick(IDLE_SPAN, IDLE_SPAN / 5);
    tokio::time::sleep(span).await;
    let ticks = cpu_ticks(&process)? - before;
    Ok(ticks / TICKS_PER_S / span.as_secs_f64() * 100.0)
}

/// User's and kernel's time of a process.
fn cpu_ticks(process: &std::path::Path) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(process.join("stat"))?;
    let fields = stat.rsplit(") ").next().context("a process has a name")?;
    let times = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Ok(times.sum::<Result<f64, _>>()?)
}

/// The process of a machine's QEMU, in `/proc`.
fn qemu(place: &Place) -> anyhow::Result<std::path::PathBuf> {
    let folder = place.folder().to_string_lossy().into_owned();
    let is_meant = |process: &std::path::PathBuf| {
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).starts_with("qemu-system") && is_of(process, &folder)
    };
    let mut processes = std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
    processes.find(is_meant).context("the machine has no QEMU")
}

/// What QEMU takes of a machine: all that is in memory, and what it shares with nobody.
fn memory_mib(place: &Place) -> anyhow::Result<(f64, f64)> {
    let rollup = std::fs::read_to_string(qemu(place)?.join("smaps_rollup"))?;
    let kib = |name: &str| {
        let lines = rollup.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>()
    };
    let (resident, private) = (kib("Rss:"), kib("Private_Clean:") + kib("Private_Dirty:"));
    ensure!(resident > 0.0, "QEMU's memory cannot be read");
    Ok((resident / KIB_PER_MIB, private / KIB_PER_MIB))
}

/// Whether a QEMU, which sees its folder under another name, was started for this one: one of the
/// processes above it names it.
fn is_of(process: &std::path::Path, folder: &str) -> bool {
    let mut at = process.to_owned();
    for _ in 0..4 {
        let command = std::fs::read(at.join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(folder) {
            return true;
        }
        let stat = std::fs::read_to_string(at.join("stat")).unwrap_or_default();
        let Some(parent) = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) else {
            return false;
        };
        at = std::path::Path::new("/proc").join(parent);
    }
    false
}
