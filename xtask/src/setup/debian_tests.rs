//! Tests of what is probed for and what is asked of apt-get.

use super::{NEEDS, Need, Purpose, is_library, missing, packages};

const HAVE: Need =
    Need { what: "have", packages: &["a"], since: Purpose::Build, is_spare: false, found: || true };
const LACK: Need = Need {
    what: "lack",
    packages: &["b", "c"],
    since: Purpose::Build,
    is_spare: false,
    found: || false,
};
const LATER: Need = Need {
    what: "later",
    packages: &["d"],
    since: Purpose::Test,
    is_spare: false,
    found: || false,
};
const SAMPLE: &[Need] = &[HAVE, LACK, LATER];

#[test]
fn only_what_is_missing_for_the_purpose_is_installed() {
    let cases = [
        (Purpose::Build, vec!["b", "c"]),
        (Purpose::Quickstart, vec!["b", "c"]),
        (Purpose::Test, vec!["b", "c", "d"]),
    ];
    for (purpose, expected) in cases {
        assert_eq!(packages(&missing(SAMPLE, purpose)), expected);
    }
}

#[test]
fn each_need_names_packages() {
    let unnamed: Vec<_> =
        NEEDS.iter().filter(|need| need.packages.is_empty()).map(|n| n.what).collect();
    assert_eq!(unnamed, Vec::<&str>::new());
}

#[test]
fn libclang_is_told_from_its_neighbours() {
    let cases = [
        ("libclang.so", true),
        ("libclang-14.so", true),
        ("libclang-14.so.14.0.6", true),
        ("libclang.so.1", true),
        ("libclang-cpp.so.14", false),
        ("libclangAST.a", false),
        ("libLLVM-14.so", false),
    ];
    for (name, expected) in cases {
        assert_eq!(is_library(name, "libclang"), expected, "{name}");
    }
}
