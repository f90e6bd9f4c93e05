//! Every route, in one table.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use crate::openai::agents::environments::templates;
use crate::openai::agents::sessions::artifacts;
use crate::openai::agents::{environments, sessions};
use crate::openai::automations::{self, invocations};
use crate::openai::vaults::{self, credentials};
use crate::openai::webhooks::{self, deliveries};
use crate::openai::{agents, chat, conversations, responses};
use crate::state::AppState;
use crate::{auth, executor, gate, health, metrics, v1};

/// The server's routes, for [`crate::serve`] and for tests without a socket.
pub fn router(state: AppState) -> Router {
    let keyed = Router::new()
        // The OpenAI Agents API.
        .route("/v1/agents", get(agents::list).post(agents::create))
        .route("/v1/agents/{agent}", get(agents::get).post(agents::update).delete(agents::delete))
        .route("/v1/agents/import", post(agents::import))
        .route("/v1/agents/environments", get(environments::list).post(environments::create))
        .route("/v1/agents/environments/{environment}", get(environments::get))
        .route(
            "/v1/agents/environments/{environment}/files",
            get(environments::list_files).post(environments::create_file),
        )
        .route("/v1/agents/environments/templates", get(templates::list).post(templates::create))
        .route("/v1/agents/environments/templates/import", post(templates::import))
        .route(
            "/v1/agents/environments/templates/{template}",
            get(templates::get).post(templates::update).delete(templates::delete),
        )
        .route("/v1/agents/sessions", get(sessions::list).post(sessions::create))
        .route(
            "/v1/agents/sessions/{session}",
            get(sessions::get).post(sessions::update).delete(sessions::delete),
        )
        .route(
            "/v1/agents/sessions/{session}/events",
            get(sessions::events::stream).post(sessions::events::submit),
        )
        .route("/v1/agents/sessions/{session}/items", get(sessions::items::list))
        .route("/v1/agents/sessions/{session}/turns", get(sessions::turns::list))
        .route("/v1/agents/sessions/{session}/turns/{turn}", get(sessions::turns::get))
        .route("/v1/agents/sessions/{session}/turns/{turn}/items", get(sessions::turns::items))
        .merge(resources())
        .merge(executors())
        // The stateless door.
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/agents/sessions/{session}/artifacts", get(artifacts::list))
        .route(
            "/v1/agents/sessions/{session}/artifacts/{artifact}",
            get(artifacts::get).delete(artifacts::delete),
        )
        .route(
            "/v1/agents/sessions/{session}/artifacts/{artifact}/content",
            get(artifacts::content),
        )
        .route("/v1/agents/sessions/{session}/traces", get(sessions::traces))
        .route("/v1/agents/sessions/{session}/subagents", get(sessions::subagents::list))
        .route("/v1/agents/sessions/{session}/subagents/{subagent}", get(sessions::subagents::get))
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/items",
            get(sessions::subagents::items),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns",
            get(sessions::subagents::turns),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns/{turn}",
            get(sessions::subagents::turn),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns/{turn}/items",
            get(sessions::subagents::turn_items),
        )
        // Responses.
        .route("/v1/responses", post(responses::create))
        .route("/v1/responses/compact", post(responses::compact))
        .route("/v1/responses/input_tokens", post(responses::count))
        .route("/v1/responses/{response}", get(responses::get).delete(responses::delete))
        .route("/v1/responses/{response}/cancel", post(responses::cancel))
        .route("/v1/responses/{response}/input_items", get(responses::list_input_items))
        // Conversations.
        .route("/v1/conversations", post(conversations::create))
        .route(
            "/v1/conversations/{conversation}",
            get(conversations::get).post(conversations::update).delete(conversations::delete),
        )
        .route(
            "/v1/conversations/{conversation}/items",
            get(conversations::list_items).post(conversations::create_items),
        )
        .route(
            "/v1/conversations/{conversation}/items/{item}",
            get(conversations::get_item).delete(conversations::delete_item),
        )
        .route("/v1/models", get(v1::models::list))
        .route("/v1/models/{*model}", get(v1::models::get))
        // Extensions.
        .route("/v1/agents/sessions/import", post(v1::bundle::import))
        .route("/v1/agents/sessions/{session}/export", get(v1::bundle::export))
        .route("/v1/agents/sessions/{session}/fork", post(v1::bundle::fork))
        .route(
            "/v1/agents/sessions/{session}/checkpoints",
            get(v1::checkpoints::list).post(v1::checkpoints::create),
        )
        .route("/v1/agents/sessions/{session}/journal", get(v1::journal::read))
        .route("/v1/keys", get(v1::keys::list).post(v1::keys::create))
        .route("/v1/keys/{key}", delete(v1::keys::revoke))
        .route("/metrics", get(metrics::metrics))
        .fallback(gate::no_route)
        .method_not_allowed_fallback(gate::no_method)
        .layer(from_fn_with_state(state.clone(), auth::require_key))
        .layer(from_fn_with_state(state.clone(), gate::admit));
    Router::new()
        .route("/health", get(health::live))
        .route("/health/ready", get(health::ready))
        .merge(keyed)
        .layer(from_fn_with_state(state.clone(), gate::observe))
        .with_state(state)
}

