use super::number;

#[test]
fn numbers_have_the_digits_that_say_something() {
    let cases = [
        (12_345.678, "12,346"),
        (1_234_567.0, "1,234,567"),
        (999.4, "999"),
        (35.04, "35"),
        (35.06, "35.1"),
        (1.0, "1"),
        (0.25, "0.25"),
        (0.0312, "0.031"),
        (0.0, "0"),
    ];
    for (value, expected) in cases {
        assert_eq!(number(value), expected, "{value}");
    }
}
