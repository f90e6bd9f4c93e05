//! Who has a neighbour that takes all it can get.

use std::cell::Cell;
use std::time::{Duration, Instant};

use mainstay_core::port::{ExecEnd, ExecRequest};

use super::rig::{Rig, run, shell};
use crate::sandbox::process::support::Host;

/// What a session does that is out of its mind. None of it ends by itself.
const HOGS: [(&str, &str); 4] = [
    ("a fork bomb", "bomb() { bomb | bomb & }; (bomb) & exec sleep 100"),
    ("a full disk", "while :; do dd if=/dev/zero of=full bs=1M 2> /dev/null; rm full; done"),
    (
        "a memory hog",
        "while :; do python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))' 2> /dev/null; done",
    ),
    ("output without end", "cat /dev/zero"),
];
const HOG_MS: u64 = 4_000;
/// What its neighbours are asked.
const QUESTION: &str = "expr 6 '*' 7";

/// The slowest of some calls, which is shown and decides nothing.
#[derive(Debug, Default)]
struct Slowest {
    calls: u32,
    time: Duration,
}

impl Slowest {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long it took is printed, and no test's outcome"
    )]
    async fn of(&mut self, ask: impl AsyncFnOnce() -> String) {
        let begun = Instant::now();
        assert_eq!(ask().await, "42");
        self.time = self.time.max(begun.elapsed());
        self.calls += 1;
    }
}

#[tokio::test]
async fn whatever_a_guest_does_its_neighbours_answer() {
    let (rig, host) = (Rig::new(), Host::new().await);
    let (greedy, place) = (rig.boot("greedy").await, rig.boot("neighbour").await);
    let (hog, guest) = (rig.connect(&greedy).await, rig.connect(&place).await);
    let process = host.start("neighbour").await;
    let (mut quiet_guest, mut quiet_process) = (Slowest::default(), Slowest::default());
    for _ in 0..10 {
        quiet_guest.of(async || run(&guest, QUESTION).await).await;
        quiet_process.of(async || process.text(QUESTION).await).await;
    }
    println!("quiet: {quiet_guest:?} in a guest, {quiet_process:?} in a process machine");
    for (what, line) in HOGS {
        let is_over = Cell::new(false);
        let rages = async {
            let request = ExecRequest { timeout_ms: HOG_MS, ..shell(line) };
            let output = hog.exec(request, None).await;
            is_over.set(true);
            output
        };
        let (mut in_guest, mut in_process) = (Slowest::default(), Slowest::default());
        let beside = async {
            while !is_over.get() {
                in_guest.of(async || run(&guest, QUESTION).await).await;
                in_process.of(async || process.text(QUESTION).await).await;
            }
        };
        let (output, ()) = tokio::join!(rages, beside);
        let output = output.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(output.end, ExecEnd::TimedOut, "{what}: {output:?}");
        println!("{what}: {in_guest:?} in a guest, {in_process:?} in a process machine");
        run(&hog, "rm -f full").await;
        assert_eq!(run(&hog, QUESTION).await, "42", "{what}: its own session goes on");
    }
    drop((hog, guest));
    host.end(process).await;
    rig.end(&[&greedy, &place]).await;
}
