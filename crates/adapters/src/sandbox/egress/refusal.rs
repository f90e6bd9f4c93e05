//! Why a connection was refused or broke, in words for whoever reads what curl or pip prints.

/// A connection that was not made, or ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this environment has no network (its network rule is `none`)")]
    NoNetwork,
    #[error(
        "{host} is not among the hosts that this environment's network rule allows; allowed: {allowed}"
    )]
    NotListed { host: String, allowed: String },
    #[error("{host} is blocked by this environment's network rule")]
    Blocked { host: String },
    #[error("{host} leads to the private address {address}, which machines may not reach")]
    Private { host: String, address: String },
    #[error("{name:?} is asked for through a connection to {host}; ask the proxy for that host")]
    OtherHost { host: String, name: String },
    #[error(
        "the connection to {host} hides which host it asks for; with a network rule that lists hosts \
         it must not (no encrypted client hello, and a server name)"
    )]
    Hidden { host: String },
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    Overloaded(String),
    #[error("{host} was not found: {cause}")]
    NotFound { host: String, cause: String },
    #[error("{host} cannot be reached: {cause}")]
    Unreachable { host: String, cause: String },
    #[error("no byte was moved for {after_ms} ms")]
    Idle { after_ms: u64 },
    #[error("it lasted longer than {after_ms} ms")]
    TooLong { after_ms: u64 },
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Refusal {
    /// The status of the answer.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::NoNetwork
            | Self::NotListed { .. }
            | Self::Blocked { .. }
            | Self::Private { .. }
            | Self::OtherHost { .. }
            | Self::Hidden { .. } => 403,
            Self::BadRequest(_) => 400,
            Self::Overloaded(_) => 503,
            Self::NotFound { .. } | Self::Unreachable { .. } | Self::Broken(_) => 502,
            Self::Idle { .. } | Self::TooLong { .. } => 504,
        }
    }
}
