//! The way to a model that cannot be loaded.

use std::path::PathBuf;

use futures::StreamExt;
use mainstay_core::port::{Model, ModelError, ModelErrorKind, ModelPart};

use super::super::{EmbeddedModel, EmbeddedModels, EmbeddedSettings};
use super::support::{request, user};

const MAX_WAITING_CALLS: usize = 2;

fn model(path: PathBuf) -> EmbeddedModel {
    EmbeddedModels::new(MAX_WAITING_CALLS).model(EmbeddedSettings::new(path))
}

async fn ask(model: &EmbeddedModel) -> Vec<Result<ModelPart, ModelError>> {
    model.stream(request(vec![user("Hello")], Vec::new())).collect().await
}

fn assert_invalid(error: &ModelError, part: &str) {
    assert_eq!(error.kind, ModelErrorKind::Invalid);
    assert!(error.message.contains(part), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_said_to_everybody_who_asks() {
    let model = model("/nonexistent/model.gguf".into());
    assert_invalid(&model.load().await.expect_err("no file"), "/nonexistent/model.gguf");
    for _ in 0..2 {
        let parts = ask(&model).await;
        let [Err(error)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_invalid(error, "/nonexistent/model.gguf");
    }
}

#[tokio::test]
async fn a_file_that_is_no_model_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), b"not a model").expect("writable");
    let error = model(file.path().to_owned()).load().await.expect_err("no model");
    assert_invalid(&error, "load model");
}

#[tokio::test]
async fn a_model_that_needs_too_much_memory_is_not_loaded() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.as_file().set_len(5 << 30).expect("a file with a hole");
    let error = model(file.path().to_owned()).load().await.expect_err("too large");
    assert_invalid(&error, "may have 4294967296");
}
