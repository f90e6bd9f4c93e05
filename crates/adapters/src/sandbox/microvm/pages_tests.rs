use std::io::Write;

use super::{MAGIC, PAGE_BYTES, Piece, address, header, load, pieces_of};

const MAPS: &str = "\
55d0-55e0 r-xp 00000000 fe:00 1 /usr/bin/qemu
7f0000000000-7f0000200000 rw-p 00000000 00:01 1058 /memfd:mainstay-template (deleted)
7f0000200000-7f0000400000 rw-p 00200000 00:01 1058 /memfd:mainstay-template (deleted)
7f0000400000-7f0000500000 rw-p 00400000 00:01 1058 /memfd:mainstay-template (deleted)
7f1000000000-7f1000100000 rw-p 00000000 00:00 0
nonsense /memfd:mainstay-template
";

#[test]
fn the_guest_memory_is_found_in_pieces_and_nothing_beyond_it() {
    let found = pieces_of(MAPS, 0x40_0000);
    let piece = |address, offset| Piece { address, size_bytes: 0x20_0000, offset };
    assert_eq!(found, [piece(0x7f00_0000_0000, 0), piece(0x7f00_0020_0000, 0x20_0000)]);
}

#[test]
fn a_page_outside_of_the_memory_has_no_address() {
    let pieces = pieces_of(MAPS, 0x40_0000);
    assert_eq!(address(&pieces, 0x20_1000, PAGE_BYTES).expect("it is inside"), 0x7f00_0020_1000);
    address(&pieces, 0x40_0000, PAGE_BYTES).expect_err("it is behind the end");
    address(&pieces, 0x1f_f000, 2 * PAGE_BYTES).expect_err("it is in two pieces");
    address(&pieces, u64::MAX - 1, PAGE_BYTES).expect_err("it is nowhere");
}

#[test]
fn headers_are_read_until_the_end() {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&4096u64.to_le_bytes());
    bytes.extend_from_slice(&2u64.to_le_bytes());
    assert_eq!(header(&mut bytes.as_slice()).expect("it is whole"), Some((4096, 2)));
    assert_eq!(header(&mut &b""[..]).expect("it is the end"), None);
    header(&mut &bytes[..12]).expect_err("it is cut short");
}

/// This process maps no template, so nothing is ever written to it.
#[test]
fn nothing_is_written_where_no_template_is_mapped() {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    file.write_all(&MAGIC).expect("it can be written");
    let own = i32::try_from(std::process::id()).expect("it is small");
    load(own, 1 << 20, file.path()).expect_err("nothing is mapped");
}
