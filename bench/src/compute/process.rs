//! The process tier beside the bare program.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, ensure};
use mainstay_adapters::sandbox::Driver;
use mainstay_adapters::sandbox::process::{ProcessDriver, ProcessSettings};

use super::figures::{PROCESS_EXEC, PROCESS_START};
use super::machine::{connect, exec, ms, place, spec};
use crate::figure::Measured;
use crate::sample::{percentile, sorted};
use crate::stage::Scale;

pub(super) const PYTHON: [&str; 3] = ["/usr/bin/python3", "-c", "print(1)"];

pub(super) async fn measure(scale: &Scale) -> anyhow::Result<Vec<Measured>> {
    let folder = tempfile::tempdir_in(&scale.folder)?;
    let driver = ProcessDriver::new(ProcessSettings::new(folder.path().join("machines")))?;
    driver.probe().await.context("the process tier does not work here")?;
    let spec = spec()?;
    let (rounds, calls) = if scale.is_quick { (5, 50) } else { (50, 500) };
    let (mut bare, mut starts, mut execs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        bare.push(bare_python(&spec.image.tree).await?);
        let at = place(folder.path(), &format!("machine-{round}"))?;
        let start = Instant::now();
        driver.boot(&at, &spec).await?;
        let machine = connect(&driver, &at).await?;
        exec(&machine, &PYTHON).await?;
        starts.push(ms(start.elapsed()));
        for _ in 0..calls / rounds {
            execs.push(ms(exec(&machine, &["/bin/true"]).await?));
        }
        driver.destroy(&at).await?;
    }
    let bare = percentile(&sorted(bare), 50);
    let started = percentile(&sorted(starts), 50);
    Ok(vec![
        PROCESS_START.is(started - bare).beside(format!("bare {bare:.1} ms, here {started:.1} ms")),
        PROCESS_EXEC.is(percentile(&sorted(execs), 50)),
    ])
}

/// The same interpreter as the machine's, on the host: the image's, with the image's libraries.
pub(super) async fn bare_python(tree: &std::path::Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    let loader = tree.join("lib64/ld-linux-x86-64.so.2");
    let libraries =
        ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|path| tree.join(path));
    let mut command = tokio::process::Command::new(loader);
    command.arg("--library-path").arg(std::env::join_paths(libraries)?);
    command.arg(tree.join("usr/bin/python3")).args(&PYTHON[1..]);
    command.env_clear().env("PYTHONHOME", tree.join("usr"));
    let done = command.stdout(Stdio::null()).status().await?;
    ensure!(done.success(), "the image's python3 does not work on this machine");
    Ok(ms(start.elapsed()))
}
