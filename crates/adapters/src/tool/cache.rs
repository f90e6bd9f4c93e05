//! Bounded caches for what is made from a tool source.
//!
//! Invariant: an entry found by identity was made from the very allocation it is asked for: the weak
//! reference keeps the address from being used again.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lru::LruCache;
use mainstay_core::tool::ToolSource;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How many compiled sources are kept by content.
const MAX_PLANS: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
/// How many sources in memory are remembered by identity, so that a call hashes nothing.
const MAX_IDENTITIES: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// The SHA-256 of a value's JSON.
pub(crate) type Fingerprint = [u8; 32];

/// What hashing a value found.
pub(crate) struct Hashed {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) size_bytes: usize,
}

/// Hashes a value's JSON without keeping it.
pub(crate) fn hash_json(value: &impl Serialize) -> Hashed {
    let mut writer = HashWriter { hasher: Sha256::new(), size_bytes: 0 };
    serde_json::to_writer(&mut writer, value).expect("JSON values and sources always serialise");
    Hashed { fingerprint: writer.hasher.finalize().into(), size_bytes: writer.size_bytes }
}

struct HashWriter {
    hasher: Sha256,
    size_bytes: usize,
}

impl std::io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// By the address of the source.
type ByIdentity<P> = LruCache<usize, (Weak<ToolSource>, Arc<P>)>;

/// What was made from sources: found by identity first, by content then.
pub(crate) struct SourceCache<P> {
    by_identity: Mutex<ByIdentity<P>>,
    by_content: Mutex<LruCache<Fingerprint, Arc<P>>>,
}

impl<P> SourceCache<P> {
    pub(crate) fn new() -> Self {
        Self {
            by_identity: Mutex::new(LruCache::new(MAX_IDENTITIES)),
            by_content: Mutex::new(LruCache::new(MAX_PLANS)),
        }
    }

    /// What was made from this very allocation.
    pub(crate) fn same(&self, source: &Arc<ToolSource>) -> Option<Arc<P>> {
        let mut identities = lock(&self.by_identity);
        let (known, plan) = identities.get(&address(source))?;
        std::ptr::eq(known.as_ptr(), Arc::as_ptr(source)).then(|| Arc::clone(plan))
    }

    /// Remembers what was made from this allocation.
    pub(crate) fn remember(&self, source: &Arc<ToolSource>, plan: &Arc<P>) {
        let entry = (Arc::downgrade(source), Arc::clone(plan));
        lock(&self.by_identity).put(address(source), entry);
    }

    /// What was made from equal content.
    pub(crate) fn equal(&self, fingerprint: &Fingerprint) -> Option<Arc<P>> {
        lock(&self.by_content).get(fingerprint).cloned()
    }

    /// Keeps what was made from this content, in place of what was made before.
    pub(crate) fn put(&self, fingerprint: Fingerprint, plan: &Arc<P>) {
        lock(&self.by_content).put(fingerprint, Arc::clone(plan));
    }
}

fn address(source: &Arc<ToolSource>) -> usize {
    Arc::as_ptr(source).addr()
}

/// A panic elsewhere leaves a cache as good as it was.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
