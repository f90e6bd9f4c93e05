//! The drivers of this installation, strongest first, and which of them work.
//!
//! Invariant: a machine comes from a driver that works here, of the tier that was asked for. With none the
//! refusal says why each does not and what to do.

use std::sync::Arc;

use mainstay_core::port::{SandboxError, SandboxTier};
use tokio::sync::OnceCell;

use super::super::{Driver, Unusable};

/// A driver and what its probe found.
struct Entry {
    driver: Arc<dyn Driver>,
    probed: OnceCell<Result<(), Unusable>>,
}

/// What is known of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverState {
    /// Its name.
    pub name: &'static str,
    /// How it keeps machines apart.
    pub tier: SandboxTier,
    /// Whether it works; none while nobody knows.
    pub works: Option<Result<(), Unusable>>,
}

/// All of them.
pub(super) struct Drivers(Vec<Entry>);

impl Drivers {
    pub(super) fn new(drivers: Vec<Arc<dyn Driver>>) -> Self {
        let entry = |driver| Entry { driver, probed: OnceCell::new() };
        Self(drivers.into_iter().map(entry).collect())
    }

    /// What is known now.
    pub(super) fn states(&self) -> Vec<DriverState> {
        let state = |entry: &Entry| DriverState {
            name: entry.driver.name(),
            tier: entry.driver.capabilities().tier,
            works: entry.probed.get().cloned(),
        };
        self.0.iter().map(state).collect()
    }

    /// The strongest that works and is of this tier, if one is named.
    pub(super) async fn pick(
        &self,
        tier: Option<SandboxTier>,
    ) -> Result<Arc<dyn Driver>, SandboxError> {
        let mut reasons = Vec::new();
        for entry in &self.0 {
            if tier.is_some_and(|tier| tier != entry.driver.capabilities().tier) {
                continue;
            }
            match entry.probe().await {
                Ok(()) => return Ok(Arc::clone(&entry.driver)),
                Err(unusable) => reasons.push(format!("{}: {unusable}", entry.driver.name())),
            }
        }
        Err(refusal(tier, &reasons))
    }

    /// A driver by its name.
    pub(super) fn named(&self, name: &str) -> Option<Arc<dyn Driver>> {
        let mut drivers = self.0.iter().map(|entry| &entry.driver);
        drivers.find(|driver| driver.name() == name).map(Arc::clone)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Arc<dyn Driver>> {
        self.0.iter().map(|entry| Arc::clone(&entry.driver))
    }
}

impl Entry {
    async fn probe(&self) -> Result<(), Unusable> {
        self.probed.get_or_init(|| self.driver.probe()).await.clone()
    }
}

fn refusal(tier: Option<SandboxTier>, reasons: &[String]) -> SandboxError {
    let tier = match tier {
        Some(SandboxTier::Microvm) => "no microVM can be had here",
        Some(SandboxTier::Process) => "the process tier cannot be had here",
        None => "nothing isolates machines here",
    };
    let why = match reasons.is_empty() {
        true => "compute.tier switches it off".to_owned(),
        false => reasons.join("; "),
    };
    SandboxError::Unavailable(format!("{tier} ({why}); `mainstay doctor` says more"))
}
