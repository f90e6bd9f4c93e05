//! What a machine notices of another one that takes all it can get.

use std::time::Duration;

use mainstay_adapters::sandbox::microvm::{MicrovmDriver, MicrovmSettings};
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};
use mainstay_adapters::sandbox::{Driver, Machine};

use super::figures::{BOMB, BOMB_PROCESS, HOG, HOG_PROCESS};
use super::machine::{command_within, connect, images, ms, place, python, spec};
use crate::figure::{Figure, Measured};
use crate::sample::{percentile, sorted};
use crate::stage::Scale;

const HOSTILES: [(&str, &str); 2] = [
    ("bomb", "bomb() { bomb | bomb & }; (bomb) & exec sleep 600"),
    ("hog", "while :; do python3 -c 'x = [bytearray(1 << 20) for _ in range(1 << 20)]'; done"),
];
/// Some tens of milliseconds of a processor.
const WORK: &str = "sum(i * i for i in range(100_000))";
const HOSTILE_MS: u64 = 600_000;
/// How often it is measured alone and beside, in turn: what else this machine does is then in both.
const PAIRS_COUNT: usize = 4;
/// Until the other one has begun in earnest.
const WARM_UP: Duration = Duration::from_secs(2);

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let folder = tempfile::tempdir_in(&scale.folder)?;
    let images = images()?;
    let microvm = MicrovmDriver::new(MicrovmSettings::new(images.join("templates"), images));
    let process = ProcessDriver::new(ProcessSettings::new(folder.path().join("machines")))?;
    let tiers: [(&dyn Driver, &str, [&'static Figure; 2]); 2] = [
        (&microvm, "microvm", [&BOMB, &HOG]),
        (&process, "process", [&BOMB_PROCESS, &HOG_PROCESS]),
    ];
    let rounds = scale.pick(20, 5);
    let mut found = Vec::new();
    for (driver, name, figures) in tiers {
        let spec = spec()?;
        let one = place(folder.path(), &format!("{name}-one"))?;
        driver.boot(&one, &spec).await?;
        let machine = connect(driver, &one).await?;
        for (figure, (what, script)) in figures.into_iter().zip(HOSTILES) {
            let other = place(folder.path(), &format!("{name}-{what}"))?;
            driver.boot(&other, &spec).await?;
            let hostile = connect(driver, &other).await?;
            let (mut alones, mut besides) = (Vec::new(), Vec::new());
            for _ in 0..PAIRS_COUNT {
                alones.extend(work(&machine, rounds).await?);
                besides.extend(beside(&machine, &hostile, script, rounds).await?);
            }
            drop(hostile);
            driver.destroy(&other).await?;
            let [alone, beside] = [alones, besides].map(|spans| percentile(&sorted(spans), 50));
            let limit = format!("alone {alone:.1} ms, beside it {beside:.1} ms");
            found.push(figure.is(beside / alone).beside(limit));
        }
        drop(machine);
        driver.destroy(&one).await?;
    }
    Ok(found)
}

/// The same work while the other machine runs this.
async fn beside(
    machine: &Machine,
    hostile: &Machine,
    script: &str,
    rounds: usize,
) -> anyhow::Result<Vec<f64>> {
    let exec = command_within(&["/bin/sh", "-c", script], HOSTILE_MS)?;
    let measured = async {
        tokio::time::sleep(WARM_UP).await;
        work(machine, rounds).await
    };
    tokio::select! {
        ended = hostile.exec(exec, None) => anyhow::bail!("{script} ended: {:?}", ended?.end),
        measured = measured => measured,
    }
}

async fn work(machine: &Machine, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let mut spans = Vec::new();
    for _ in 0..rounds {
        spans.push(ms(python(machine, WORK).await?));
    }
    Ok(spans)
}
