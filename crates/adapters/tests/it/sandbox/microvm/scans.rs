//! Scans of a guest's workspace see what changed, and look at nothing else: times of change come from the
//! disk's own table, which every way of changing a file has to reach.

use mainstay_adapters::sandbox::{Driver, Generation, Machine};

use super::rig::{Rig, run};

/// Folders, files, a link, and a process that keeps a mapping of a file which it has closed.
const LAYOUT: &str = "mkdir -p a/b c; for n in 1 2 3; do echo $n > a/b/$n; echo $n > c/$n; done
ln -s ../c/1 a/link; head -c 8192 /dev/zero > mapped
mkfifo /tmp/go /tmp/done /tmp/end
python3 -c \"
import mmap
file = open('mapped', 'r+b')
memory = mmap.mmap(file.fileno(), 0)
file.close()
open('/tmp/go').read()
memory[5000] = 1
open('/tmp/done', 'w').close()
open('/tmp/end').read()
\" > /tmp/said 2>&1 &";

/// What is done, and what a scan tells of it: `-` what is gone, `+` what is new or changed.
const CHANGES: [(&str, &[&str]); 16] = [
    ("ls -R; cat c/1", &[]),
    ("echo more >> a/b/1", &["+a/b/1"]),
    ("chmod 600 c/2", &["+c/2"]),
    ("touch -d @1000 c/3", &["+c/3"]),
    ("printf 9 | dd of=c/3 conv=notrunc status=none; touch -d @1000 c/3", &["+c/3"]),
    ("echo > /tmp/go; cat /tmp/done", &["+mapped"]),
    ("mv a/b/2 a/b/two", &["-a/b/2", "+a/b/two"]),
    ("mv a/b/3 c/moved", &["-a/b/3", "+c/moved"]),
    ("mv a/b d", &["-a/b", "+d", "+d/1", "+d/two"]),
    ("ln d/1 c/hard", &["+c/hard", "+d/1"]),
    ("echo more >> c/hard", &["+c/hard", "+d/1"]),
    ("rm c/1; echo 1 > c/1", &["+c/1"]),
    ("ln -sfn ../c/2 a/link", &["+a/link"]),
    ("rm c/2; mkdir -p c/2/deep; echo > c/2/deep/f", &["-c/2", "+c/2", "+c/2/deep", "+c/2/deep/f"]),
    ("chmod 700 d", &["+d"]),
    ("rm -r c/2; truncate -s 1 c/moved", &["-c/2", "+c/moved"]),
];

async fn scan(machine: &Machine, since: Option<Generation>) -> (Generation, Vec<String>) {
    let scan = machine.scan(since).await.expect("it scans");
    assert_eq!(scan.is_full, since.is_none());
    let removed = scan.removed.iter().map(|path| format!("-{path}"));
    let changed = scan.changed.iter().map(|entry| format!("+{}", entry.path));
    (scan.generation, removed.chain(changed).collect())
}

/// What was changed this instant is told again, until it is not.
async fn settled(machine: &Machine, since: Option<Generation>) -> Generation {
    let mut since = since;
    loop {
        let (generation, told) = scan(machine, since).await;
        since = Some(generation);
        if told.is_empty() {
            return generation;
        }
    }
}

#[tokio::test]
async fn a_scan_of_a_guest_sees_every_change() {
    let rig = Rig::new();
    let place = rig.boot("one").await;
    let machine = rig.connect(&place).await;
    run(&machine, LAYOUT).await;
    let mut since = settled(&machine, None).await;
    for (change, expected) in CHANGES {
        run(&machine, change).await;
        let (generation, told) = scan(&machine, Some(since)).await;
        assert_eq!(told, *expected, "{change}");
        since = settled(&machine, Some(generation)).await;
    }
    let found = run(&machine, "find . -mindepth 1 -printf '+%P\\n' | sort").await;
    let (_, all) = scan(&machine, None).await;
    assert_eq!(all.join("\n"), found);
    let since = settled(&machine, None).await;
    drop(machine);
    rig.driver.park(&place).await.expect("it can be parked");
    rig.driver.unpark(&place, &rig.spec).await.expect("it comes back");
    let machine = rig.connect(&place).await;
    assert_eq!(scan(&machine, Some(since)).await.1, Vec::<String>::new());
    rig.end(&[&place]).await;
}
