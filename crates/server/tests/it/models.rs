//! The list of models.

use serde_json::json;

use crate::support::Harness;

#[tokio::test]
async fn models_are_listed_and_found() {
    let server = Harness::start().await;
    let scripted = json!({"id": "scripted", "object": "model", "created": 0, "owned_by": "test"});
    let list = server.get("/v1/models").await.body;
    assert_eq!(list["data"], json!([scripted]));
    assert_eq!(server.get("/v1/models/scripted").await.body, scripted);
    assert_eq!(server.get("/v1/models/other/name").await.body["id"], "other/name");
    assert_eq!(server.get("/v1/models/unknown").await.refusal(), (404, "not_found", ""));
}
