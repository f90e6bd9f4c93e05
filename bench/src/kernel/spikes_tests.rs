use super::per_turn;

fn check(turns: &[u64], expected: f64) {
    let mut readings = vec![5];
    for bytes in turns {
        readings.push(readings[readings.len() - 1] + bytes);
    }
    assert!((per_turn(&readings) - expected).abs() < 1e-9, "{turns:?}: {}", per_turn(&readings));
}

#[test]
fn counts_from_spike_to_spike() {
    check(&[10, 10, 10, 10], 10.0);
    check(&[10, 10, 1_000, 10, 10, 1_000, 10, 10], 340.0);
    check(&[1_000, 10, 10, 10, 1_000, 10, 10, 10, 1_000, 10], 257.5);
    // One spike pays for an unknown number of turns: everything is counted.
    check(&[10, 10, 100, 10, 10], 28.0);
}
