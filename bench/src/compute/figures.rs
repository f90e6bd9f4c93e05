//! The table of figures.

use crate::figure::{Figure, Goal, Group};

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "microvm",
        figures: &[
            &FIRST_OUTPUT,
            &FIRST_OUTPUT_P95,
            &RESUME,
            &FORK,
            &EXEC,
            &PYTHON,
            &RESIDENT,
            &PRIVATE,
        ],
    },
    Group { name: "process", figures: &[&PROCESS_START, &PROCESS_EXEC] },
];

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
