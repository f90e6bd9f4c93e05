use super::archive;

#[test]
fn the_program_is_init_and_everything_is_aligned() {
    let bytes = archive(b"program", &[]);
    let text = String::from_utf8_lossy(&bytes);
    let init = text.find("init\0").expect("the archive has an init");
    let header = &text[init - 110..init];
    assert!(header.starts_with("070701"), "{header}");
    assert_eq!(&header[14..22], "000081ed", "a program that may be started");
    assert_eq!(&header[54..62], "00000007", "its size");
    assert_eq!((init - 110) % 4, 0, "headers are aligned");
    assert!(text.contains("TRAILER!!!"), "the archive is closed");
    assert_eq!(bytes.len() % 4, 0);
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    assert_eq!(archive(b"program", &[]), archive(b"program", &[]));
}

#[test]
fn drivers_lie_in_their_order() {
    let modules = ["00-ring.ko", "01-disk.ko"].map(|name| (name.to_owned(), b"module".to_vec()));
    let bytes = archive(b"program", &modules);
    let text = String::from_utf8_lossy(&bytes);
    let places =
        ["modules\0", "modules/00-ring.ko\0", "modules/01-disk.ko\0"].map(|name| text.find(name));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
}
