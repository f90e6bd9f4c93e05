use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::{allocated_bytes, fresh, sealed, write_down};

const SIZE: u64 = 64 << 20;

fn sparse() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    file.as_file().set_len(SIZE).expect("it can be made larger");
    file.as_file().write_all_at(b"first", 0).expect("it can be written");
    file.as_file().write_all_at(b"last", SIZE - 4).expect("it can be written");
    file
}

#[test]
fn memory_is_what_the_file_was_and_as_sparse() {
    let memory = sealed(sparse().path()).expect("it can be read");
    assert!(allocated_bytes(&memory).expect("it can be asked") < 1 << 20);
    let memory = File::from(memory);
    assert_eq!(memory.metadata().expect("it is there").len(), SIZE);
    let mut found = [0; 5];
    memory.read_exact_at(&mut found, 0).expect("it can be read");
    assert_eq!(&found, b"first");
    memory.read_exact_at(&mut found[..4], SIZE - 4).expect("it can be read");
    assert_eq!(&found[..4], b"last");
}

#[test]
fn what_a_machine_left_is_written_down_as_sparse_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let memory = fresh(SIZE >> 20).expect("there is memory");
    let own = File::from(memory.try_clone().expect("it can be shared"));
    own.write_all_at(b"last", SIZE - 4).expect("it can be written");
    let path = folder.path().join("memory");
    write_down(memory, &path).expect("it can be written down");
    let kept = fs::metadata(&path).expect("it is there");
    assert_eq!((kept.len(), kept.mode() & 0o777), (SIZE, 0o600));
    assert!(kept.blocks() * 512 < 1 << 20, "{} blocks", kept.blocks());
    let again = File::from(sealed(&path).expect("it can be read"));
    let mut found = [0; 4];
    again.read_exact_at(&mut found, SIZE - 4).expect("it can be read");
    assert_eq!(&found, b"last");
}

/// As QEMU opens it.
#[test]
fn who_opens_it_for_writing_cannot_change_it() {
    let memory = sealed(sparse().path()).expect("it can be read");
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let opened = OpenOptions::new().read(true).write(true).open(&path).expect("it can be opened");
    opened.write_all_at(b"other", 0).expect_err("it is sealed");
    opened.set_len(1).expect_err("it is sealed");
    opened.set_len(SIZE * 2).expect_err("it is sealed");
    let start = fs::read(&path).expect("it can be read");
    assert_eq!(&start[..5], b"first");
}
