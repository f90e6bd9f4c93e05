//! Every route, with what the document of the API says of it.

use crate::openai::agents::environments::templates;
use crate::openai::agents::sessions::{artifacts, events, items, subagents, turns as turn};
use crate::openai::agents::{environments as environment, sessions as session};
use crate::openai::automations::{self as automation, invocations};
use crate::openai::conversations as conversation;
use crate::openai::responses as response;
use crate::openai::vaults::{self as vault, credentials};
use crate::openai::webhooks::{self as webhook, deliveries};
use crate::openai::{agents as agent, chat};
use crate::openapi::{self, Routes, delete, get, post};
use crate::v1::{bundle, checkpoints, journal, keys, models, oauth, sandboxes};
use crate::{executor, health, metrics};

/// The routes of the whole server.
pub(crate) fn routes() -> Routes {
    open().merge(keyed())
}

/// The routes that need a key.
pub(crate) fn keyed() -> Routes {
    let parts = [
        agents(),
        environments(),
        sessions(),
        turns(),
        automations(),
        vaults(),
        webhooks(),
        responses(),
        conversations(),
        operation(),
        machines(),
        executors(),
    ];
    parts.into_iter().fold(Routes::new(), Routes::merge)
}

/// What needs no key.
pub(crate) fn open() -> Routes {
    Routes::new()
        .route("/health", get(health::live, health::LIVE))
        .route("/health/ready", get(health::ready, health::READY))
        .route("/v1/openapi.json", get(openapi::serve, openapi::OPENAPI))
        // Pages for browsers, described in `docs/mcp.md`.
        .aside("/v1/oauth/callback", axum::routing::get(oauth::callback))
        .route("/v1/oauth/client.json", get(oauth::client, oauth::CLIENT))
}

/// Saved agents.
fn agents() -> Routes {
    Routes::new()
        .route("/v1/agents", get(agent::list, agent::LIST).post(agent::create, agent::CREATE))
        .route(
            "/v1/agents/{agent}",
            get(agent::get, agent::GET)
                .post(agent::update, agent::UPDATE)
                .delete(agent::delete, agent::DELETE),
        )
        .route("/v1/agents/import", post(agent::import, agent::IMPORT))
}

/// Environments, and templates of them.
fn environments() -> Routes {
    Routes::new()
        .route(
            "/v1/agents/environments",
            get(environment::list, environment::LIST)
                .post(environment::create, environment::CREATE),
        )
        .route("/v1/agents/environments/{environment}", get(environment::get, environment::GET))
        .route(
            "/v1/agents/environments/{environment}/files",
            get(environment::list_files, environment::LIST_FILES)
                .post(environment::create_file, environment::CREATE_FILE),
        )
        .route(
            "/v1/agents/environments/templates",
            get(templates::list, templates::LIST).post(templates::create, templates::CREATE),
        )
        .route(
            "/v1/agents/environments/templates/import",
            post(templates::import, templates::IMPORT),
        )
        .route(
            "/v1/agents/environments/templates/{template}",
            get(templates::get, templates::GET)
                .post(templates::update, templates::UPDATE)
                .delete(templates::delete, templates::DELETE),
        )
}

/// What is in a session.
fn turns() -> Routes {
    Routes::new()
        .route("/v1/agents/sessions/{session}/items", get(items::list, items::LIST))
        .route("/v1/agents/sessions/{session}/turns", get(turn::list, turn::LIST))
        .route("/v1/agents/sessions/{session}/turns/{turn}", get(turn::get, turn::GET))
        .route("/v1/agents/sessions/{session}/turns/{turn}/items", get(turn::items, turn::ITEMS))
        .route("/v1/agents/sessions/{session}/artifacts", get(artifacts::list, artifacts::LIST))
        .route(
            "/v1/agents/sessions/{session}/artifacts/{artifact}",
            get(artifacts::get, artifacts::GET).delete(artifacts::delete, artifacts::DELETE),
        )
        .route(
            "/v1/agents/sessions/{session}/artifacts/{artifact}/content",
            get(artifacts::content, artifacts::CONTENT),
        )
        .route("/v1/agents/sessions/{session}/traces", get(session::traces, session::TRACES))
        .route("/v1/agents/sessions/{session}/subagents", get(subagents::list, subagents::LIST))
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}",
            get(subagents::get, subagents::GET),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/items",
            get(subagents::items, subagents::ITEMS),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns",
            get(subagents::turns, subagents::TURNS),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns/{turn}",
            get(subagents::turn, subagents::TURN),
        )
        .route(
            "/v1/agents/sessions/{session}/subagents/{subagent}/turns/{turn}/items",
            get(subagents::turn_items, subagents::TURN_ITEMS),
        )
}

