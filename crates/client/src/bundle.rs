//! Sessions in one file.

use reqwest::Method;

use crate::error::ClientError;
use crate::http::{Client, segment};
use crate::object::Session;

impl Client {
    /// A session's bundle.
    pub async fn export(&self, session: &str) -> Result<Vec<u8>, ClientError> {
        let path = format!("/v1/agents/sessions/{}/export", segment(session)?);
        let response = self.send(self.request(Method::GET, &path)).await?;
        let bytes = response.bytes().await.map_err(|error| self.lost(error))?;
        Ok(bytes.to_vec())
    }

    /// Makes a session of a bundle, under an id of its own or the one it had.
    pub async fn import(&self, bundle: Vec<u8>, keep_id: bool) -> Result<Session, ClientError> {
        let request = self.request(Method::POST, "/v1/agents/sessions/import");
        let request = request.query(&[("keep_id", keep_id)]).body(bundle);
        self.json(request.header(reqwest::header::CONTENT_TYPE, "application/x-tar")).await
    }
}
