//! What every handler shares.
//!
//! Invariant: nothing here is the truth about anything; the store is.

use std::sync::Arc;

use mainstay_core::port::Executors;
use mainstay_protocol::{ApiError, ErrorCode, IdMint};
use mainstay_runtime::Engine;
use mainstay_store::{Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::ServerLimits;
use crate::metrics::Meters;

/// How an installation's server is set up.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// The product's version, as `/health` says it.
    pub version: String,
    /// The model of sessions that name neither an agent nor a model; the first one listed when none.
    pub default_model: Option<String>,
    /// Under which address browsers reach this server, without a slash at its end, if that is known.
    pub public_url: Option<String>,
    /// Bounds.
    pub limits: ServerLimits,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    executors: Option<Arc<dyn Executors>>,
    settings: ServerSettings,
    meters: Meters,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl AppState {
    /// The state of a server that speaks for this engine.
    #[must_use]
    pub fn new(
        engine: Engine,
        executors: Option<Arc<dyn Executors>>,
        settings: ServerSettings,
    ) -> Self {
        let requests = Arc::new(Semaphore::new(settings.limits.max_requests));
        let streams = Arc::new(Semaphore::new(settings.limits.max_streams));
        let meters = Meters::default();
        Self { inner: Arc::new(Inner { engine, executors, settings, meters, requests, streams }) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// What works with the executors of self-hosted environments.
    pub(crate) fn executors(&self) -> Option<&Arc<dyn Executors>> {
        self.inner.executors.as_ref()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.inner.engine.store().as_ref()
    }

    pub(crate) fn version(&self) -> &str {
        &self.inner.settings.version
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.inner.settings.public_url.as_deref()
    }

    pub(crate) fn limits(&self) -> ServerLimits {
        self.inner.settings.limits
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.inner.engine.clock().now_ms()
    }

    /// A mint for the ids of one request.
    pub(crate) fn mint(&self) -> IdMint {
        IdMint::new(self.now_ms(), self.inner.engine.entropy().next())
    }

    /// The model of sessions that name none.
    pub(crate) fn default_model(&self) -> Option<String> {
        let listed = || self.inner.engine.models().list().into_iter().next().map(|info| info.name);
        self.inner.settings.default_model.clone().or_else(listed)
    }

    /// Room for one more request, or the refusal.
    pub(crate) fn admit_request(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        admit(&self.inner.requests, self.limits().max_requests, "requests")
    }

    /// Room for one more stream, or the refusal.
    pub(crate) fn admit_stream(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        admit(&self.inner.streams, self.limits().max_streams, "streams")
    }
}

fn admit(
    semaphore: &Arc<Semaphore>,
    limit_count: usize,
    what: &str,
) -> Result<OwnedSemaphorePermit, ApiError> {
    semaphore.clone().try_acquire_owned().map_err(|_| {
        let message = format!("the server answers {limit_count} {what} at once; try again soon");
        ApiError::new(ErrorCode::Overloaded, message)
    })
}

/// A store's failure as clients see it.
pub(crate) fn store_error(error: &StoreError) -> ApiError {
    ApiError::new(error.code(), error.to_string())
}
