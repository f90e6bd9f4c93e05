use std::path::Path;

use super::{in_order, version};

const MODULES: [(&str, &str); 5] = [
    ("virtio_ring.ko", ""),
    ("virtio.ko", "virtio_ring"),
    ("virtio-rng.ko", "virtio,virtio_ring"),
    ("overlay.ko", ""),
    ("unwanted.ko", ""),
];

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let module = MODULES.iter().find(|(name, _)| Path::new(name) == path);
    let (_, depends) = module.expect("only what is there is read");
    Ok(format!("\u{7f}ELF\0license=GPL\0depends={depends}\0intree=Y\0").into_bytes())
}

#[test]
fn modules_come_behind_what_they_need() {
    let found = MODULES.map(|(name, _)| Path::new(name));
    let ordered = in_order(&["overlay", "virtio_rng"], &found, &read).expect("all are there");
    let names: Vec<_> = ordered.iter().filter_map(|path| path.to_str()).collect();
    assert_eq!(names, ["overlay.ko", "virtio_ring.ko", "virtio.ko", "virtio-rng.ko"]);
    let error = in_order(&["virtio_blk"], &found, &read).expect_err("there is none");
    assert_eq!(error.to_string(), "Debian's kernel has no module virtio_blk");
}

#[test]
fn the_version_is_the_packages() {
    let mut kernel = vec![0; 0x400];
    kernel[0x20e..0x210].copy_from_slice(&0x80_u16.to_le_bytes());
    let text = b"6.1.0-56-cloud-amd64 (somebody) #1 SMP Debian 6.1.192-2 (2026-11-16)\0";
    kernel[0x280..0x280 + text.len()].copy_from_slice(text);
    assert_eq!(version(&kernel).as_deref(), Some("6.1.192-2"));
    assert_eq!(version(&kernel[..0x20e]), None);
}
