//! What is shown of a download.

use mainstay_adapters::model::embedded::PullProgress;

use super::{Report, Told};

fn told(is_live: bool, done: &[u64]) -> Vec<Told> {
    let mut report = Report::new(is_live);
    let total_bytes = 1_000_000_000;
    let progress =
        done.iter().map(|mb| PullProgress::Bytes { done_bytes: mb * 1_000_000, total_bytes });
    progress.filter_map(|progress| report.of(&progress)).collect()
}

#[test]
fn a_log_gets_a_line_now_and_then() {
    let line = |text: &str| Told::Line(text.to_owned());
    assert_eq!(
        told(false, &[1, 2, 99, 100, 101, 450, 1_000]),
        [
            line("    0 % of 1.00 GB"),
            line("   10 % of 1.00 GB"),
            line("   45 % of 1.00 GB"),
            line("  100 % of 1.00 GB")
        ]
    );
}

#[test]
fn a_bar_is_drawn_when_it_moves() {
    assert_eq!(told(true, &[1, 2, 3, 500]).len(), 2);
}

#[test]
fn a_download_that_goes_on_begins_where_it_is() {
    assert_eq!(told(false, &[732]), [Told::Line("   73 % of 1.00 GB".to_owned())]);
}
