use super::SpendPeriod::{Day, Month, Total};
use super::*;

const HOUR_MS: u64 = 60 * 60 * 1_000;

fn limit(limit_microusd: u64, period: SpendPeriod) -> KeySpendLimit {
    KeySpendLimit { limit_microusd, period }
}

/// 2024-02-28 at an hour of it.
fn leap_february(hour: u64) -> u64 {
    1_709_078_400_000 + hour * HOUR_MS
}

#[test]
fn days_have_their_names() {
    let cases = [
        (0, "1970-01-01"),
        (59, "1970-03-01"),
        (10_957, "2000-01-01"),
        (11_016, "2000-02-29"),
        (19_781, "2024-02-28"),
        (19_783, "2024-03-01"),
        (20_453, "2025-12-31"),
        (47_541, "2100-03-01"),
    ];
    for (day, name) in cases {
        assert_eq!(day_name(day), name);
    }
    for day in 0..50_000 {
        assert!(day_name(day) < day_name(day + 1), "{day}");
    }
}

#[test]
fn a_call_fits_with_what_is_spent_and_what_is_reserved() {
    let mut spend = KeySpend::default().at(leap_february(0));
    let limit = limit(100, Total);
    assert_eq!(spend.reserve(limit, 101), Err(LimitReached { left_microusd: 100 }));
    assert_eq!(spend.reserve(limit, 60), Ok(()));
    assert_eq!(spend.reserve(limit, 41), Err(LimitReached { left_microusd: 40 }));
    assert_eq!(spend.reserve(limit, 40), Ok(()));
    // Less than was reserved gives the rest back.
    spend.settle(60, 10);
    assert_eq!((spend.total_microusd, spend.reserved_microusd), (10, 40));
    assert_eq!(spend.reserve(limit, 50), Ok(()));
    // More than was reserved is counted too.
    spend.settle(50, 70);
    spend.settle(40, 30);
    assert_eq!((spend.total_microusd, spend.reserved_microusd), (110, 0));
    assert_eq!(spend.reserve(limit, 0), Err(LimitReached { left_microusd: 0 }));
}

#[test]
fn a_model_without_a_price_is_refused_when_all_is_spent() {
    let mut spend = KeySpend::default();
    assert_eq!(spend.reserve(limit(5, Total), 0), Ok(()));
    spend.settle(0, 5);
    assert_eq!(spend.reserve(limit(5, Total), 0), Err(LimitReached { left_microusd: 0 }));
    assert_eq!(spend.reserve(limit(0, Total), 0), Err(LimitReached { left_microusd: 0 }));
}

#[test]
fn a_period_that_is_over_is_forgotten_and_what_is_reserved_stays() {
    let mut spend = KeySpend::default().at(leap_february(23));
    spend.reserve(limit(100, Day), 30).expect("it fits");
    spend.settle(10, 10);
    let spent = |spend: &KeySpend| {
        let all = SpendPeriod::ALL.map(|period| spend.spent_microusd(period));
        (all, spend.reserved_microusd)
    };
    assert_eq!(spent(&spend), ([10, 10, 10], 20));
    let next = spend.clone().at(leap_february(24));
    assert_eq!(spent(&next), ([0, 10, 10], 20));
    let march = next.clone().at(leap_february(48));
    assert_eq!(spent(&march), ([0, 0, 10], 20));
    // The same month of another year is another month.
    assert_eq!(spent(&spend.clone().at(leap_february(366 * 24))), ([0, 0, 10], 20));
    // A clock that goes back opens no period again.
    assert_eq!(march.clone().at(leap_february(0)), march);
}

#[test]
fn periods_end() {
    assert_eq!(Day.ends_at_ms(leap_february(5)), Some(leap_february(24)));
    assert_eq!(Month.ends_at_ms(leap_february(5)), Some(leap_february(48)));
    assert_eq!(Month.ends_at_ms(leap_february(48)), Some(leap_february((31 + 2) * 24)));
    assert_eq!(Total.ends_at_ms(leap_february(5)), None);
}

#[test]
fn amounts_are_dollars() {
    let told = [0, 1, 10_000, 1_250_000, 5_000_000, 12_000_100].map(usd);
    assert_eq!(told, ["0.00", "0.000001", "0.01", "1.25", "5.00", "12.0001"]);
}
