use super::*;

/// The places of an entry's events, with whether a stream can begin behind each.
fn places(seq: Seq, count: usize) -> Vec<(u64, bool)> {
    let place = |index| {
        let (place, resume) = FeedPlace::of_event(seq, index, count);
        (place.sequence_number(), resume == Resume::After)
    };
    (0..count).map(place).collect()
}

#[test]
fn events_are_numbered_within_their_entry() {
    assert_eq!(places(7, 3), [(700, true), (701, true), (702, true)]);
    let most = places(7, 100);
    assert_eq!((most[0], most[99]), ((700, true), (799, true)));
    assert!(most.iter().all(|(_, can_resume)| *can_resume));
}

#[test]
fn a_surplus_shares_a_number_that_no_stream_begins_behind() {
    let many = places(7, 250);
    assert_eq!(many[98], (798, true));
    assert!(many[99..249].iter().all(|place| *place == (798, false)));
    assert_eq!(many[249], (799, true));
}

#[test]
fn what_follows_a_place_is_what_comes_after_it() {
    for count in [1, 2, 99, 100, 101, 250] {
        for (index, (number, can_resume)) in places(7, count).into_iter().enumerate() {
            if !can_resume {
                continue;
            }
            let place = FeedPlace::behind(number);
            let left: Vec<usize> =
                (0..count).filter(|index| !place.is_behind_event(7, *index)).collect();
            assert_eq!(left, (index + 1..count).collect::<Vec<_>>(), "behind {number} of {count}");
            assert!(place.is_behind_event(6, 0) && !place.is_behind_event(8, 0));
        }
    }
}

#[test]
fn an_entry_is_read_again_unless_it_is_done() {
    assert_eq!((FeedPlace::behind(0).done_seq(), FeedPlace::behind(0).seq()), (0, 0));
    assert_eq!(FeedPlace::behind(702).done_seq(), 6);
    assert_eq!(FeedPlace::behind(799).done_seq(), 7);
    assert_eq!(FeedPlace::behind_entry(7), FeedPlace::behind(799));
}
