//! The initial file system of a guest, in the kernel's `newc` form.
//!
//! Invariant: the same program gives the same bytes. Deliberately absent: everything but what a kernel
//! needs to start one program with a console.

const MAGIC: &str = "070701";
const ALIGN_BYTES: usize = 4;
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
const CHARACTER_DEVICE: u32 = 0o020_600;
const CONSOLE: (u32, u32) = (5, 1);
/// Where the agent mounts things before there is a root.
const FOLDERS: [&str; 4] = ["dev", "proc", "sys", "mnt"];

/// Where the agent finds drivers, which it loads in the order of their names.
const MODULES: &str = "modules";

/// An archive with this program as `/init`, and drivers of the kernel in their order.
pub(super) fn archive(program: &[u8], modules: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in FOLDERS {
        archive.add(folder, FOLDER, (0, 0), &[]);
    }
    archive.add("dev/console", CHARACTER_DEVICE, CONSOLE, &[]);
    archive.add("init", PROGRAM, (0, 0), program);
    if !modules.is_empty() {
        archive.add(MODULES, FOLDER, (0, 0), &[]);
    }
    for (name, content) in modules {
        archive.add(&format!("{MODULES}/{name}"), FILE, (0, 0), content);
    }
    archive.add("TRAILER!!!", 0, (0, 0), &[]);
    archive.bytes
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    count: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.count += 1;
        let size = u32::try_from(content.len()).expect("agents and drivers are small");
        let name_size = u32::try_from(name.len() + 1).expect("names here are short");
        // Inode, mode, owner, group, links, time, size, device, device of a device, name, check.
        let fields = [self.count, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        self.bytes.extend_from_slice(MAGIC.as_bytes());
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        let padded = self.bytes.len().next_multiple_of(ALIGN_BYTES);
        self.bytes.resize(padded, 0);
    }
}

#[cfg(test)]
#[path = "cpio_tests.rs"]
mod tests;
