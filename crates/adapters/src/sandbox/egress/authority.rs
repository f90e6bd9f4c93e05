//! The certificate authority of an installation: machines trust it, so that the proxy can put secrets
//! into their TLS connections.
//!
//! Invariant: its key never leaves the data folder. Deliberately absent: revocation; whoever removes the
//! file gets another authority at the next start, and machines made before it do not trust it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use url::Host;
use zeroize::Zeroizing;

use super::limits::MAX_CERTIFICATES;

/// The name of its file in the data folder.
const FILE: &str = "egress-ca.pem";
/// How long a host's certificate is good, and how long before its end another one is made.
const VALID_DAYS: i64 = 90;
const RENEWED_DAYS: i64 = 7;
/// A machine's clock may be behind.
const EARLY_DAYS: i64 = 2;

/// The authority's file cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[error("the certificate authority of the egress proxy in {path}: {reason}")]
pub struct AuthorityError {
    path: String,
    reason: String,
}

/// Makes certificates that machines trust.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    made: Mutex<LruCache<String, (Arc<ServerConfig>, OffsetDateTime)>>,
}

impl Authority {
    /// The authority in this folder; it is made when there is none.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let path = folder.join(FILE);
        let failed = |reason: String| AuthorityError { path: path.display().to_string(), reason };
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&path).map_err(|error| failed(error.to_string()))?
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let certificate_at = text
            .find("-----BEGIN CERTIFICATE-----")
            .ok_or_else(|| failed("it holds no certificate".to_owned()))?;
        let (key, certificate) = text.split_at(certificate_at);
        let key = KeyPair::from_pem(key).map_err(|error| failed(error.to_string()))?;
        let made = NonZeroUsize::new(MAX_CERTIFICATES).expect("more than none");
        Ok(Self {
            issuer: Issuer::new(authority_params(), key),
            certificate_pem: certificate.to_owned(),
            made: Mutex::new(LruCache::new(made)),
        })
    }

    /// What machines have to trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// How the proxy answers for a host.
    pub(super) fn server_config(
        &self,
        host: &Host<String>,
        now_ms: u64,
    ) -> Result<Arc<ServerConfig>, String> {
        let name = match host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let seconds = i64::try_from(now_ms / 1_000).map_err(|error| error.to_string())?;
        let now =
            OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| error.to_string())?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((config, until)) = made.get(&name)
            && now < *until
        {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make_config(&name, now)?);
        made.put(name, (Arc::clone(&config), now + Duration::days(VALID_DAYS - RENEWED_DAYS)));
        Ok(config)
    }

    fn make_config(&self, name: &str, now: OffsetDateTime) -> Result<ServerConfig, String> {
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let mut params =
            CertificateParams::new([name.to_owned()]).map_err(|error| error.to_string())?;
        params.distinguished_name.push(DnType::CommonName, "Mainstay egress");
        params.not_before = now - Duration::days(EARLY_DAYS);
        params.not_after = now + Duration::days(VALID_DAYS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.issuer).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the ciphers of the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Always the same, so that the key alone makes the same authority again.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Mainstay egress authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn make(path: &Path) -> io::Result<Zeroizing<String>> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = authority_params().self_signed(&key).map_err(io::Error::other)?;
    let text = Zeroizing::new(format!("{}{}", key.serialize_pem(), certificate.pem()));
    // Written whole under another name first: half a key would be taken for the key.
    let draft: PathBuf = path.with_extension("draft");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Another process may have been first; its key stands.
    match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::remove_file(&draft)?,
    }
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    fs::read_to_string(path).map(Zeroizing::new)
}
