//! The executors of this installation.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use mainstay_core::port::{Clock, Entropy, SandboxError};
use mainstay_protocol::SessionId;
use tokio::sync::Mutex;

use super::place::Place;

/// The executors of sessions whose environments are their clients' own.
pub struct ExecutorSandboxes {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    places: Mutex<HashMap<SessionId, Arc<Place>>>,
}

impl ExecutorSandboxes {
    /// What must outlive this process is kept in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { folder, clock, entropy, places: Mutex::default() }
    }

    /// Whether this session was ever asked for an executor, or had one.
    pub async fn knows(&self, session: &SessionId) -> Result<bool, SandboxError> {
        Ok(self.find(session).await?.is_some())
    }

    /// What is known of a session's executor.
    pub(super) async fn find(
        &self,
        session: &SessionId,
    ) -> Result<Option<Arc<Place>>, SandboxError> {
        let mut places = self.places.lock().await;
        if let Some(place) = places.get(session) {
            return Ok(Some(Arc::clone(place)));
        }
        let path = self.path(session);
        let found = Place::open(Arc::clone(&self.clock), path.clone()).await.map_err(|error| {
            SandboxError::Broken(format!("cannot read {}: {error}", path.display()))
        })?;
        let found = found.map(Arc::new);
        if let Some(place) = &found {
            places.insert(session.clone(), Arc::clone(place));
        }
        Ok(found)
    }

    /// The same; made when there is none.
    pub(super) async fn place(&self, session: &SessionId) -> Result<Arc<Place>, SandboxError> {
        if let Some(place) = self.find(session).await? {
            return Ok(place);
        }
        tokio::fs::create_dir_all(&self.folder).await.map_err(|error| {
            SandboxError::Broken(format!("cannot make {}: {error}", self.folder.display()))
        })?;
        let mut places = self.places.lock().await;
        let path = self.path(session);
        let fresh = || Arc::new(Place::new(Arc::clone(&self.clock), path));
        let place = Arc::clone(places.entry(session.clone()).or_insert_with(fresh));
        drop(places);
        // From now on the session is known to have an executor, after a crash too.
        place.change(|_| {}).await?;
        Ok(place)
    }

    /// Forgets a session's executor.
    pub(super) async fn forget(&self, session: &SessionId) -> Result<(), SandboxError> {
        let place = self.places.lock().await.remove(session);
        if let Some(place) = place {
            place.disconnect();
        }
        let path = self.path(session);
        match tokio::fs::remove_file(&path).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                Err(SandboxError::Broken(format!("cannot remove {}: {error}", path.display())))
            }
        }
    }

    fn path(&self, session: &SessionId) -> PathBuf {
        self.folder.join(format!("{session}.json"))
    }
}
