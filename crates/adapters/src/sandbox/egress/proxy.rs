//! The proxy of one session's machine.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use mainstay_core::port::{NetworkRule, SandboxSecret};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinSet;

use super::connection::serve;
use super::limits::MAX_CONNECTIONS;
use super::records::ConnectionRecords;
use super::rule::{InvalidRule, Rule};
use super::secrets::Secrets;
use super::settings::EgressSettings;
use crate::sandbox::Gate;

/// What the connections of one proxy share.
pub(super) struct Proxy {
    pub(super) rule: Rule,
    pub(super) secrets: Secrets,
    pub(super) settings: Arc<EgressSettings>,
    pub(super) records: Arc<ConnectionRecords>,
}

/// The proxy of one session's machine. Its connections end with it.
pub struct EgressProxy {
    shared: Arc<Proxy>,
    connections: Mutex<JoinSet<()>>,
}

impl EgressProxy {
    /// A proxy that lets through what `rule` says.
    pub fn new(
        rule: &NetworkRule,
        secrets: &[SandboxSecret],
        settings: Arc<EgressSettings>,
        records: Arc<ConnectionRecords>,
    ) -> Result<Self, InvalidRule> {
        let shared = Arc::new(Proxy {
            rule: Rule::parse(rule)?,
            secrets: Secrets::parse(secrets, rule)?,
            settings,
            records,
        });
        Ok(Self { shared, connections: Mutex::default() })
    }

    /// What the machine has to trust, so that secrets can be put into its connections.
    #[must_use]
    pub fn ca_certificate_pem(&self) -> &str {
        self.shared.settings.authority.certificate_pem()
    }
}

impl Gate for EgressProxy {
    fn open(&self, io: DuplexStream) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            return turn_away(io);
        }
        connections.spawn(serve(Arc::clone(&self.shared), io));
    }
}

/// Says so in as much as the pipe takes at once.
fn turn_away(mut io: DuplexStream) {
    let words = format!("Mainstay: more than {MAX_CONNECTIONS} connections at once");
    let answer = format!(
        "HTTP/1.1 503 {words}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{words}\n",
        words.len() + 1
    );
    // A client that does not read is not waited for.
    let _ = io.write_all(answer.as_bytes()).now_or_never();
}
