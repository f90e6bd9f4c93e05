//! The OpenAPI document of the tools, for agents that are given them.

/// The document; `base` is where the server is.
pub(super) fn document(base: &str) -> String {
    let operation = |id: &str, summary: &str| {
        format!(
            r#"{{"operationId":"{id}","summary":"{summary}","parameters":[{}],"responses":{{"200":{{"description":"What it did."}}}}}}"#,
            PARAMETERS.map(parameter).join(","),
        )
    };
    format!(
        r#"{{"openapi":"3.1.0","info":{{"title":"Scripted tools","version":"1"}},"servers":[{{"url":"{base}"}}],"paths":{{"/tool/look":{{"get":{}}},"/tool/act":{{"post":{}}},"/tool/keyed_act":{{"post":{}}},"/tool/put":{{"put":{}}},"/tool/status":{{"get":{}}}}}}}"#,
        operation("look", "Reads, changes nothing."),
        operation("act", "Has an effect each time it is called."),
        operation("keyed_act", "Has one effect for each idempotency key."),
        operation("put", "Sets a value; again changes nothing more."),
        operation("act_status", "Tells whether act had its effect."),
    )
}

/// Parameters of every operation: what it is about, and how it is to behave.
const PARAMETERS: [(&str, &str); 6] = [
    ("note", "string"),
    ("n", "integer"),
    ("delay_ms", "integer"),
    ("fail_status", "integer"),
    ("fail_times", "integer"),
    ("lose_times", "integer"),
];

fn parameter((name, kind): (&str, &str)) -> String {
    format!(r#"{{"name":"{name}","in":"query","schema":{{"type":"{kind}"}}}}"#)
}