/// Sessions, and what goes in and comes out.
fn sessions() -> Routes {
    Routes::new()
        .route(
            "/v1/agents/sessions",
            get(session::list, session::LIST).post(session::create, session::CREATE),
        )
        .route(
            "/v1/agents/sessions/{session}",
            get(session::get, session::GET)
                .post(session::update, session::UPDATE)
                .delete(session::delete, session::DELETE),
        )
        .route(
            "/v1/agents/sessions/{session}/events",
            get(events::stream, events::STREAM).post(events::submit, events::SUBMIT),
        )
        .route("/v1/agents/sessions/import", post(bundle::import, bundle::IMPORT))
        .route("/v1/agents/sessions/{session}/export", get(bundle::export, bundle::EXPORT))
        .route("/v1/agents/sessions/{session}/fork", post(bundle::fork, bundle::FORK))
        .route(
            "/v1/agents/sessions/{session}/checkpoints",
            get(checkpoints::list, checkpoints::LIST)
                .post(checkpoints::create, checkpoints::CREATE),
        )
        .route("/v1/agents/sessions/{session}/journal", get(journal::read, journal::READ))
}

/// What agents do at set times.
fn automations() -> Routes {
    Routes::new()
        .route(
            "/v1/agents/automations",
            get(automation::list, automation::LIST).post(automation::create, automation::CREATE),
        )
        .route("/v1/agents/automations/import", post(automation::import, automation::IMPORT))
        .route(
            "/v1/agents/automations/{automation}",
            get(automation::get, automation::GET)
                .post(automation::update, automation::UPDATE)
                .delete(automation::delete, automation::DELETE),
        )
        .route(
            "/v1/agents/automations/{automation}/pause",
            post(automation::pause, automation::PAUSE),
        )
        .route(
            "/v1/agents/automations/{automation}/resume",
            post(automation::resume, automation::RESUME),
        )
        .route(
            "/v1/agents/automations/{automation}/invocations",
            get(invocations::list, invocations::LIST)
                .post(invocations::create, invocations::CREATE),
        )
        .route(
            "/v1/agents/automations/{automation}/invocations/import",
            post(invocations::import, invocations::IMPORT),
        )
        .route(
            "/v1/agents/automations/{automation}/invocations/{invocation}",
            get(invocations::get, invocations::GET),
        )
}

/// Vaults and their credentials.
fn vaults() -> Routes {
    Routes::new()
        .route("/v1/vaults", get(vault::list, vault::LIST).post(vault::create, vault::CREATE))
        .route("/v1/vaults/import", post(vault::import, vault::IMPORT))
        .route(
            "/v1/vaults/{vault}",
            get(vault::get, vault::GET)
                .post(vault::update, vault::UPDATE)
                .delete(vault::delete, vault::DELETE),
        )
        .route(
            "/v1/vaults/{vault}/credentials",
            get(credentials::list, credentials::LIST)
                .post(credentials::create, credentials::CREATE),
        )
        .route(
            "/v1/vaults/{vault}/credentials/import",
            post(credentials::import, credentials::IMPORT),
        )
        .route(
            "/v1/vaults/{vault}/credentials/{credential}",
            get(credentials::get, credentials::GET)
                .post(credentials::update, credentials::UPDATE)
                .delete(credentials::delete, credentials::DELETE),
        )
}

/// Webhook endpoints and what was sent to them.
fn webhooks() -> Routes {
    Routes::new()
        .route("/v1/webhook_event_types", get(webhook::event_types, webhook::EVENT_TYPES))
        .route(
            "/v1/webhook_endpoints",
            get(webhook::list, webhook::LIST).post(webhook::create, webhook::CREATE),
        )
        .route("/v1/webhook_endpoints/import", post(webhook::import, webhook::IMPORT))
        .route(
            "/v1/webhook_endpoints/{endpoint}",
            get(webhook::get, webhook::GET)
                .post(webhook::update, webhook::UPDATE)
                .delete(webhook::delete, webhook::DELETE),
        )
        .route(
            "/v1/webhook_endpoints/{endpoint}/rotate_secret",
            post(webhook::rotate_secret, webhook::ROTATE_SECRET),
        )
        .route("/v1/webhook_endpoints/{endpoint}/test", post(webhook::test, webhook::TEST))
        .route(
            "/v1/webhook_endpoints/{endpoint}/deliveries",
            get(deliveries::list, deliveries::LIST),
        )
        .route(
            "/v1/webhook_endpoints/{endpoint}/deliveries/{delivery}",
            get(deliveries::get, deliveries::GET),
        )
        .route(
            "/v1/webhook_endpoints/{endpoint}/deliveries/{delivery}/replay",
            post(deliveries::replay, deliveries::REPLAY),
        )
}

