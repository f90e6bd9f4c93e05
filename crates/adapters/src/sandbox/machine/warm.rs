//! What a machine runs before it is anybody's, so that it is in memory, and under an emulator translated,
//! when the first session's commands come.
//!
//! Invariant: nothing of it stays but what programs that only say their version leave in memory, and an
//! interpreter that has run no code.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{CodeLanguage, ExecRequest};
use mainstay_protocol::EffectId;
use tokio::time::timeout;

use super::connect::Machine;

/// The programs that most commands begin with. What an image does not have is not missed.
const PROGRAMS: [&str; 3] = [
    "/bin/sh",
    "-c",
    "for tool in echo ls cat head tail wc sort grep sed find mkdir cp mv rm; do $tool --version; done; \
     true; python3 -c 'import json'",
];
const EFFECT: &str = "eff_warm";
const OUTPUT_LIMIT_BYTES: usize = 4_096;
/// On a busy host under an emulator.
const MAX_WARM: Duration = Duration::from_secs(60);

impl Machine {
    /// Runs it. An image without a shell, or without Python, is warm when its agent answers.
    pub async fn warm_up(&self) {
        let effect = EffectId::parse(EFFECT).expect("letters make an id");
        let request = ExecRequest {
            effect,
            argv: PROGRAMS.map(str::to_owned).to_vec(),
            cwd: "/".to_owned(),
            env: BTreeMap::new(),
            stdin: Bytes::new(),
            timeout_ms: u64::try_from(MAX_WARM.as_millis()).unwrap_or(u64::MAX),
            output_limit_bytes: OUTPUT_LIMIT_BYTES,
        };
        let _ = self.exec(request, None).await;
        let _ = timeout(MAX_WARM, self.warm(CodeLanguage::Python)).await;
    }
}
