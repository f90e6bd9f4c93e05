//! One whole answer of a model without a session, written down and within its key's limit.

use mainstay_core::port::{ModelPart, ModelReply};
use mainstay_protocol::{ApiError, ErrorCode, Principal};

use super::call::Call;
use super::record::{Question, Record};
use crate::auth::CallerKey;
use crate::error::{Answer, Failure};
use crate::state::AppState;

/// Asks, and answers the reply with the model that gave it.
pub(crate) async fn whole(
    state: &AppState,
    caller: &Principal,
    key: CallerKey,
    question: Question,
    body: &[u8],
) -> Answer<(String, ModelReply)> {
    let record = Record::begin(state, caller, key, &question, body).await?;
    let mut call = Call::new(state, question.route, question.request);
    let done = to_end(&mut call).await;
    let kept = record.ended(call.stands(), &done).await;
    let reply = done.map_err(refused)?;
    // The model has answered: asked again it would answer, and cost, once more.
    kept.map_err(Failure::is_final)?;
    Ok((call.model().to_owned(), reply))
}

async fn to_end(call: &mut Call) -> Result<ModelReply, ApiError> {
    loop {
        if let ModelPart::Done(reply) = call.next().await? {
            return Ok(reply);
        }
    }
}

/// A request that the provider calls wrong is wrong however often it is sent.
pub(super) fn refused(error: ApiError) -> Failure {
    match error.code {
        ErrorCode::ModelInvalid => Failure::is_final(error),
        _ => error.into(),
    }
}
