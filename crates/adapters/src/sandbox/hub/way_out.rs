//! The way out of each session's machine, as long as the session has one.
//!
//! Invariant: a session's connections are recorded in one file, through restarts and new machines, until
//! they are in its journal. A machine that is only looked after reaches nothing.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainstay_core::port::{Connection, SandboxError, SandboxRequest};
use mainstay_protocol::SessionId;
use tokio::io::DuplexStream;

use super::super::Gate;
use super::super::egress::{ConnectionRecords, EgressProxy, EgressSettings};
use super::record;

/// The folder of the files, within the folder of machines.
const FOLDER: &str = ".connections";

/// All ways out.
pub(super) struct WaysOut {
    folder: PathBuf,
    settings: Arc<EgressSettings>,
    open: Mutex<HashMap<SessionId, Way>>,
}

/// One session's.
struct Way {
    records: Arc<ConnectionRecords>,
    gate: Arc<SessionGate>,
}

/// What a machine's connections come to: the proxy of the session's last call.
pub(super) struct SessionGate {
    current: Mutex<Option<Current>>,
}

struct Current {
    request: Arc<SandboxRequest>,
    proxy: Arc<EgressProxy>,
}

impl Gate for SessionGate {
    fn open(&self, io: DuplexStream) {
        // Without a proxy the connection falls, and with it the machine's hope.
        if let Some(current) = &*lock(&self.current) {
            current.proxy.open(io);
        }
    }
}

impl WaysOut {
    /// Files of connections in the folder of machines.
    pub(super) fn new(machines: &std::path::Path, settings: Arc<EgressSettings>) -> Self {
        Self { folder: machines.join(FOLDER), settings, open: Mutex::default() }
    }

    /// The way out as a call has it, and what the machine has to trust.
    pub(super) fn open(
        &self,
        request: &SandboxRequest,
    ) -> Result<(Arc<SessionGate>, String), SandboxError> {
        let gate = self.gate(&request.session)?;
        let records = self.records(&request.session)?;
        let mut current = lock(&gate.current);
        let is_same = |current: &Current| {
            current.request.spec.network == request.spec.network
                && current.request.secrets == request.secrets
        };
        let proxy = match current.as_ref().filter(|current| is_same(current)) {
            Some(current) => Arc::clone(&current.proxy),
            None => {
                let network = &request.spec.network;
                let settings = Arc::clone(&self.settings);
                let proxy = EgressProxy::new(network, &request.secrets, settings, records);
                let invalid = |error| SandboxError::Invalid(format!("the network rule: {error}"));
                let proxy = Arc::new(proxy.map_err(invalid)?);
                let request = Arc::new(request.clone());
                *current = Some(Current { request, proxy: Arc::clone(&proxy) });
                proxy
            }
        };
        drop(current);
        Ok((gate, proxy.ca_certificate_pem().to_owned()))
    }

    /// The session's gate; shut until a call opens it.
    pub(super) fn gate(&self, session: &SessionId) -> Result<Arc<SessionGate>, SandboxError> {
        self.with(session, |way| Arc::clone(&way.gate))
    }

    /// What ended behind this number.
    pub(super) fn connections(
        &self,
        session: &SessionId,
        after: u64,
    ) -> Result<Vec<Connection>, SandboxError> {
        let records = self.records(session)?;
        records.after(after).map_err(|error| failed("reading", session, &error))
    }

    /// Forgets a session that is gone.
    pub(super) fn forget(&self, session: &SessionId) {
        lock(&self.open).remove(session);
        // One that is not there was never made.
        let _ = fs::remove_file(self.file(session));
    }

    fn records(&self, session: &SessionId) -> Result<Arc<ConnectionRecords>, SandboxError> {
        self.with(session, |way| Arc::clone(&way.records))
    }

    fn with<T>(&self, session: &SessionId, take: impl Fn(&Way) -> T) -> Result<T, SandboxError> {
        let mut open = lock(&self.open);
        if let Some(way) = open.get(session) {
            return Ok(take(way));
        }
        let records = fs::create_dir_all(&self.folder)
            .and_then(|()| ConnectionRecords::open(&self.file(session)))
            .map_err(|error| failed("opening", session, &error))?;
        let gate = Arc::new(SessionGate { current: Mutex::default() });
        let way = Way { records: Arc::new(records), gate };
        let taken = take(&way);
        open.insert(session.clone(), way);
        Ok(taken)
    }

    fn file(&self, session: &SessionId) -> PathBuf {
        record::folder(&self.folder, session)
    }
}

fn failed(attempted: &str, session: &SessionId, error: &std::io::Error) -> SandboxError {
    SandboxError::Broken(format!("{attempted} the connections of {session}: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
