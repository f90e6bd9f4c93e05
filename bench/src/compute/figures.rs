//! The table of figures.

use crate::figure::{Figure, Goal, Group};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "microvm",
        figures: &[
            &COLD,
            &COLD_P95,
            &FIRST_OUTPUT,
            &FIRST_OUTPUT_P95,
            &RESUME,
            &FORK,
            &EXEC,
            &PYTHON,
            &RESIDENT,
            &PRIVATE,
            &IDLE,
        ],
    },
    Group { name: "process", figures: &[&PROCESS_START, &PROCESS_EXEC] },
    Group { name: "hub", figures: &[&AHEAD, &AHEAD_P95, &AHEAD_PROCESS, &SAVE, &SAVED_BYTES] },
    Group { name: "neighbour", figures: &[&BOMB, &HOG, &BOMB_PROCESS, &HOG_PROCESS] },
];

pub(super) const COLD: Figure = Figure {
    name: "microVM booted without a template to the first command's output, p50",
    unit: "ms",
    goal: Goal::AtMost(1_200.0),
    peer: "",
};
pub(super) const COLD_P95: Figure =
    Figure { name: "… p95", unit: "ms", goal: Goal::AtMost(2_000.0), peer: "" };
pub(super) const IDLE: Figure = Figure {
    name: "processor of an idle microVM that a server looks after",
    unit: "% of a core",
    goal: Goal::None,
    peer: "",
};
pub(super) const AHEAD: Figure = Figure {
    name: "session's microVM that was started ahead to the first command's output, p50",
    unit: "ms",
    goal: Goal::AtMost(150.0),
    peer: "AgentCore 1,900 (p75), E2B 700, CubeSandbox 64 (16 cores, KVM)",
};
pub(super) const AHEAD_P95: Figure =
    Figure { name: "… p95", unit: "ms", goal: Goal::AtMost(300.0), peer: "" };
pub(super) const AHEAD_PROCESS: Figure = Figure {
    name: "session's process machine that was started ahead to the first output of python3, over a bare \
           `python3 -c`, p50",
    unit: "ms",
    goal: Goal::AtMost(10.0),
    peer: "",
};
pub(super) const SAVE: Figure = Figure {
    name: "workspace of 10,000 files in a microVM saved when 10 changed, p50",
    unit: "ms",
    goal: Goal::AtMost(50.0),
    peer: "",
};
pub(super) const SAVED_BYTES: Figure = Figure {
    name: "… bytes written over bytes changed",
    unit: "x",
    goal: Goal::AtMost(1.1),
    peer: "",
};
pub(super) const BOMB: Figure = Figure {
    name: "a microVM's work beside a microVM with a fork bomb, over the same without, p50",
    unit: "x",
    goal: Goal::AtMost(2.0),
    peer: "",
};
pub(super) const HOG: Figure = Figure {
    name: "… with a program that takes all memory",
    unit: "x",
    goal: Goal::AtMost(2.0),
    peer: "",
};
pub(super) const BOMB_PROCESS: Figure = Figure {
    name: "a process machine's work beside one with a fork bomb, over the same without, p50",
    unit: "x",
    goal: Goal::AtMost(2.0),
    peer: "",
};
pub(super) const HOG_PROCESS: Figure = Figure {
    name: "… with a program that takes all memory",
    unit: "x",
    goal: Goal::AtMost(2.0),
    peer: "",
};

pub(super) const FIRST_OUTPUT: Figure = Figure {
    name: "microVM from the warm template to the first command's output, p50",
    unit: "ms",
    goal: Goal::AtMost(150.0),
    peer: "AgentCore 1,900 (p75), E2B 700, CubeSandbox 64 (16 cores, KVM)",
};
pub(super) const FIRST_OUTPUT_P95: Figure = Figure {
    name: "… p95",
    unit: "ms",
    goal: Goal::AtMost(300.0),
    peer: "CubeSandbox 80 (16 cores, KVM)",
};
pub(super) const RESUME: Figure = Figure {
    name: "resume a parked microVM to its agent's answer, p50",
    unit: "ms",
    goal: Goal::AtMost(90.0),
    peer: "CubeSandbox 19",
};
pub(super) const FORK: Figure = Figure {
    name: "fork of a running microVM, p50",
    unit: "ms",
    goal: Goal::AtMost(100.0),
    peer: "forkd 101 for 100 (KVM)",
};
pub(super) const EXEC: Figure = Figure {
    name: "exec of `true` in a running microVM, p50",
    unit: "ms",
    goal: Goal::AtMost(5.0),
    peer: "",
};
pub(super) const PYTHON: Figure = Figure {
    name: "`print(1)` in the microVM's resident Python, p50",
    unit: "ms",
    goal: Goal::AtMost(5.0),
    peer: "AgentCore, E2B: tens",
};
pub(super) const RESIDENT: Figure = Figure {
    name: "memory of an idle microVM beside others: resident",
    unit: "MiB",
    goal: Goal::AtMost(60.0),
    peer: "22 to 34 MB",
};
pub(super) const PRIVATE: Figure =
    Figure { name: "… private", unit: "MiB", goal: Goal::AtMost(35.0), peer: "" };
pub(super) const PROCESS_START: Figure = Figure {
    name: "process tier: start to first output of python3, over a bare `python3 -c`, p50",
    unit: "ms",
    goal: Goal::AtMost(10.0),
    peer: "",
};
pub(super) const PROCESS_EXEC: Figure = Figure {
    name: "process tier: exec of `true` in a running machine, p50",
    unit: "ms",
    goal: Goal::None,
    peer: "",
};
