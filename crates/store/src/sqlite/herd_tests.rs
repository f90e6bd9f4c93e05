use super::*;
use crate::conformance::Chain;

fn group(names: &[&str]) -> Vec<Write> {
    names.iter().map(|name| Write::Commit(Chain::new(name).commit(&["{}"]))).collect()
}

#[test]
fn a_group_fills_only_where_many_journals_are_written() {
    let start = now();
    let after = |us| start + Duration::from_micros(us);
    let many: Vec<String> = (0..FULL_COUNT * 2).map(|number| format!("ses_{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    type Case<'a> = (&'a [(u64, &'a [&'a str])], Option<usize>);
    let cases: &[Case<'_>] = &[
        (&[], None),
        (&[(0, &["a"]), (10, &["a"]), (20, &["a"]), (30, &["a"])], None),
        (&[(0, &["a", "b"]), (10, &["c"])], None),
        (&[(0, &["a", "b"]), (10, &["c", "d"])], Some(4)),
        (&[(0, &["a", "b", "c"]), (RECENT_US, &["d", "e", "f"])], None),
        (&[(0, &many)], Some(FULL_COUNT)),
    ];
    for (groups, expected) in cases {
        let mut herd = Herd::default();
        let mut last = start;
        for (at_us, names) in *groups {
            last = after(*at_us);
            herd.wrote(&group(names), last);
        }
        assert_eq!(herd.fill(last).map(|fill| fill.count), *expected, "{groups:?}");
    }
}

#[test]
fn what_was_learned_is_forgotten() {
    let start = now();
    let mut herd = Herd::default();
    herd.wrote(&group(&["a", "b", "c", "d"]), start);
    let fill = herd.fill(start).expect("four were written");
    assert!(fill.holds_at(start + Duration::from_micros(RECENT_US - 1)));
    assert!(!fill.holds_at(start + Duration::from_micros(RECENT_US)));
}
