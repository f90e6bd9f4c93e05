//! The driver: the contract's calls on machines of the process tier.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use mainstay_core::port::SandboxTier;
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

use super::super::{Driver, DriverCapabilities, DriverError, MachineSpec, Place, Unusable};
use super::cgroup::{DELEGATE, Groups};
use super::disk::DiskMaker;
use super::machine::{self, Maker};
use super::probe;
use super::record::Record;
use super::seccomp::{FilterError, Filters};
use super::settings::ProcessSettings;
use super::socket;

/// Runs machines in namespaces of the host's kernel.
#[derive(Debug)]
pub struct ProcessDriver {
    maker: Arc<Maker>,
    works: OnceCell<Result<(), Unusable>>,
}

/// The process tier cannot be had on this processor.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ProcessDriverError(#[from] FilterError);

impl ProcessDriver {
    /// With the operator's settings. Starts nothing.
    ///
    /// # Errors
    /// When there is no filter of system calls for this processor.
    pub fn new(settings: ProcessSettings) -> Result<Self, ProcessDriverError> {
        let filters = Filters::new()?;
        let bubblewrap = probe::find(&settings.bubblewrap);
        let settings = ProcessSettings { bubblewrap, ..settings };
        let disks = DiskMaker::find(&settings.scratch);
        let maker = Maker {
            settings,
            filters,
            groups: Groups::find(),
            disks,
            is_diskless: AtomicBool::new(false),
        };
        Ok(Self { maker: Arc::new(maker), works: OnceCell::new() })
    }

    async fn blocking<T, F>(
        &self,
        attempted: &'static str,
        place: &Place,
        work: F,
    ) -> Result<T, DriverError>
    where
        T: Send + 'static,
        F: FnOnce(&Maker, &std::path::Path) -> io::Result<T> + Send + 'static,
    {
        let maker = Arc::clone(&self.maker);
        let folder = place.folder().to_owned();
        let done = tokio::task::spawn_blocking(move || {
            work(&maker, &folder).map_err(|error| broken(attempted, &error, &folder))
        });
        done.await.unwrap_or_else(|error| {
            Err(DriverError::Broken { attempted, reason: error.to_string() })
        })
    }
}

fn broken(attempted: &'static str, error: &io::Error, folder: &std::path::Path) -> DriverError {
    let said = machine::said(folder);
    let reason = match said.is_empty() {
        true => error.to_string(),
        false => format!("{error} ({said})"),
    };
    DriverError::Broken { attempted, reason }
}

#[async_trait]
impl Driver for ProcessDriver {
    fn name(&self) -> &'static str {
        "bubblewrap"
    }

    fn capabilities(&self) -> DriverCapabilities {
        DriverCapabilities { tier: SandboxTier::Process, parks_processes: false }
    }

    async fn probe(&self) -> Result<(), Unusable> {
        let probed = self.works.get_or_init(|| async {
            let maker = Arc::clone(&self.maker);
            let probed = tokio::task::spawn_blocking(move || probe::probe(&maker)).await;
            probed.unwrap_or_else(|error| {
                Err(Unusable {
                    reason: format!("the probe of bubblewrap failed: {error}"),
                    remedy: "see the server's log".to_owned(),
                })
            })
        });
        probed.await.clone()
    }

    fn notes(&self) -> Vec<String> {
        let missing = self.maker.groups.missing();
        let mut notes = Vec::new();
        if !missing.is_empty() {
            notes.push(format!(
                "process tier: no control group for {} can be made: these limits hold for each process \
                 of a machine or not at all, not for the machine; {DELEGATE}",
                missing.join(", ")
            ));
        }
        if self.maker.disks().is_none() {
            notes.push(
                "process tier: machines have no disks of their own: the limit holds for each file, not for all \
                 files of a machine; run the server as root on a host with loop devices and mkfs.ext4"
                    .to_owned(),
            );
        }
        notes
    }

    async fn boot(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError> {
        let spec = spec.clone();
        let booted = self.blocking("start a machine", place, move |maker, folder| {
            let booted = maker.boot(folder, &spec);
            if booted.is_err() {
                // What was started of it ends; the first error is the one to tell.
                let _ = maker.end(folder);
            }
            booted.map(drop)
        });
        booted.await
    }

    async fn is_running(&self, place: &Place) -> bool {
        let running = self.blocking("look for a machine", place, |_, folder| {
            let record = Record::read(folder);
            Ok(record.is_some_and(|record| record.first.is_running()))
        });
        running.await.unwrap_or(false)
    }

    async fn connect(&self, place: &Place) -> Result<UnixStream, DriverError> {
        let connected = self.blocking("reach the machine's agent", place, |_, folder| {
            let stream = socket::connect(folder)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        });
        let stream = connected.await?;
        UnixStream::from_std(stream)
            .map_err(|error| broken("reach the machine's agent", &error, place.folder()))
    }

    async fn park(&self, place: &Place) -> Result<(), DriverError> {
        self.blocking("stop a machine", place, Maker::park).await
    }

    async fn flush(&self, place: &Place) -> Result<bool, DriverError> {
        self.blocking("flush a machine's disk", place, |_, folder| DiskMaker::flush(folder)).await
    }

    async fn unpark(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError> {
        self.boot(place, spec).await
    }

    async fn fork(&self, _: &Place, _: &Place, _: &MachineSpec) -> Result<(), DriverError> {
        Err(DriverError::Broken {
            attempted: "copy a machine",
            reason:
                "processes of the process tier cannot be copied: save the workspace, and restore \
                     it in another machine"
                    .to_owned(),
        })
    }

    async fn memory_kills(&self, place: &Place) -> Option<u64> {
        // A short file of the kernel's, which no disk is needed for.
        self.maker.memory_kills(place.folder())
    }

    async fn destroy(&self, place: &Place) -> Result<(), DriverError> {
        self.blocking("end a machine", place, Maker::end).await
    }
}

/// For whoever describes what is there.
impl ProcessDriver {
    /// The program that makes the namespaces.
    #[must_use]
    pub fn bubblewrap(&self) -> PathBuf {
        self.maker.settings.bubblewrap.clone()
    }
}
