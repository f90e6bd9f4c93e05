//! Lines that a person types.
//!
//! Invariant: reading does not hold up anything else. Deliberately absent: taking a read back; one
//! that is abandoned still takes the next line.

use std::io;

use crate::failure::Failure;

/// The next line of stdin without its end; none when stdin has ended.
pub(crate) async fn line() -> Result<Option<String>, Failure> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|count| (count > 0).then_some(line))
    });
    let line =
        read.await.map_err(|error| Failure::new(format!("cannot read stdin: {error}")))??;
    Ok(line.map(|line| line.trim_end_matches(['\r', '\n']).to_owned()))
}
