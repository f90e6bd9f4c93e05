//! Requests about automations.

use std::collections::BTreeMap;

use mainstay_core::resource::AutomationSchedule;
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::{InvalidSchedule, next_run_at_ms};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::target::TargetParams;
use crate::openai::wire::{
    At, MAX_NAME_CHARS, Validate, check_line, check_metadata, nested, not_null, take_tag,
    unknown_tag,
};
use crate::openapi::{Given, Metadata, union};

/// The longest cron expression or name of a time zone.
const MAX_SCHEDULE_CHARS: usize = 256;
/// The last time that something can be set for: the end of the year 9999.
const MAX_RUN_AT_SECONDS: u64 = 253_402_300_799;

/// `POST /v1/agents/automations`.
#[derive(Debug)]
pub(crate) struct AutomationCreateParams {
    pub(super) name: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) schedule: AutomationSchedule,
    pub(super) target: TargetParams,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PeriodicParams {
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    name: String,
    #[schemars(length(min = 1, max = MAX_SCHEDULE_CHARS))]
    expression: String,
    #[schemars(length(min = 1, max = MAX_SCHEDULE_CHARS))]
    timezone: String,
    target: TargetParams,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Metadata>")]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OnceParams {
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    name: String,
    #[schemars(range(max = MAX_RUN_AT_SECONDS))]
    run_at: u64,
    target: TargetParams,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Metadata>")]
    metadata: Option<BTreeMap<String, String>>,
}

union!(AutomationCreateParams by "type" { "periodic": PeriodicParams, "once": OnceParams });

impl<'de> Deserialize<'de> for AutomationCreateParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        match tag.as_str() {
            "periodic" => {
                let own: PeriodicParams = nested(rest)?;
                let PeriodicParams { name, expression, timezone, target, metadata } = own;
                let schedule = AutomationSchedule::Periodic { expression, timezone };
                let metadata = metadata.unwrap_or_default();
                Ok(Self { name, metadata, schedule, target })
            }
            "once" => {
                let OnceParams { name, run_at, target, metadata } = nested(rest)?;
                let run_at_ms = run_at
                    .checked_mul(1_000)
                    .ok_or_else(|| D::Error::custom("run_at is no time in seconds"))?;
                let schedule = AutomationSchedule::Once { run_at_ms };
                let metadata = metadata.unwrap_or_default();
                Ok(Self { name, metadata, schedule, target })
            }
            other => Err(unknown_tag("type", other, &["periodic", "once"])),
        }
    }
}

/// `POST /v1/agents/automations/{automation}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutomationUpdateParams {
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<Metadata>")]
    pub(super) metadata: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_SCHEDULE_CHARS))]
    pub(super) expression: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_SCHEDULE_CHARS))]
    pub(super) timezone: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<u64>")]
    #[schemars(range(max = MAX_RUN_AT_SECONDS))]
    pub(super) run_at: Option<u64>,
    #[serde(default, deserialize_with = "not_null")]
    #[schemars(with = "Given<TargetParams>")]
    pub(super) target: Option<TargetParams>,
}

impl Validate for AutomationCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        check_line(&at.field("name"), &self.name, MAX_NAME_CHARS)?;
        check_metadata(&at.field("metadata"), Some(&self.metadata))?;
        check_schedule(at, &self.schedule)?;
        self.target.validate(&at.field("target"))
    }
}

impl Validate for AutomationUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            check_line(&at.field("name"), name, MAX_NAME_CHARS)?;
        }
        check_metadata(&at.field("metadata"), self.metadata.as_ref())?;
        self.target.validate(&at.field("target"))
    }
}

/// Refuses a schedule without a time.
pub(super) fn check_schedule(at: &At<'_>, schedule: &AutomationSchedule) -> Result<(), ApiError> {
    match schedule {
        AutomationSchedule::Periodic { expression, timezone } => {
            check_line(&at.field("expression"), expression, MAX_SCHEDULE_CHARS)?;
            check_line(&at.field("timezone"), timezone, MAX_SCHEDULE_CHARS)?;
        }
        AutomationSchedule::Once { run_at_ms } if *run_at_ms / 1_000 > MAX_RUN_AT_SECONDS => {
            let message = "is behind the year 9999; it counts seconds, not milliseconds";
            return Err(at.field("run_at").invalid(message));
        }
        AutomationSchedule::Once { .. } => {}
    }
    next_run(schedule, 0).map(drop)
}

/// The next time of a schedule, or the refusal of the member that has none.
pub(super) fn next_run(schedule: &AutomationSchedule, now_ms: u64) -> Result<u64, ApiError> {
    let at = At::Root;
    next_run_at_ms(schedule, now_ms).map_err(|error| match error {
        InvalidSchedule::Expression { .. } | InvalidSchedule::Never { .. } => {
            at.field("expression").refuse(ErrorCode::InvalidParameter, error)
        }
        InvalidSchedule::Timezone { .. } => {
            at.field("timezone").refuse(ErrorCode::InvalidParameter, error)
        }
    })
}
