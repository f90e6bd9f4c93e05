//! Secrets that are turned around instead of encrypted, and a courier that keeps what it is given.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use mainstay_core::port::{
    Courier, CourierError, NoSeals, Parcel, Receipt, SealError, Seals, SecretText, Signed,
};
use mainstay_core::resource::Sealed;
use tokio::sync::watch;

/// Turns secrets around, so that no test finds them in what is stored.
pub(crate) struct TurnedSeals;

impl Seals for TurnedSeals {
    fn sign(&self, message: &[u8]) -> Result<Signed, SealError> {
        NoSeals.sign(message)
    }

    fn seal(&self, belongs_to: &str, secret: &SecretText) -> Result<Sealed, SealError> {
        let turned: String = secret.expose().chars().rev().collect();
        Ok(Sealed(format!("{belongs_to}\n{turned}")))
    }

    fn open(&self, belongs_to: &str, sealed: &Sealed) -> Result<SecretText, SealError> {
        match sealed.0.split_once('\n') {
            Some((own, turned)) if own == belongs_to => {
                Ok(SecretText::from(turned.chars().rev().collect::<String>()))
            }
            _ => Err(SealError("sealed for something else".to_owned())),
        }
    }
}

/// Keeps every parcel and answers what the test wrote; 200 when nothing is left.
pub(crate) struct ScriptedCourier {
    answers: Mutex<VecDeque<Result<Receipt, CourierError>>>,
    sent: watch::Sender<Vec<Parcel>>,
}

impl Default for ScriptedCourier {
    fn default() -> Self {
        Self { answers: Mutex::default(), sent: watch::channel(Vec::new()).0 }
    }
}

impl ScriptedCourier {
    /// What the next parcels are answered with.
    pub(crate) fn answer(&self, answer: Result<Receipt, CourierError>) {
        self.answers.lock().expect("no test panics with the answers").push_back(answer);
    }

    /// Answers the next parcel with this status and body.
    pub(crate) fn answer_with(&self, status: u16, body: &str) {
        let body = body.as_bytes().to_vec();
        self.answer(Ok(Receipt { status, body, retry_after_ms: None }));
    }

    /// The first `count` parcels, once they were sent.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Parcel> {
        let mut sent = self.sent.subscribe();
        let sent = sent.wait_for(|sent| sent.len() >= count).await;
        sent.expect("the courier outlives who waits").clone()
    }

    /// How many parcels were sent so far.
    pub(crate) fn count(&self) -> usize {
        self.sent.borrow().len()
    }
}

#[async_trait]
impl Courier for ScriptedCourier {
    fn check(&self, url: &str) -> Result<(), String> {
        if url.contains("10.0.0.1") { Err("a private address".to_owned()) } else { Ok(()) }
    }

    async fn post(&self, parcel: Parcel) -> Result<Receipt, CourierError> {
        let answer = self.answers.lock().expect("no test panics with the answers").pop_front();
        self.sent.send_modify(|sent| sent.push(parcel));
        answer.unwrap_or(Ok(Receipt { status: 200, body: Vec::new(), retry_after_ms: None }))
    }
}
