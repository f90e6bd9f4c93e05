use super::*;
use tokio::sync::Semaphore;

fn lane() -> Lane {
    let permit = std::sync::Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit");
    Lane::new(1, Opener::Host, permit)
}

#[test]
fn data_is_bounded_by_credit_taken_or_not() {
    let lane = lane();
    lane.data(&vec![0; WINDOW_BYTES / 4]).expect("in the window");
    let Some(Arrival::Data(piece, granted)) = lane.take() else { panic!("data") };
    assert_eq!((piece.len(), granted), (WINDOW_BYTES / 4, 0));
    lane.data(&vec![0; WINDOW_BYTES / 2]).expect("in the window");
    assert_eq!(lane.data(&vec![0; WINDOW_BYTES / 2]), Err("data without credit"));
    let Some(Arrival::Data(_, granted)) = lane.take() else { panic!("data") };
    assert_eq!(granted, WINDOW_BYTES / 4 * 3);
    lane.data(&vec![0; WINDOW_BYTES]).expect("what was paid back");
    assert_eq!(lane.data(&[0]), Err("data without credit"));
}

#[test]
fn what_is_shown_is_bounded_in_bytes_and_pieces() {
    let lane = lane();
    for n in 0..1_000_000 {
        let stream = if n % 2 == 0 { OutputStream::Stdout } else { OutputStream::Stderr };
        lane.show(stream, b"x");
    }
    let state = lane.lock();
    assert!(state.shown.len() <= MAX_SHOWN_COUNT && state.shown_bytes <= MAX_SHOWN_BYTES);
}

#[test]
fn an_abandoned_lane_keeps_nothing_and_grants_nothing() {
    let lane = lane();
    lane.data(b"abc").expect("in the window");
    lane.abandon();
    lane.data(&vec![0; WINDOW_BYTES - 3]).expect("in the window");
    assert_eq!(lane.data(&[0]), Err("data without credit"));
    assert!(lane.lock().data.is_empty());
}

#[test]
fn credit_is_bounded() {
    let lane = lane();
    assert_eq!(lane.credit(1), Err("more credit than a window"));
}
