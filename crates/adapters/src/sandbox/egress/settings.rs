//! What all proxies of an installation share.

use std::sync::Arc;

use mainstay_core::port::Clock;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::authority::Authority;
use crate::tool::{HostPort, Lookup};

/// What the operator says about the way out, and what it is made of.
pub struct EgressSettings {
    pub(super) private_hosts_allowed: Vec<HostPort>,
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) authority: Arc<Authority>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tls: Arc<ClientConfig>,
}

/// The operator's certificates cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the certificates that destinations are verified against: {0}")]
pub struct InvalidRoots(String);

impl EgressSettings {
    /// Settings for machines' connections. Destinations that get secrets are verified against Mozilla's
    /// certificates and those in `extra_roots_pem`.
    pub fn new(
        private_hosts_allowed: Vec<HostPort>,
        extra_roots_pem: &[u8],
        lookup: Arc<dyn Lookup>,
        authority: Arc<Authority>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidRoots> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in CertificateDer::pem_slice_iter(extra_roots_pem) {
            let certificate = certificate.map_err(|error| InvalidRoots(error.to_string()))?;
            roots.add(certificate).map_err(|error| InvalidRoots(error.to_string()))?;
        }
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { private_hosts_allowed, lookup, authority, clock, tls: Arc::new(tls) })
    }
}
