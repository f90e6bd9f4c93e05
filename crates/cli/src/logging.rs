//! The log, on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::failure::Failure;

/// Starts the log of this process; `is_plain` leaves colours out.
pub(crate) fn start(log: &Log, is_plain: bool) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Failure::usage(format!("the log filter {:?} is none: {error}", log.filter))
            .hint("it is a level, or levels by module: `info`, `warn,mainstay_store=debug`")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(!is_plain && io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| Failure::new(format!("start the log: {error}")))
}
