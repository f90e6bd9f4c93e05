use super::*;

fn journal(number: usize) -> JournalId {
    format!("ses_{number}").into()
}

#[test]
fn recent_heads_stay_and_memory_is_bounded() {
    let mut heads = Heads::default();
    let total_count = GENERATION_LIMIT_COUNT * 5;
    for number in 0..total_count {
        heads.put(journal(number), Head { seq: number as Seq, ..Head::EMPTY });
        // Used again and again, so that it must never be forgotten.
        assert_eq!(heads.get(&journal(0)), Some(Head::EMPTY));
        assert!(heads.young.len() + heads.old.len() <= 2 * GENERATION_LIMIT_COUNT);
    }
    for number in total_count - GENERATION_LIMIT_COUNT..total_count {
        assert_eq!(heads.get(&journal(number)).map(|head| head.seq), Some(number as Seq));
    }
    assert_eq!(heads.get(&journal(1)), None);
    heads.forget(&journal(0));
    assert_eq!(heads.get(&journal(0)), None);
}
