//! The table of all rules, in alphabetical order.

use super::rule::Rule;
use super::{
    error_pages, fixtures, layers, leftovers, links, manifests, modules, names, packages, paths,
    readme, sizes, test_layout,
};

pub(in crate::tidy) const ALL: &[Rule] = &[
    Rule {
        name: "attributes",
        reason: "an exception says why and disappears when it is stale; a test that does not run is no test",
        check: leftovers::attributes,
    },
    Rule {
        name: "declarations",
        reason: "`lib.rs` and `mod.rs` are the map of what is below them, and nothing else",
        check: modules::declarations,
    },
    Rule {
        name: "error-pages",
        reason: "each error code that a client can get is explained, and no other",
        check: error_pages::error_pages,
    },
    Rule {
        name: "file-sizes",
        reason: "a file is read from top to bottom; a longer one holds two things",
        check: sizes::file_sizes,
    },
    Rule {
        name: "fixtures",
        reason: "a published format is never edited: what an older version wrote must still be read",
        check: fixtures::fixtures,
    },
    Rule {
        name: "layers",
        reason: "the arrows between the crates are the architecture",
        check: layers::layers,
    },
    Rule {
        name: "links",
        reason: "a page that leads nowhere teaches distrust",
        check: links::links,
    },
    Rule {
        name: "macros",
        reason: "what is unfinished or for looking at does not stay",
        check: leftovers::macros,
    },
    Rule {
        name: "manifests",
        reason: "every crate is held to the same lints and licence",
        check: manifests::manifests,
    },
    Rule {
        name: "markers",
        reason: "open work is an issue, not a remark in the code",
        check: leftovers::markers,
    },
    Rule {
        name: "module-docs",
        reason: "each module says what it owns, its invariant, and what is deliberately absent",
        check: modules::module_docs,
    },
    Rule {
        name: "names",
        reason: "one word for one meaning, or readers look for a difference that is not there",
        check: names::names,
    },
    Rule {
        name: "packages",
        reason: "each locked package is code that we ship and wait for; more of them is a decision",
        check: packages::packages,
    },
    Rule {
        name: "paths",
        reason: "the repository works wherever it is checked out",
        check: paths::paths,
    },
    Rule {
        name: "readme",
        reason: "whoever copies the first block of the README has a running system and its tests",
        check: readme::readme,
    },
    Rule {
        name: "test-layout",
        reason: "each integration-test binary links the world again; a crate has one",
        check: test_layout::test_layout,
    },
];
