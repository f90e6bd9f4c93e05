//! The model in memory and the state of what it has read.
//!
//! Invariant: `held` names exactly the tokens whose state the context holds, so that a prompt that
//! begins like the last one is read from where they part. Deliberately absent: text and grammars.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;

use super::settings::EmbeddedSettings;

/// How many tokens are read between two looks at whether anybody still waits.
const BATCH_TOKENS: u32 = 128;
const BATCH_LENGTH: usize = BATCH_TOKENS as usize;
/// Work space besides model and state, measured generously.
const WORK_SPACE_BYTES: u64 = 320 << 20;
/// A number of the state takes two bytes.
const STATE_NUMBER_BYTES: u64 = 2;
/// Each token leaves a key and a value.
const STATE_NUMBERS_PER_TOKEN: u64 = 2;
/// The only sequence.
const SEQUENCE: i32 = 0;

/// Why the model could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("the processor has no {0}, which the embedded model is built for")]
    Processor(&'static str),
    #[error("the model needs about {needed_bytes} bytes of memory and may have {max_bytes}")]
    Memory { needed_bytes: u64, max_bytes: u64 },
    #[error("load model {path}: {problem}")]
    File { path: String, problem: String },
    #[error("read the model's vocabulary: {problem}")]
    Vocabulary { problem: String },
    #[error("make room for {context_tokens} tokens: {problem}")]
    Context { context_tokens: u32, problem: String },
}

/// Why reading or writing tokens stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// Nobody waits for the answer any more.
    #[error("the call was abandoned")]
    Abandoned,
    #[error("compute {tokens} tokens: {problem}")]
    Compute { tokens: usize, problem: String },
}

/// Loads the file, if it fits into the memory it may take.
pub(super) fn load(settings: &EmbeddedSettings) -> Result<Arc<LlamaModel>, LoadError> {
    check_processor()?;
    let path = settings.path.display().to_string();
    let file = |problem: String| LoadError::File { path: path.clone(), problem };
    let metadata = std::fs::metadata(&settings.path).map_err(|error| file(error.to_string()))?;
    check_memory(metadata.len(), settings)?;
    let parameters = LlamaModelParams::default().with_use_mmap(false);
    let model = LlamaModel::load_from_file(backend(), &settings.path, &parameters);
    let model = model.map_err(|error| file(error.to_string()))?;
    let state_bytes = state_bytes_per_token(&model) * u64::from(settings.context_tokens);
    check_memory(metadata.len() + state_bytes, settings)?;
    Ok(Arc::new(model))
}

/// The build is for processors of the last ten years; on older ones an instruction would be illegal.
fn check_processor() -> Result<(), LoadError> {
    #[cfg(target_arch = "x86_64")]
    for (name, there) in [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
        ("F16C", std::arch::is_x86_feature_detected!("f16c")),
        ("BMI2", std::arch::is_x86_feature_detected!("bmi2")),
    ] {
        if !there {
            return Err(LoadError::Processor(name));
        }
    }
    Ok(())
}

fn check_memory(bytes: u64, settings: &EmbeddedSettings) -> Result<(), LoadError> {
    let needed_bytes = bytes + WORK_SPACE_BYTES;
    let max_bytes = settings.max_memory_bytes;
    if needed_bytes > max_bytes {
        return Err(LoadError::Memory { needed_bytes, max_bytes });
    }
    Ok(())
}

fn state_bytes_per_token(model: &LlamaModel) -> u64 {
    let head_length = u64::from(model.n_embd().cast_unsigned()) / u64::from(model.n_head().max(1));
    let numbers = u64::from(model.n_layer()) * u64::from(model.n_head_kv()) * head_length;
    numbers * STATE_NUMBERS_PER_TOKEN * STATE_NUMBER_BYTES
}

