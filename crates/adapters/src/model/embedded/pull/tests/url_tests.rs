//! Files behind URLs.

use std::path::Path;

use super::support::{Download, Server, content, model};
use crate::model::embedded::files::LocalState;
use crate::model::embedded::pull::{VerifyError, verify};

/// What was there before the download.
enum Before {
    Nothing,
    Prefix(usize),
    Garbage(usize),
}

/// Tries these behaviours of a server as sources; the last one is to succeed after these steps.
async fn check(before: Before, behaviours: &[&str], ranges: &[&[Option<&str>]], steps: &[&str]) {
    let server = Server::start().await;
    let model = model(behaviours.iter().map(|behaviour| server.source(behaviour)).collect());
    let mut download = Download::new();
    match before {
        Before::Nothing => {}
        Before::Prefix(length) => download.interrupted_after(&content()[..length]),
        Before::Garbage(length) => download.interrupted_after(&vec![1; length]),
    }
    download.run(&model, Path::new("unused")).await.expect("the last source is good");
    download.assert_complete();
    for (behaviour, ranges) in behaviours.iter().zip(ranges) {
        let ranges: Vec<_> = ranges.iter().map(|range| range.map(str::to_owned)).collect();
        assert_eq!(server.ranges(behaviour), ranges, "{behaviour}");
    }
    let seen: Vec<_> = download.steps.iter().map(|step| step.split(" http").next()).collect();
    assert_eq!(seen, steps.iter().map(|step| Some(*step)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_is_fetched_in_one_go() {
    check(Before::Nothing, &["good"], &[&[None]], &["trying", "verifying"]).await;
}

#[tokio::test]
async fn a_download_goes_on_where_it_stopped() {
    let ranges: &[&[Option<&str>]] = &[&[Some("bytes=12345-")]];
    check(Before::Prefix(12_345), &["good"], ranges, &["trying", "verifying"]).await;
}

#[tokio::test]
async fn a_complete_partial_file_is_only_checked() {
    check(Before::Prefix(40_000), &["good"], &[&[]], &["trying", "verifying"]).await;
}

#[tokio::test]
async fn a_server_without_ranges_starts_again() {
    let ranges: &[&[Option<&str>]] = &[&[Some("bytes=12345-")]];
    check(Before::Prefix(12_345), &["ignores-ranges"], ranges, &["trying", "verifying"]).await;
}

#[tokio::test]
async fn a_partial_file_that_is_too_long_starts_again() {
    // Nothing is missing by size, so the check fails first, and the second try starts at zero.
    let steps = &["trying", "verifying", "trying", "verifying"];
    check(Before::Garbage(50_000), &["good"], &[&[None]], steps).await;
}

#[tokio::test]
async fn a_corrupt_partial_file_costs_one_more_try() {
    let ranges: &[&[Option<&str>]] = &[&[Some("bytes=12345-"), None]];
    let steps = &["trying", "verifying", "trying", "verifying"];
    check(Before::Garbage(12_345), &["good"], ranges, steps).await;
}

#[tokio::test]
async fn what_one_source_gave_is_kept_for_the_next() {
    let ranges: &[&[Option<&str>]] = &[&[None], &[None], &[Some("bytes=5000-")]];
    let steps = &["trying", "failed: get", "trying", "failed: get", "trying", "verifying"];
    check(Before::Nothing, &["missing", "short", "good"], ranges, steps).await;
}

#[tokio::test]
async fn a_wrong_file_is_thrown_away() {
    let server = Server::start().await;
    let model = model(vec![server.source("wrong"), server.source("good")]);
    let mut download = Download::new();
    download.run(&model, Path::new("unused")).await.expect("the last source is good");
    download.assert_complete();
    assert_eq!([server.ranges("wrong"), server.ranges("good")], [[None], [None]]);
    assert!(download.steps[2].contains("SHA-256"), "{:?}", download.steps);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused_before_it_fills_the_disk() {
    let server = Server::start().await;
    let model = model(vec![server.source("long")]);
    let mut download = Download::new();
    let error = download.run(&model, Path::new("unused")).await.expect_err("too long");
    assert!(error.contains("instead of 40000"), "{error}");
    let partial = std::fs::metadata(download.path().join("tiny.gguf.partial")).expect("is there");
    assert!(partial.len() <= 40_000);
}

#[tokio::test]
async fn redirects_are_followed_a_few_times() {
    let server = Server::start().await;
    let mut download = Download::new();
    let moved = model(vec![server.source("moved")]);
    download.run(&moved, Path::new("unused")).await.expect("the redirect leads to the file");
    download.assert_complete();
    let mut download = Download::new();
    let circle = model(vec![server.source("circle")]);
    let error = download.run(&circle, Path::new("unused")).await.expect_err("a circle");
    assert!(error.contains("more than 5 redirects"), "{error}");
}

#[tokio::test]
async fn every_source_is_named_when_all_fail() {
    let server = Server::start().await;
    let model = model(vec![server.source("missing"), server.source("gone")]);
    let mut download = Download::new();
    let error = download.run(&model, Path::new("unused")).await.expect_err("nothing there");
    assert_eq!(error.matches("status 404").count(), 2, "{error}");
    assert_eq!(model.state(download.path()).expect("readable"), LocalState::Absent);
}

#[tokio::test]
async fn only_one_process_downloads_a_model() {
    let model = model(Vec::new());
    let mut download = Download::new();
    let lock = std::fs::File::create(download.path().join("tiny.gguf.lock")).expect("writable");
    lock.lock().expect("free");
    let error = download.run(&model, Path::new("unused")).await.expect_err("it is locked");
    assert!(error.contains("another process"), "{error}");
}

#[test]
fn a_file_is_recognised_by_its_content() {
    let model = model(Vec::new());
    let download = Download::new();
    let path = model.path(download.path());
    assert!(matches!(verify(&model, download.path()), Err(VerifyError::Read { .. })));
    std::fs::write(&path, &content()[1..]).expect("writable");
    assert!(matches!(verify(&model, download.path()), Err(VerifyError::Size { .. })));
    assert_eq!(
        model.state(download.path()).expect("readable"),
        LocalState::Damaged { size_bytes: 39_999 }
    );
    std::fs::write(&path, vec![0; 40_000]).expect("writable");
    assert!(matches!(verify(&model, download.path()), Err(VerifyError::Hash { .. })));
    std::fs::write(&path, content()).expect("writable");
    verify(&model, download.path()).expect("it is the model");
    assert_eq!(model.remove(download.path()).expect("removable"), 40_000);
    assert_eq!(model.state(download.path()).expect("readable"), LocalState::Absent);
}