/// The door of executors; those of other vendors' services leave the version out.
fn executors() -> Router<AppState> {
    let mut routes = Router::new();
    for base in ["", "/v1"] {
        let path = |last: &str| format!("{base}/cloud/environment/{{environment}}/direct/{last}");
        routes = routes
            .route(&path("register"), post(executor::register))
            .route(&path("connect"), get(executor::connect));
    }
    routes
}

/// What a tenant sets up besides agents: automations, vaults, webhooks.
fn resources() -> Router<AppState> {
    Router::new()
        .route("/v1/agents/automations", get(automations::list).post(automations::create))
        .route("/v1/agents/automations/import", post(automations::import))
        .route(
            "/v1/agents/automations/{automation}",
            get(automations::get).post(automations::update).delete(automations::delete),
        )
        .route("/v1/agents/automations/{automation}/pause", post(automations::pause))
        .route("/v1/agents/automations/{automation}/resume", post(automations::resume))
        .route(
            "/v1/agents/automations/{automation}/invocations",
            get(invocations::list).post(invocations::create),
        )
        .route("/v1/agents/automations/{automation}/invocations/import", post(invocations::import))
        .route(
            "/v1/agents/automations/{automation}/invocations/{invocation}",
            get(invocations::get),
        )
        .route("/v1/vaults", get(vaults::list).post(vaults::create))
        .route("/v1/vaults/import", post(vaults::import))
        .route("/v1/vaults/{vault}", get(vaults::get).post(vaults::update).delete(vaults::delete))
        .route("/v1/vaults/{vault}/credentials", get(credentials::list).post(credentials::create))
        .route("/v1/vaults/{vault}/credentials/import", post(credentials::import))
        .route(
            "/v1/vaults/{vault}/credentials/{credential}",
            get(credentials::get).post(credentials::update).delete(credentials::delete),
        )
        .route("/v1/webhook_event_types", get(webhooks::event_types))
        .route("/v1/webhook_endpoints", get(webhooks::list).post(webhooks::create))
        .route("/v1/webhook_endpoints/import", post(webhooks::import))
        .route(
            "/v1/webhook_endpoints/{endpoint}",
            get(webhooks::get).post(webhooks::update).delete(webhooks::delete),
        )
        .route("/v1/webhook_endpoints/{endpoint}/rotate_secret", post(webhooks::rotate_secret))
        .route("/v1/webhook_endpoints/{endpoint}/test", post(webhooks::test))
        .route("/v1/webhook_endpoints/{endpoint}/deliveries", get(deliveries::list))
        .route("/v1/webhook_endpoints/{endpoint}/deliveries/{delivery}", get(deliveries::get))
        .route(
            "/v1/webhook_endpoints/{endpoint}/deliveries/{delivery}/replay",
            post(deliveries::replay),
        )
}
