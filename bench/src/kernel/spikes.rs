//! Averages over turns where a few of them pay for many: a checkpoint of the store writes at once
//! what hundreds of turns made due.

/// How much larger than the median a turn's bytes are that pay for others.
const SPIKE_FACTOR: u64 = 8;

/// Bytes per turn from a counter that was read before the first turn and behind each. Counts from
/// one spike to a later one, so that as many turns are counted as were paid for.
pub(super) fn per_turn(readings: &[u64]) -> f64 {
    let turns: Vec<u64> = readings.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = turns.clone();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let is_spike = |bytes: &u64| *bytes > median * SPIKE_FACTOR;
    let first = turns.iter().position(&is_spike);
    let last = turns.iter().rposition(&is_spike);
    let span = match (first, last) {
        (Some(first), Some(last)) if first < last => first + 1..last + 1,
        _ => 0..turns.len(),
    };
    (readings[span.end] - readings[span.start]) as f64 / span.len() as f64
}

#[cfg(test)]
#[path = "spikes_tests.rs"]
mod tests;
