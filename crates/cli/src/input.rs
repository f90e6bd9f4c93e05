//! Lines that a person types.
//!
//! Invariant: reading does not hold up anything else, and ^C ends the wait as the end of stdin does.
//! Deliberately absent: taking a read back; one that is abandoned still takes the next line.

use std::io::{self, IsTerminal};

use crate::failure::Failure;

/// Whether a person types.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// The next line of stdin without its end; none when stdin has ended.
pub(crate) async fn line() -> Result<Option<String>, Failure> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|count| (count > 0).then_some(line))
    });
    let read = tokio::select! {
        read = read => read,
        // Once a program has asked for ^C, it no longer ends the process by itself.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            return Ok(None);
        }
    };
    let line = read.map_err(|error| Failure::new(format!("cannot read stdin: {error}")))??;
    Ok(line.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()))
}
