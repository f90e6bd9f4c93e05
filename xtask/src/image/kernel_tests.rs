use super::lost;

#[track_caller]
fn check(fragment: &str, config: &str, expected: &[&str]) {
    assert_eq!(lost(fragment, config), expected);
}

#[test]
fn what_the_configuration_drops_is_found() {
    check("CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=y\n# CONFIG_B is not set\n", &[]);
    check("CONFIG_A=y\n", "# CONFIG_A is not set\n", &["CONFIG_A=y"]);
    check("CONFIG_A=y\n", "CONFIG_AB=y\n", &["CONFIG_A=y"]);
    check("CONFIG_N=16\n", "CONFIG_N=64\n", &["CONFIG_N=16"]);
    check("# CONFIG_B is not set\n", "CONFIG_B=y\n", &["# CONFIG_B is not set"]);
}

#[test]
fn an_option_that_is_not_mentioned_is_off() {
    check("# CONFIG_B is not set\n", "CONFIG_BC=y\n", &[]);
}

#[test]
fn remarks_ask_for_nothing() {
    check("# Devices: a byte channel\n\n", "", &[]);
}
