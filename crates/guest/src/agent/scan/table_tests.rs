use std::fs;
use std::path::Path;
use std::process::Command;

use super::Table;

/// A disk with these names in it, made with these options.
fn disk(folder: &Path, names: &[&str], options: &[&str]) -> std::path::PathBuf {
    let (root, disk) = (folder.join("root"), folder.join("disk"));
    for name in names {
        fs::create_dir_all(root.join(name)).expect("made");
    }
    let mut make = Command::new("mkfs.ext4");
    make.args(["-q", "-F"]).args(options).arg("-d").arg(&root).arg(&disk).arg("24M");
    assert!(make.status().expect("e2fsprogs is installed").success(), "{make:?}");
    disk
}

/// A file's inode and its time of change, as the tools of ext4 tell them.
fn told(disk: &Path, name: &str) -> (u64, i128) {
    let mut ask = Command::new("debugfs");
    let output = ask.args(["-R", &format!("stat /{name}")]).arg(disk).output();
    let text = String::from_utf8(output.expect("e2fsprogs is installed").stdout).expect("text");
    let behind = |word: &str| text.split(word).nth(1).expect("it says so").trim_start().to_owned();
    let inode = behind("Inode:");
    let inode = inode.split_whitespace().next().and_then(|word| word.parse().ok());
    let time = behind("ctime:");
    let (seconds, rest) = time.split_once(':').expect("two parts");
    let hex = |text: &str| i128::from_str_radix(text.trim_start_matches("0x"), 16).expect("hex");
    let extra = hex(rest.split_whitespace().next().expect("a part"));
    (inode.expect("a number"), hex(seconds) * 1_000_000_000 + (extra >> 2))
}

#[test]
fn the_table_tells_what_the_tools_of_the_file_system_tell() {
    let names: Vec<String> = (0..600).map(|number| format!("folder-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let shapes: [&[&str]; 4] = [
        &["-b", "1024"],
        &["-b", "4096", "-O", "^has_journal,^resize_inode"],
        &["-b", "1024", "-O", "^64bit,^flex_bg", "-g", "2048", "-N", "4096"],
        &["-b", "1024", "-I", "512"],
    ];
    for shape in shapes {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = disk(folder.path(), &names, shape);
        let table = Table::open(&disk).expect("it is understood");
        let mut look = table.look(0).expect("a file is no device");
        for name in ["folder-0", "folder-299", "folder-599"] {
            let (inode, changed_ns) = told(&disk, name);
            assert_eq!(look.changed_ns(inode), Some(changed_ns), "{name}, {shape:?}");
        }
        assert_eq!((look.changed_ns(0), look.changed_ns(1 << 40)), (None, None));
        assert!(table.look(1).is_none(), "another disk's");
    }
}

#[test]
fn a_disk_of_another_shape_tells_nothing() {
    let shapes: [&[&str]; 2] = [&["-I", "128"], &["-O", "meta_bg,^resize_inode"]];
    for shape in shapes {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Table::open(&disk(folder.path(), &["x"], shape)).is_none(), "{shape:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for bytes in [0, 1000, 1 << 16] {
        let file = folder.path().join("none");
        fs::write(&file, vec![0xFF; bytes]).expect("written");
        assert!(Table::open(&file).is_none(), "{bytes}");
    }
    assert!(Table::open(folder.path()).is_none() && Table::open(Path::new("/absent")).is_none());
}
