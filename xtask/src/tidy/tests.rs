//! Every rule finds what it is there for, and nothing in a tree that keeps to it.

use super::rules::{ALL, Rule};
use super::tree::Tree;

/// A tree, and how the findings of one rule in it begin.
struct Case {
    rule: &'static str,
    files: &'static [(&'static str, &'static str)],
    finds: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        rule: "attributes",
        files: &[(
            "a.rs",
            "//! A.\n#[allow(unused)]\nfn f() {}\n#[ignore]\nfn g() {} // #[ignore]\n",
        )],
        finds: &["a.rs:2: `#[allow(`", "a.rs:4: `#[ignore`"],
    },
    Case {
        rule: "attributes",
        files: &[("a.rs", "#[expect(unused, reason = \"#[allow(\")]\nfn f() {}\n")],
        finds: &[],
    },
    Case {
        rule: "declarations",
        files: &[
            (
                "crates/x/src/lib.rs",
                "//! X.\n#![warn(a)]\n\nmod a;\npub struct B {\n  c: u8,\n}\nmod t { mod u; }\n",
            ),
            ("crates/x/src/b/mod.rs", "fn f() {}"),
        ],
        finds: &[
            "crates/x/src/b/mod.rs:1: holds more than declarations: `fn f()",
            "crates/x/src/lib.rs:5: holds more than declarations: `pub struct B",
            "crates/x/src/lib.rs:8: holds more than declarations: `mod t {",
        ],
    },
    Case {
        rule: "declarations",
        files: &[
            (
                "crates/x/src/lib.rs",
                "//! X.\n#[cfg(test)]\nmod a;\npub(crate) mod b;\npub use a::{\n  B, c::{D},\n};\n",
            ),
            ("crates/x/src/a.rs", "fn f() {}"),
        ],
        finds: &[],
    },
    Case {
        rule: "error-pages",
        files: &[
            (
                "crates/protocol/src/error.rs",
                "    A = \"a\", 400, false;\n    B = \"b\", 400, true;\n    C = \"c\", 404, true;\n",
            ),
            ("docs/errors/README.md", "[`a`](a.md)"),
            ("docs/errors/a.md", "# `a`\n\nHTTP 400, trying again does not help\n"),
            ("docs/errors/c.md", "# `c`\n\nHTTP 404, trying again does not help\n"),
            ("docs/errors/old.md", "# `old`\n"),
        ],
        finds: &[
            "crates/protocol/src/error.rs:2: `b` has no page",
            "docs/errors/c.md: does not begin with",
            "docs/errors/old.md: is the page of no",
        ],
    },
    Case {
        rule: "error-pages",
        files: &[
            ("crates/protocol/src/error.rs", "    A = \"a\", 400, false;\n"),
            ("docs/errors/README.md", "nothing"),
            ("docs/errors/a.md", "# `a`\n\nHTTP 400, trying again does not help\n"),
        ],
        finds: &["docs/errors/README.md: does not list `a`"],
    },
    Case {
        rule: "error-pages",
        files: &[("crates/protocol/src/error.rs", "enum ErrorCode { A }")],
        finds: &["crates/protocol/src/error.rs: no line has the form"],
    },
    Case {
        rule: "file-sizes",
        files: &[
            ("long.rs", LONG),
            ("listed.rs", LONG),
            ("short.rs", ""),
            (
                "xtask/oversized.toml",
                "[[file]]\npath = \"listed.rs\"\nmax_lines = 500\nreason = \"a table\"\n[[file]]\npath = \"short.rs\"\nmax_lines = 500\nreason = \"a table\"\n",
            ),
        ],
        finds: &[
            "long.rs: 401 lines",
            "xtask/oversized.toml: short.rs has 0 lines and needs no exception",
        ],
    },
    Case {
        rule: "file-sizes",
        files: &[
            ("long.rs", LONG),
            (
                "xtask/oversized.toml",
                "[[file]]\npath = \"long.rs\"\nmax_lines = 801\nreason = \"a table\"\n[[file]]\npath = \"gone.rs\"\nmax_lines = 1\n",
            ),
        ],
        finds: &[
            "xtask/oversized.toml: the exception for long.rs allows more",
            "xtask/oversized.toml: the exception for gone.rs has no reason",
        ],
    },
    Case {
        rule: "fixtures",
        files: &[
            ("crates/x/testdata/entries/a/1.json", "{}"),
            ("crates/x/testdata/entries/a/2.json", "changed"),
            ("crates/x/testdata/frozen/new.json", "{}"),
            ("crates/x/testdata/free.json", "{}"),
            (
                "xtask/frozen.txt",
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  crates/x/testdata/entries/a/1.json\n\
                 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  crates/x/testdata/entries/a/2.json\n\
                 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  crates/x/testdata/entries/a/3.json\n",
            ),
        ],
        finds: &[
            "crates/x/testdata/entries/a/2.json: is frozen but was changed",
            "crates/x/testdata/entries/a/3.json: is listed as frozen but is not there",
            "crates/x/testdata/frozen/new.json: is not yet frozen",
        ],
    },
    Case {
        rule: "layers",
        files: &[
            (
                "crates/core/Cargo.toml",
                "[dependencies]\nmainstay-protocol.workspace = true\ntokio = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n",
            ),
            (
                "crates/store/Cargo.toml",
                "[dependencies]\nkernel = { package = \"mainstay-core\", path = \"../core\" }\n",
            ),
            (
                "crates/client/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nmainstay-store.workspace = true\n",
            ),
            ("crates/extra/Cargo.toml", ""),
            ("testing/sim/Cargo.toml", "[dependencies]\nmainstay-store.workspace = true\n"),
        ],
        finds: &[
            "crates/client/Cargo.toml: `client` must not use `store`",
            "crates/core/Cargo.toml: `core` is pure and must not use `tokio`",
            "crates/extra/Cargo.toml: `extra` is a new crate",
            "crates/store/Cargo.toml: `store` must not use `core`",
        ],
    },
    Case {
        rule: "links",
        files: &[
            (
                "docs/a.md",
                "[b](b.md) [c](../c.md#a-title) [r](../src) [w](https://host/x) [s](#own)\n# Own\n```\n[x](x.md)\n```\n`[y](y.md)`\n",
            ),
            ("docs/b.md", "[a](gone.md) and [c](../c.md#gone) and [o](../../out.md)\n"),
            ("c.md", "## A `title`!\n"),
            ("src/lib.rs", ""),
        ],
        finds: &[
            "docs/b.md:1: `gone.md`",
            "docs/b.md:1: `../c.md#gone`",
            "docs/b.md:1: `../../out.md`",
        ],
    },
    Case {
        rule: "macros",
        files: &[("a.rs", "fn f() {\n    dbg!(1); // dbg!(2)\n    my_todo!();\n    todo!()\n}\n")],
        finds: &["a.rs:2: `dbg!`", "a.rs:4: `todo!`"],
    },
    Case {
        rule: "manifests",
        files: &[
            (
                "crates/x/Cargo.toml",
                "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\nlicense = \"MIT\"\npublish.workspace = true\n",
            ),
            ("Cargo.toml", "[workspace]\n"),
        ],
        finds: &[
            "crates/x/Cargo.toml: does not take the workspace's lints",
            "crates/x/Cargo.toml: does not take the workspace's `license`",
        ],
    },
    Case {
        rule: "markers",
        files: &[
            ("a.rs", concat!("fn f() {}\n// TO", "DO: finish\n")),
            ("b.json", concat!("\"TO", "DO\"")),
            ("c.md", concat!("TO", "DOS")),
        ],
        finds: &["a.rs:2: "],
    },
    Case {
        rule: "module-docs",
        files: &[("a.rs", "//! A.\n"), ("b.rs", "// B.\n"), ("c.rs", ""), ("c_tests.rs", "")],
        finds: &["b.rs:1: ", "c.rs:1: "],
    },
    Case {
        rule: "names",
        files: &[
            (
                "crates/x/src/a.rs",
                "pub struct ThreadId;\nenum Role { Assistant, Verdict }\n// struct Bot\ntype ToolVerdict = u8;\nstruct Robot;\nstruct ThreadPool;",
            ),
            ("crates/x/src/utils.rs", "//! U."),
            ("crates/common/Cargo.toml", ""),
        ],
        finds: &[
            "crates/x/src/a.rs:1: `ThreadId`: the word here is session",
            "crates/x/src/a.rs:4: `ToolVerdict`: the word here is decision",
            "crates/common/Cargo.toml: `common`",
            "crates/x/src/utils.rs: `utils`",
        ],
    },
    Case {
        rule: "packages",
        files: &[
            ("Cargo.lock", "[[package]]\nname = \"a\"\n[[package]]\nname = \"b\"\n"),
            ("xtask/budgets.toml", "locked_packages = 1\n"),
        ],
        finds: &["Cargo.lock: 2 packages"],
    },
    Case {
        rule: "packages",
        files: &[("Cargo.lock", "[[package]]\n"), ("xtask/budgets.toml", "locked_packages = 1\n")],
        finds: &[],
    },
    Case {
        rule: "paths",
        files: &[
            (
                "a.md",
                "see /home/me/x\nand https://host/home/x and $X/.cache\nin /somewhere/mainstay/target\n",
            ),
            ("b.rs", "const A: &str = \"/root/x\";\n"),
        ],
        finds: &["a.md:1: `/home/`", "a.md:3: `/somewhere/mainstay`", "b.rs:1: `/root/`"],
    },
    Case {
        rule: "readme",
        files: &[("README.md", "# Mainstay\n\n```sh\ncargo xtask quickstart\n```\n")],
        finds: &["README.md: its first code block"],
    },
    Case {
        rule: "readme",
        files: &[(
            "README.md",
            "# Mainstay\n\n```sh\ncargo xtask quickstart\ncargo xtask test\n```\n```\nmore\n```\n",
        )],
        finds: &[],
    },
    Case {
        rule: "test-layout",
        files: &[
            ("crates/x/tests/a.rs", ""),
            ("crates/x/tests/b/main.rs", ""),
            ("crates/x/tests/it/main.rs", ""),
            ("crates/x/tests/it/c.rs", ""),
            ("crates/x/src/tests/d.rs", ""),
        ],
        finds: &["crates/x/tests/a.rs: ", "crates/x/tests/b/main.rs: "],
    },
];

/// 401 lines.
const LONG: &str = const {
    const LINES: &[u8; 401] = &[b'\n'; 401];
    match std::str::from_utf8(LINES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

#[test]
fn rules_find_what_they_are_there_for() {
    for case in CASES {
        let found: Vec<String> = (rule(case.rule).check)(&Tree::of(case.files))
            .iter()
            .map(ToString::to_string)
            .collect();
        let agrees = found.len() == case.finds.len()
            && found.iter().zip(case.finds).all(|(f, e)| f.starts_with(e));
        assert!(agrees, "{}: found {found:#?}, expected {:#?}", case.rule, case.finds);
    }
}

#[test]
fn every_rule_is_seen_to_fail() {
    let untested = ALL
        .iter()
        .filter(|rule| !CASES.iter().any(|case| case.rule == rule.name && !case.finds.is_empty()));
    assert_eq!(untested.map(|rule| rule.name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn rules_are_in_alphabetical_order() {
    assert!(ALL.is_sorted_by_key(|rule| rule.name));
}

fn rule(name: &str) -> &'static Rule {
    ALL.iter().find(|rule| rule.name == name).expect("cases name rules that exist")
}
