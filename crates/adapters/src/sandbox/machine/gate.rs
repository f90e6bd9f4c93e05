//! The machine's connections to its local proxy.

use tokio::io::DuplexStream;

/// Takes every connection that a machine makes to its local proxy.
pub trait Gate: Send + Sync {
    /// A connection; what is read from it is what the machine sent. Returns at once: the connection is
    /// served elsewhere, and refused by dropping it.
    fn open(&self, io: DuplexStream);
}
