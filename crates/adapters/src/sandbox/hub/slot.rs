//! What the hub holds of one session in memory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use mainstay_core::port::SandboxError;
use tokio::sync::Mutex;

use super::super::Place;
use super::bring::write;
use super::guest::Guest;
use super::record::MachineRecord;

/// A machine that is connected.
pub(super) struct Live {
    /// The session's folder.
    folder: PathBuf,
    driver: String,
    place: Place,
    record: StdMutex<MachineRecord>,
    pub(super) guest: Arc<dyn Guest>,
    /// Whether commands get what the session's calls bring; a caretaker's connection has none of it.
    pub(super) is_introduced: AtomicBool,
    /// Held while the workspace is saved.
    pub(super) saving: Mutex<()>,
}

impl Live {
    pub(super) fn new(
        folder: PathBuf,
        record: MachineRecord,
        guest: Arc<dyn Guest>,
        is_introduced: bool,
    ) -> Self {
        Self {
            driver: record.driver.clone(),
            place: record.place(&folder),
            record: StdMutex::new(record),
            folder,
            guest,
            is_introduced: AtomicBool::new(is_introduced),
            saving: Mutex::default(),
        }
    }

    /// The name of its driver.
    pub(super) fn driver(&self) -> &str {
        &self.driver
    }

    /// Where its driver has it.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What is written down of it.
    pub(super) fn record(&self) -> MachineRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The session's journal tells so often that another machine took a lost one's place.
    pub(super) fn told(&self, told_resets: u32) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if record.told(told_resets)
            && let Err(error) = write(&self.folder, &record)
        {
            // Then the next server finds out again.
            tracing::warn!(%error, "what a session was told of its machine is not written down");
        }
    }

    /// Writes it down anew.
    pub(super) fn note(&self, change: impl FnOnce(&mut MachineRecord)) -> Result<(), SandboxError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut record);
        write(&self.folder, &record)
    }
}

/// What is known of a session's machine.
#[derive(Clone, Default)]
pub(super) enum Known {
    /// Its folder says.
    #[default]
    InFolder,
    /// It is connected.
    Live(Arc<Live>),
}

/// One session.
#[derive(Default)]
pub(super) struct Slot {
    /// Held while the machine is made, parked or ended; not during calls.
    pub(super) known: Arc<Mutex<Known>>,
    calls: AtomicUsize,
    used_at_ms: AtomicU64,
}

/// A call under way; the machine is not parked until it is dropped.
pub(super) struct Use {
    slot: Arc<Slot>,
}

impl Slot {
    /// A call begins.
    pub(super) fn enter(self: &Arc<Self>, now_ms: u64) -> Use {
        self.touch(now_ms);
        self.hold()
    }

    /// Something else begins that the machine has to stay for.
    pub(super) fn hold(self: &Arc<Self>) -> Use {
        self.calls.fetch_add(1, Ordering::AcqRel);
        Use { slot: Arc::clone(self) }
    }

    /// The machine was used at this time.
    pub(super) fn touch(&self, now_ms: u64) {
        self.used_at_ms.fetch_max(now_ms, Ordering::AcqRel);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.load(Ordering::Acquire) == 0
    }

    /// When the last call began or ended; 0 when there was none.
    pub(super) fn used_at_ms(&self) -> u64 {
        self.used_at_ms.load(Ordering::Acquire)
    }
}

impl Use {
    /// The call ended at this time.
    pub(super) fn end(self, now_ms: u64) {
        self.slot.touch(now_ms);
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.slot.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
