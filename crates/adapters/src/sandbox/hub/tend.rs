//! Machines that nobody uses: parked, then removed; those that were not finished: ended.
//!
//! Invariant: a machine is not parked during a call, and not removed while anything of its workspace is
//! not saved.

use std::path::Path;
use std::sync::{Arc, Weak};

use mainstay_core::port::{SandboxError, SandboxInfo, SandboxStatus};
use mainstay_protocol::SessionId;

use super::bring::{driver_error, write};
use super::inner::Inner;
use super::record::{self, MachineRecord, Stage, Unflushed};
use super::slot::Known;

/// How often machines are looked at.
const TEND_PERIOD_MS: u64 = 5_000;

/// Looks after machines until the hub falls.
pub(super) async fn tend(inner: Weak<Inner>) {
    loop {
        let Some(hub) = inner.upgrade() else { return };
        let next = hub.clock.now_ms().saturating_add(TEND_PERIOD_MS);
        let clock = Arc::clone(&hub.clock);
        drop(hub);
        clock.sleep_until(next).await;
        let Some(hub) = inner.upgrade() else { return };
        if let Err(error) = hub.tend_once().await {
            tracing::warn!(%error, "looking after idle machines failed; it is tried again");
        }
    }
}

impl Inner {
    /// Parks and removes what is due. One machine that fails keeps no other from it.
    pub(super) async fn tend_once(&self) -> Result<(), SandboxError> {
        let now_ms = self.clock.now_ms();
        let mut all = Ok(());
        for (folder, record) in self.records()? {
            all = all.and(self.tend_one(&folder, &record, now_ms).await);
        }
        all.and(self.tend_pool(now_ms).await)
    }

    async fn tend_one(
        &self,
        folder: &Path,
        record: &MachineRecord,
        now_ms: u64,
    ) -> Result<(), SandboxError> {
        let slot = self.known_slot(&record.session);
        let used_at_ms = slot.map_or(0, |slot| slot.used_at_ms()).max(record.used_at_ms);
        let rested_ms = now_ms.saturating_sub(used_at_ms);
        match record.stage {
            Stage::Running if rested_ms >= self.settings.idle_ms => {
                self.park_idle(&record.session).await.map(drop)
            }
            Stage::Parked if rested_ms >= self.settings.parked_ms && record.is_saved() => {
                self.remove_parked(folder, &record.session).await
            }
            Stage::Parked if record.unflushed.is_some() => self.flush_parked(folder, record).await,
            Stage::Making | Stage::Running | Stage::Parked => Ok(()),
        }
    }

    /// Parks a machine that no call uses; says whether it did.
    pub(super) async fn park_idle(&self, session: &SessionId) -> Result<bool, SandboxError> {
        let slot = self.slot(session);
        // One that is being made or ended is in use.
        let Ok(mut known) = Arc::clone(&slot.known).try_lock_owned() else { return Ok(false) };
        let folder = self.folder(session);
        let Some(record) = MachineRecord::read(&folder) else {
            self.room.free(session);
            return Ok(true);
        };
        if !slot.is_idle() || record.stage != Stage::Running {
            return Ok(false);
        }
        let Some(driver) = self.drivers.named(&record.driver) else { return Ok(false) };
        let used_at_ms = slot.used_at_ms().max(record.used_at_ms);
        let place = record.place(&folder);
        let boot = self.calls.boot().map(str::to_owned);
        let unflushed = Some(Unflushed { boot, at_ms: self.clock.now_ms() });
        write(&folder, &MachineRecord { stage: Stage::Parked, used_at_ms, unflushed, ..record })?;
        *known = Known::InFolder;
        driver.park(&place).await.map_err(driver_error)?;
        self.room.free(session);
        Ok(true)
    }

