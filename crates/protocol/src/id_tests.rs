use super::*;

#[test]
fn minted_ids_are_distinct_sorted_by_time_and_repeatable() {
    let ids = |at| {
        let mut mint = IdMint::new(at, 7);
        (0..100).map(|_| SessionId::mint(&mut mint)).collect::<Vec<_>>()
    };
    let (early, late) = (ids(1_000), ids(2_000));
    assert_eq!(early, ids(1_000));
    assert_eq!(early.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
    assert!(early.iter().all(|a| late.iter().all(|b| a < b)));
    assert!(early[0].as_str().starts_with("ses_") && early[0].as_str().len() == 30);
}

#[test]
fn ordered_ids_sort_by_time_then_order() {
    let ids = [(1, 9), (1, 10), (2, 1), (2, 2)].map(|(at, order)| {
        TurnId::mint_ordered(&mut IdMint::new(at, u128::MAX / u128::from(order * 7)), order)
    });
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(ids[0].as_str().len(), 31);
}

#[test]
fn foreign_texts_are_kept_or_refused() {
    for good in ["session_id", "ses_01", "a", "A.b-c:d", &"x".repeat(128)] {
        assert_eq!(SessionId::parse(good).expect("accepted").as_str(), good);
    }
    for bad in ["", "a b", "ü", "a/b", "../x", "a\0", &"x".repeat(129)] {
        assert!(SessionId::parse(bad).is_err(), "{bad:?} must be refused");
    }
}

#[test]
fn prefixes_are_sorted_and_unique() {
    assert!(ID_PREFIXES.windows(2).all(|w| w[0].1 < w[1].1));
    let unique: std::collections::BTreeSet<_> = ID_PREFIXES.iter().map(|p| p.0).collect();
    assert_eq!(unique.len(), ID_PREFIXES.len());
}

#[test]
fn a_minted_id_says_when() {
    for at in [0, 1, 1_700_000_000_000, (1 << 48) - 1] {
        assert_eq!(EffectId::mint(&mut IdMint::new(at, 9)).minted_at_ms(), Some(at));
    }
    for foreign in
        ["eff_1", "eff_0000000000000000000000000u", "ses_00000000000000000000000000", "x"]
    {
        let id = EffectId::parse(foreign).expect("accepted");
        assert_eq!(id.minted_at_ms(), foreign.starts_with("eff_0").then_some(0), "{foreign}");
    }
}
