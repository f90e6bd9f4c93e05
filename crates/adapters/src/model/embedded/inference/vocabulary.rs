//! Text to tokens and back, for the engine and for the grammar.
//!
//! Invariant: what a user, a tool or another model wrote never becomes a control token.

use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llguidance::toktrie::{TokEnv, TokTrie, TokenId, TokenizerEnv};

use super::prompt::{Prompt, Span};

/// The tokens of one model.
pub(super) struct Vocabulary {
    model: Arc<LlamaModel>,
    trie: TokTrie,
}

impl Vocabulary {
    /// Walks the whole vocabulary; takes some tenths of a second, once per model.
    pub(super) fn new(model: Arc<LlamaModel>) -> Self {
        let trie = LlamaSampler::llguidance_tok_env(&model).tok_trie().clone();
        Self { model, trie }
    }

    /// The prompt in tokens.
    pub(super) fn tokens(&self, prompt: &Prompt) -> Vec<LlamaToken> {
        let vocabulary = self.model.vocab();
        let mut tokens = Vec::new();
        for span in prompt.spans() {
            let (text, is_control) = match span {
                Span::Control(text) => (*text, true),
                Span::Text(text) => (text.as_str(), false),
            };
            tokens.extend(vocabulary.tokenize(text.as_bytes(), false, is_control));
        }
        tokens
    }

    /// The bytes of a token; none for control tokens.
    pub(super) fn bytes(&self, token: LlamaToken) -> &[u8] {
        let bytes = self.trie.token(id_of(token));
        if bytes.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER) { &[] } else { bytes }
    }

    /// Whether the model says with it that it is done.
    pub(super) fn is_end(&self, token: LlamaToken) -> bool {
        self.model.vocab().is_eog(token)
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            let tokens = self.model.vocab().tokenize(text.as_bytes(), false, false);
            tokens.into_iter().map(id_of).collect()
        })
    }
}

/// The vocabulary as the grammar wants it.
pub(super) fn for_grammar(vocabulary: &Arc<Vocabulary>) -> TokEnv {
    vocabulary.clone()
}

/// The grammar counts tokens without sign, the engine with one.
pub(super) fn id_of(token: LlamaToken) -> TokenId {
    token.0.cast_unsigned()
}

/// The other way round.
pub(super) fn token_of(id: TokenId) -> LlamaToken {
    LlamaToken(id.cast_signed())
}
