//! The way out of a machine: a proxy on the host, reached over the byte channel of the agent inside.
//!
//! Invariant: a machine reaches what its network rule names and no private address that the operator has
//! not listed; the address that was checked is the one that is connected to; a secret goes to its own
//! hosts over TLS, and nowhere else. Whatever was asked for is recorded. Deliberately absent: following
//! redirects, which clients do themselves and which then come through here again.

mod address;
mod authority;
mod connection;
mod count;
mod dial;
mod exchange;
mod hello;
mod limits;
mod proxy;
mod records;
mod refusal;
mod replace;
mod rule;
mod secrets;
mod settings;
mod tunnel;

pub use super::Gate;
pub use authority::{Authority, AuthorityError};
pub use limits::{
    CONNECT_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, LOOKUP_TIMEOUT_MS,
    MAX_ADDRESSES, MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_HEADERS, MAX_RECORDS, MAX_RULE_HOSTS,
    TOTAL_TIMEOUT_MS,
};
pub use proxy::EgressProxy;
pub use records::ConnectionRecords;
pub use rule::{InvalidRule, check_rule};
pub use settings::{EgressSettings, InvalidRoots};
