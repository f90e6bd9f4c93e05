//! What is in a machine's folder for people to read.
//!
//! Invariant: the end of each log is read, and no more than was asked for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use mainstay_core::port::{SandboxError, SandboxLog};

use super::inner::Inner;
use super::record::MachineRecord;

/// The files that drivers write, by what they are for people.
const LOGS: [(&str, &str); 3] =
    [("agent.log", "agent"), ("console.log", "console"), ("qemu.log", "qemu")];

impl Inner {
    /// The logs of a session's machine, wherever it was started.
    pub(super) async fn logs(
        &self,
        folder: &Path,
        limit_bytes: usize,
    ) -> Result<Vec<SandboxLog>, SandboxError> {
        let Some(record) = MachineRecord::read(folder) else { return read(folder, limit_bytes) };
        let place = record.place(folder);
        if let Some(driver) = self.drivers.named(&record.driver)
            && driver.is_running(&place).await
            && let Err(error) = driver.gather_logs(&place).await
        {
            // What was gathered before is there.
            tracing::warn!(%error, session = %record.session, "a machine's console is not read");
        }
        read(place.folder(), limit_bytes)
    }
}

/// The end of each log in this folder. Of a machine that is not there, nothing.
pub(super) fn read(folder: &Path, limit_bytes: usize) -> Result<Vec<SandboxLog>, SandboxError> {
    let mut found = Vec::new();
    for (file, name) in LOGS {
        match tail(&folder.join(file), limit_bytes) {
            Ok((bytes, omitted_bytes)) => found.push(SandboxLog {
                name: name.to_owned(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
                omitted_bytes,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(SandboxError::Broken(format!("read the machine's {file}: {error}")));
            }
        }
    }
    Ok(found)
}

fn tail(path: &Path, limit_bytes: usize) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    let omitted = file.metadata()?.len().saturating_sub(limit);
    file.seek(SeekFrom::Start(omitted))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, omitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_each_log_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |limit: usize, expected: &[(&str, &str, u64)]| {
            let found = read(folder.path(), limit).expect("read");
            let found: Vec<_> = found
                .iter()
                .map(|log| (log.name.as_str(), log.text.as_str(), log.omitted_bytes))
                .collect();
            assert_eq!(found, expected);
        };
        check(10, &[]);
        std::fs::write(folder.path().join("agent.log"), "one\ntwo\n").expect("write");
        std::fs::write(folder.path().join("qemu.log"), b"\xff").expect("write");
        check(10, &[("agent", "one\ntwo\n", 0), ("qemu", "\u{fffd}", 0)]);
        check(4, &[("agent", "two\n", 4), ("qemu", "\u{fffd}", 0)]);
        std::fs::write(folder.path().join("console.log"), "Out of memory\n").expect("write");
        check(7, &[("agent", "ne\ntwo\n", 1), ("console", "memory\n", 7), ("qemu", "\u{fffd}", 0)]);
    }
}
