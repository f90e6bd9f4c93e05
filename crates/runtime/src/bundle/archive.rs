//! The archive: POSIX tar, plain files in a fixed order, the same bytes for the same content.

use std::io::{self, Read};

/// Adds a file.
pub(super) fn put(
    archive: &mut tar::Builder<Vec<u8>>,
    name: &str,
    content: &[u8],
    at_ms: u64,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(at_ms / 1_000);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, content)
}

/// The files of an archive, in its order. Anything but plain files is an error.
pub(super) fn files(bytes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(bytes);
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(io::Error::other("the archive holds something that is no plain file"));
        }
        let name = entry.path()?.to_str().map(str::to_owned);
        let name = name.ok_or_else(|| io::Error::other("a file's name is no text"))?;
        // The size is what the archive has, which is bounded by the bytes there are.
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push((name, content));
    }
    Ok(files)
}