/// Responses, and the stateless door.
fn responses() -> Routes {
    Routes::new()
        .route("/v1/chat/completions", post(chat::create, chat::CREATE))
        .route("/v1/chat/journals", get(journal::list_chats, journal::LIST_CHATS))
        .route("/v1/chat/journals/{journal}", get(journal::read_chat, journal::READ_CHAT))
        .route(
            "/v1/responses",
            get(response::connect, response::CONNECT).post(response::create, response::CREATE),
        )
        .route("/v1/responses/compact", post(response::compact, response::COMPACT))
        .route("/v1/responses/input_tokens", post(response::count, response::COUNT))
        .route(
            "/v1/responses/{response}",
            get(response::get, response::GET).delete(response::delete, response::DELETE),
        )
        .route("/v1/responses/{response}/cancel", post(response::cancel, response::CANCEL))
        .route(
            "/v1/responses/{response}/input_items",
            get(response::list_input_items, response::LIST_INPUT_ITEMS),
        )
}

/// Conversations.
fn conversations() -> Routes {
    Routes::new()
        .route("/v1/conversations", post(conversation::create, conversation::CREATE))
        .route(
            "/v1/conversations/{conversation}",
            get(conversation::get, conversation::GET)
                .post(conversation::update, conversation::UPDATE)
                .delete(conversation::delete, conversation::DELETE),
        )
        .route(
            "/v1/conversations/{conversation}/items",
            get(conversation::list_items, conversation::LIST_ITEMS)
                .post(conversation::create_items, conversation::CREATE_ITEMS),
        )
        .route(
            "/v1/conversations/{conversation}/items/{item}",
            get(conversation::get_item, conversation::GET_ITEM)
                .delete(conversation::delete_item, conversation::DELETE_ITEM),
        )
}

/// Models, keys, counters.
fn operation() -> Routes {
    Routes::new()
        .route("/v1/models", get(models::list, models::LIST))
        .route("/v1/models/{*model}", get(models::get, models::GET))
        .route("/v1/keys", get(keys::list, keys::LIST).post(keys::create, keys::CREATE))
        .route(
            "/v1/keys/{key}",
            delete(keys::revoke, keys::REVOKE).post(keys::update, keys::UPDATE),
        )
        .route("/metrics", get(metrics::metrics, metrics::METRICS))
}

/// The machines of sessions. The terminal's WebSocket is described in `docs/sandboxes.md`.
fn machines() -> Routes {
    Routes::new()
        .route("/v1/sandboxes", get(sandboxes::list, sandboxes::LIST))
        .route(
            "/v1/sandboxes/{sandbox}",
            get(sandboxes::get, sandboxes::GET).delete(sandboxes::remove, sandboxes::REMOVE),
        )
        .route("/v1/sandboxes/{sandbox}/exec", post(sandboxes::exec, sandboxes::EXEC))
        .route("/v1/sandboxes/{sandbox}/logs", get(sandboxes::logs, sandboxes::LOGS))
        .route("/v1/sandboxes/{sandbox}/park", post(sandboxes::park, sandboxes::PARK))
        .route("/v1/sandboxes/{sandbox}/restore", post(sandboxes::restore, sandboxes::RESTORE))
        .aside("/v1/sandboxes/{sandbox}/terminal", axum::routing::get(sandboxes::terminal))
}

/// The door of executors, whose protocol is `docs/spec/executor.md`. Those of other vendors' services
/// leave the version out.
fn executors() -> Routes {
    use axum::routing::{get, post};
    Routes::new()
        .aside("/cloud/environment/{environment}/direct/register", post(executor::register))
        .aside("/cloud/environment/{environment}/direct/connect", get(executor::connect))
        .aside("/v1/cloud/environment/{environment}/direct/register", post(executor::register))
        .aside("/v1/cloud/environment/{environment}/direct/connect", get(executor::connect))
}
