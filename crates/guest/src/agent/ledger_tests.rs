use super::{Fate, Found, Ledger, MAX_IDS_COUNT, MAX_KEPT_COUNT, Outcome};

struct Nothing;

impl Outcome for Nothing {
    fn kept_bytes(&self) -> usize {
        1
    }

    fn without_outputs(&self) -> Self {
        Self
    }
}

fn run(ledger: &Ledger<Nothing>, number: usize) {
    let id = number.to_string();
    match ledger.begin(&id).expect("an event is made") {
        Found::New(run) => ledger.end(&id, &run, Nothing),
        Found::Known(_) | Found::Forgotten => panic!("{number} was run before"),
    }
}

fn fate(ledger: &Ledger<Nothing>, id: &str) -> &'static str {
    match ledger.fate(id) {
        Fate::Known(_) => "known",
        Fate::NotRun => "not run",
        Fate::Forgotten => "forgotten",
    }
}

#[test]
fn what_ended_long_ago_is_not_said_to_have_never_run() {
    let ledger = Ledger::new();
    (0..MAX_KEPT_COUNT).for_each(|number| run(&ledger, number));
    assert_eq!((fate(&ledger, "0"), fate(&ledger, "other")), ("known", "not run"));
    run(&ledger, MAX_KEPT_COUNT);
    assert_eq!((fate(&ledger, "0"), fate(&ledger, "other")), ("forgotten", "not run"));
    let again = ledger.begin("0").expect("nothing is made");
    assert!(matches!(again, Found::Forgotten), "it would run twice");
    let all = MAX_KEPT_COUNT + MAX_IDS_COUNT;
    (MAX_KEPT_COUNT + 1..=all).for_each(|number| run(&ledger, number));
    assert_eq!((fate(&ledger, "0"), fate(&ledger, "1")), ("forgotten", "forgotten"));
    assert_eq!(fate(&ledger, "other"), "forgotten", "nobody knows");
    let newest = all.to_string();
    assert_eq!(fate(&ledger, &newest), "known");
}