    /// Has what was parked outlive the host, behind whoever waited for the room.
    async fn flush_parked(
        &self,
        folder: &Path,
        record: &MachineRecord,
    ) -> Result<(), SandboxError> {
        let Some(driver) = self.drivers.named(&record.driver) else { return Ok(()) };
        if !driver.flush(&record.place(folder)).await.map_err(driver_error)? {
            return Ok(());
        }
        let slot = self.slot(&record.session);
        let Ok(_known) = slot.known.try_lock() else { return Ok(()) };
        match MachineRecord::read(folder).as_ref() == Some(record) {
            true => write(folder, &MachineRecord { unflushed: None, ..record.clone() }),
            // It was used meanwhile.
            false => Ok(()),
        }
    }

    async fn remove_parked(&self, folder: &Path, session: &SessionId) -> Result<(), SandboxError> {
        let slot = self.slot(session);
        let Ok(_known) = slot.known.try_lock() else { return Ok(()) };
        if slot.is_idle() {
            self.clear(folder).await?;
            self.room.free(session);
        }
        Ok(())
    }

    /// Ends what a crash left unfinished: nobody can use it, and nobody knows of it but its folder. What
    /// cannot be ended yet is left to its session's next call, or to the next start.
    pub(super) async fn end_unfinished(&self) -> Result<(), SandboxError> {
        for folder in folders(self.machines())? {
            let is_finished = MachineRecord::read(&folder).is_some_and(|record| {
                let is_its_own = record::session(&folder).as_ref() == Some(&record.session);
                record.stage != Stage::Making && is_its_own
            });
            if !is_finished && let Err(error) = self.clear(&folder).await {
                let folder = folder.display();
                tracing::warn!(%error, %folder, "an unfinished machine stays for now");
            }
        }
        self.end_unused().await
    }

    /// Counts what runs already. A machine that goes on where it was parked runs also where the server was
    /// killed before it put it away, or before it wrote down that it is back.
    pub(super) async fn count_running(&self) -> Result<(), SandboxError> {
        for (folder, record) in self.records()? {
            let Some(driver) = self.drivers.named(&record.driver) else { continue };
            let may_run = match record.stage {
                Stage::Making => false,
                Stage::Running => true,
                Stage::Parked => driver.capabilities().parks_processes,
            };
            if may_run && driver.is_running(&record.place(&folder)).await {
                self.room.count(&record.session, record.spec.memory_mib);
                if record.stage == Stage::Parked {
                    let (stage, unflushed) = (Stage::Running, None);
                    write(&folder, &MachineRecord { stage, unflushed, ..record })?;
                }
            }
        }
        Ok(())
    }

    /// The machines that are there.
    pub(super) async fn list(&self) -> Result<Vec<SandboxInfo>, SandboxError> {
        let mut list = Vec::new();
        for (folder, record) in self.records()? {
            let Some(driver) = self.drivers.named(&record.driver) else { continue };
            let status = match record.stage {
                Stage::Making => continue,
                Stage::Running if driver.is_running(&record.place(&folder)).await => {
                    SandboxStatus::Running
                }
                // Nothing of one that ended by itself runs; its folder is there.
                Stage::Parked | Stage::Running => SandboxStatus::Parked,
            };
            let slot = self.known_slot(&record.session);
            list.push(SandboxInfo {
                session: record.session,
                tier: driver.capabilities().tier,
                driver: record.driver,
                status,
                created_at_ms: record.created_at_ms,
                used_at_ms: slot.map_or(0, |slot| slot.used_at_ms()).max(record.used_at_ms),
            });
        }
        Ok(list)
    }

    pub(super) fn records(&self) -> Result<Vec<(std::path::PathBuf, MachineRecord)>, SandboxError> {
        let folders = folders(self.machines())?.into_iter();
        let records = folders.filter_map(|folder| {
            let record = MachineRecord::read(&folder)?;
            Some((folder, record))
        });
        Ok(records.collect())
    }
}

fn folders(machines: &Path) -> Result<Vec<std::path::PathBuf>, SandboxError> {
    record::folders(machines)
        .map_err(|error| SandboxError::Broken(format!("listing {}: {error}", machines.display())))
}