/// The library is set up once per process and can be set up only once; it has no tear-down.
fn backend() -> &'static LlamaBackend {
    static BACKEND: OnceLock<LlamaBackend> = OnceLock::new();
    BACKEND.get_or_init(|| match LlamaBackend::init() {
        Ok(mut backend) => {
            backend.void_logs();
            backend
        }
        Err(error) => unreachable!("the library is set up in one place: {error}"),
    })
}

/// A model's context.
pub(super) struct Engine<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    held: Vec<LlamaToken>,
}

impl<'m> Engine<'m> {
    /// Takes the memory for the state.
    pub(super) fn new(
        model: &'m LlamaModel,
        settings: &EmbeddedSettings,
    ) -> Result<Self, LoadError> {
        let context_tokens = settings.context_tokens;
        let threads = threads(settings);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(context_tokens))
            .with_n_batch(BATCH_TOKENS)
            .with_n_ubatch(BATCH_TOKENS)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = model
            .new_context(backend(), parameters)
            .map_err(|error| LoadError::Context { context_tokens, problem: error.to_string() })?;
        Ok(Self { context, batch: LlamaBatch::new(BATCH_LENGTH, 1), held: Vec::new() })
    }

    /// Makes the context hold exactly these tokens, of which there is at least one. Says how many it
    /// held already.
    pub(super) fn hold(
        &mut self,
        tokens: &[LlamaToken],
        is_abandoned: &dyn Fn() -> bool,
    ) -> Result<usize, EngineError> {
        let same = self.held.iter().zip(tokens).take_while(|(held, token)| held == token).count();
        // The last token is always computed: what follows it is needed.
        let same = same.min(tokens.len().saturating_sub(1));
        self.forget_after(same)?;
        self.add(&tokens[same..], is_abandoned)?;
        Ok(same)
    }

    /// Reads these tokens after what is held.
    pub(super) fn add(
        &mut self,
        tokens: &[LlamaToken],
        is_abandoned: &dyn Fn() -> bool,
    ) -> Result<(), EngineError> {
        let failed = |problem: String| EngineError::Compute { tokens: tokens.len(), problem };
        let mut rest = tokens;
        while !rest.is_empty() {
            if is_abandoned() {
                return Err(EngineError::Abandoned);
            }
            let (chunk, after) = rest.split_at(rest.len().min(BATCH_LENGTH));
            rest = after;
            self.batch.clear();
            for (token, position) in chunk.iter().zip(self.held.len()..) {
                let position =
                    i32::try_from(position).map_err(|error| failed(error.to_string()))?;
                let is_last = rest.is_empty() && self.batch.n_tokens() as usize + 1 == chunk.len();
                let added = self.batch.add(*token, position, &[SEQUENCE], is_last);
                added.map_err(|error| failed(error.to_string()))?;
            }
            if let Err(error) = self.context.decode(&mut self.batch) {
                self.forget_all();
                return Err(failed(error.to_string()));
            }
            self.held.extend_from_slice(chunk);
        }
        Ok(())
    }

    /// How likely each token is next, on a scale of its own. Something was added before.
    pub(super) fn likelihoods(&self) -> &[f32] {
        self.context.get_logits()
    }

    fn forget_after(&mut self, length: usize) -> Result<(), EngineError> {
        if length == self.held.len() {
            return Ok(());
        }
        let from = u32::try_from(length).ok();
        match self.context.clear_kv_cache_seq(Some(0), from, None) {
            Ok(true) => {
                self.held.truncate(length);
                Ok(())
            }
            Ok(false) | Err(_) => {
                self.forget_all();
                let problem = "the state could not be shortened".to_owned();
                Err(EngineError::Compute { tokens: length, problem })
            }
        }
    }

    /// After a failure nobody knows what the state is.
    fn forget_all(&mut self) {
        self.context.clear_kv_cache();
        self.held.clear();
    }
}

fn threads(settings: &EmbeddedSettings) -> i32 {
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = settings.threads.map_or_else(all, |threads| threads as usize);
    i32::try_from(threads.clamp(1, 64)).expect("at most 64")
}
