//! Whether everything went as it must: asked of the journal, of the feed and of the billing service.
//!
//! Invariant: nothing is taken from what the quickstart itself remembers of the session, apart from
//! the events it saw and the moment of the kill.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::effect::EffectRequest;
use mainstay_core::fact::{EffectRequested, Fact, TurnEnd};
use mainstay_core::item::{Content, ItemBody};
use mainstay_core::tool::Safety;
use mainstay_protocol::{EffectId, Entry};

use super::billing::Sent;
use super::task::{MESSAGE, Reminder};

/// What is looked at.
pub(super) struct Evidence<'a> {
    pub(super) entries: &'a [Entry],
    /// When the server was dead.
    pub(super) killed_at_ms: u64,
    /// The milestones of the feed as they came, over the kill.
    pub(super) seen: &'a [String],
    /// The same, asked for again from the beginning.
    pub(super) replayed: &'a [String],
    /// What the billing service sent.
    pub(super) sent: &'a [Sent],
    /// What it should have.
    pub(super) right: &'a Reminder,
}

/// One thing that was looked at.
pub(super) struct Finding {
    pub(super) holds: bool,
    pub(super) text: String,
}

impl Finding {
    fn new(holds: bool, text: impl Into<String>) -> Self {
        Self { holds, text: text.into() }
    }
}

/// What the runtime promises. One that does not hold is a bug of Mainstay.
pub(super) fn promises(evidence: &Evidence<'_>) -> Vec<Finding> {
    let facts = Facts::read(evidence.entries);
    vec![
        input(&facts),
        steps(&facts, evidence.killed_at_ms),
        effect(&facts, evidence.sent),
        feed(evidence),
        end(&facts),
    ]
}

/// Whether the model did its work; that is between it and its instructions.
pub(super) fn work(evidence: &Evidence<'_>) -> Finding {
    let right = evidence.right;
    let wanted = format!("{} to {} over {} EUR", right.invoice, right.email, right.amount_eur);
    match evidence.sent {
        [sent] if sent.reminder == *right => {
            Finding::new(true, format!("the right reminder: {wanted}"))
        }
        sent => {
            let reminders: Vec<String> = sent.iter().map(|sent| describe(&sent.reminder)).collect();
            let text = format!(
                "the model sent {}; right would be {wanted}",
                if reminders.is_empty() { "nothing".to_owned() } else { reminders.join(", and ") }
            );
            Finding::new(false, text)
        }
    }
}

fn describe(reminder: &Reminder) -> String {
    format!("{} to {} over {} EUR", reminder.invoice, reminder.email, reminder.amount_eur)
}

/// The facts of a journal with their times.
struct Facts {
    facts: Vec<(u64, Fact)>,
}

impl Facts {
    fn read(entries: &[Entry]) -> Self {
        let read = |entry: &Entry| Some((entry.at, Fact::read(entry).ok()?));
        Self { facts: entries.iter().filter_map(read).collect() }
    }

    fn iter(&self) -> impl Iterator<Item = &(u64, Fact)> {
        self.facts.iter()
    }

    fn requested(&self) -> impl Iterator<Item = &EffectRequested> {
        self.iter().filter_map(|(_, fact)| match fact {
            Fact::EffectRequested(requested) => Some(requested),
            _ => None,
        })
    }
}

fn input(facts: &Facts) -> Finding {
    let is_ours = |body: &ItemBody| match body {
        ItemBody::UserMessage { content } => {
            content.iter().any(|part| matches!(part, Content::Text { text } if text == MESSAGE))
        }
        _ => false,
    };
    let inputs = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::InputReceived(input) => Some(&input.items),
        _ => None,
    });
    let count = inputs.flatten().filter(|item| is_ours(&item.body)).count();
    Finding::new(
        count == 1,
        format!("no input lost: your message is in the journal, {count} time(s)"),
    )
}

fn steps(facts: &Facts, killed_at_ms: u64) -> Finding {
    let mut completed: BTreeMap<&EffectId, Vec<u64>> = BTreeMap::new();
    for (at_ms, fact) in facts.iter() {
        if let Fact::EffectCompleted(done) = fact {
            completed.entry(&done.effect).or_default().push(*at_ms);
        }
    }
    let once_each = completed.values().all(|times| times.len() == 1);
    let before: BTreeSet<&EffectId> = completed
        .iter()
        .filter(|(_, times)| times.iter().all(|at_ms| *at_ms <= killed_at_ms))
        .map(|(effect, _)| *effect)
        .collect();
    let touched_again = facts.iter().any(|(at_ms, fact)| {
        *at_ms > killed_at_ms && touches(fact).is_some_and(|effect| before.contains(effect))
    });
    // A model call that is asked for again shows as two with the same transcript.
    let asked: Vec<usize> = facts
        .requested()
        .filter_map(|requested| match requested.request {
            EffectRequest::Model { context, .. } => Some(context),
            _ => None,
        })
        .collect();
    let never_twice = asked.windows(2).all(|pair| pair[0] < pair[1]);
    let text = format!(
        "no finished step repeated: {} effects were done before the kill, none of them again after it",
        before.len()
    );
    Finding::new(once_each && !touched_again && never_twice, text)
}

/// The effect whose fate a fact changes.
fn touches(fact: &Fact) -> Option<&EffectId> {
    match fact {
        Fact::EffectRequested(fact) => Some(&fact.effect),
        Fact::EffectAttempted(fact) => Some(&fact.effect),
        Fact::EffectCompleted(fact) => Some(&fact.effect),
        Fact::EffectFailed(fact) => Some(&fact.effect),
        Fact::EffectUnknown(fact) => Some(&fact.effect),
        _ => None,
    }
}

fn effect(facts: &Facts, sent: &[Sent]) -> Finding {
    let once: Vec<&EffectId> = facts
        .requested()
        .filter(|requested| requested.safety == Safety::Once)
        .map(|requested| &requested.effect)
        .collect();
    let count = |effect: &EffectId| sent.iter().filter(|sent| sent.key == effect.as_str()).count();
    let each_once = !once.is_empty() && once.iter().all(|effect| count(effect) == 1);
    let unknown = facts.iter().any(|(_, fact)| match fact {
        Fact::EffectUnknown(unknown) => once.contains(&&unknown.effect),
        _ => false,
    });
    let text = format!(
        "the effect is there exactly once: {} reminder(s) for {} call(s); the interrupted one was \
         asked about, not repeated",
        sent.len(),
        once.len()
    );
    Finding::new(each_once && unknown && sent.len() == once.len(), text)
}

fn feed(evidence: &Evidence<'_>) -> Finding {
    let unique: BTreeSet<&String> = evidence.seen.iter().collect();
    let holds = unique.len() == evidence.seen.len() && evidence.seen == evidence.replayed;
    let text = format!(
        "no gap and no duplicate in the stream: {} events over two server processes",
        evidence.seen.len()
    );
    Finding::new(holds, text)
}

fn end(facts: &Facts) -> Finding {
    let ends: Vec<&TurnEnd> = facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::TurnEnded(ended) => Some(&ended.end),
            _ => None,
        })
        .collect();
    let holds = !ends.is_empty() && ends.iter().all(|end| **end == TurnEnd::Completed);
    Finding::new(holds, "the turn went on to its answer")
}
