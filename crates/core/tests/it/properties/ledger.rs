//! The ledger's law, read from the journal and from what was handed out.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::effect::{Awaits, DispatchKind, EffectRequest, UnknownNext};
use mainstay_core::fact::{Answer, Fact};
use mainstay_core::policy::Ruling;
use mainstay_core::port::WorldChange;
use mainstay_core::tool::Safety;
use mainstay_protocol::EffectId;

use crate::lab::World;

/// What the journal says of one tool call.
struct Called {
    safety: Safety,
    is_allowed: bool,
    is_closed: bool,
    /// Attempts that were written down.
    attempts: BTreeSet<u32>,
    /// Whether another attempt is permitted.
    may_repeat: bool,
}

/// No call is attempted without a decision that allows it; no `once` call is attempted again unless
/// something says that it may be; no attempt is handed out twice.
pub(super) fn check(world: &World) {
    let called = read(world);
    let mut handed_out = BTreeSet::new();
    for dispatch in &world.dispatched {
        let call = match &dispatch.kind {
            DispatchKind::Tool(call) => call.as_ref(),
            DispatchKind::Subagent(work) => &work.call,
            _ => continue,
        };
        let Some(known) = called.get(&dispatch.effect) else {
            panic!("{} was handed out and never requested", dispatch.effect)
        };
        assert!(known.is_allowed, "{} runs without a decision that allows it", dispatch.effect);
        assert!(call.source.label().is_some(), "{} is the client's to run", dispatch.effect);
        let is_first = handed_out.insert((dispatch.effect.clone(), dispatch.attempt));
        assert!(is_first, "attempt {} of {} runs twice", dispatch.attempt, dispatch.effect);
        if known.safety == Safety::Once {
            let is_written = known.attempts.contains(&dispatch.attempt);
            assert!(is_written, "{} runs before its attempt is written", dispatch.effect);
        }
    }
}

fn read(world: &World) -> BTreeMap<EffectId, Called> {
    let mut called = BTreeMap::new();
    for entry in &world.journal {
        take(&mut called, Fact::read(entry).expect("our own fact"));
    }
    called
}

fn take(called: &mut BTreeMap<EffectId, Called>, fact: Fact) {
    match fact {
        Fact::EffectRequested(fact) => {
            let EffectRequest::Tool { .. } = fact.request else { return };
            let decision = fact.decision.expect("a call has a decision").decision;
            assert_ne!(decision, Ruling::Deny, "a denied call is no effect");
            assert_eq!(decision == Ruling::Ask, fact.awaits == Awaits::Approval);
            called.insert(
                fact.effect,
                Called {
                    safety: fact.safety,
                    is_allowed: decision == Ruling::Allow,
                    is_closed: false,
                    attempts: BTreeSet::new(),
                    may_repeat: true,
                },
            );
        }
        Fact::EffectAttempted(fact) => {
            let Some(call) = called.get_mut(&fact.effect) else { return };
            assert!(!call.is_closed, "{} is attempted after its outcome", fact.effect);
            assert!(call.attempts.insert(fact.attempt), "{} begins twice", fact.effect);
            let is_permitted = call.may_repeat || call.safety != Safety::Once;
            assert!(is_permitted, "{} is attempted again without leave", fact.effect);
            call.may_repeat = false;
        }
        Fact::EffectFailed(fact) => {
            let Some(call) = called.get_mut(&fact.effect) else { return };
            call.is_closed = fact.retry_at_ms.is_none() && fact.asks.is_none();
            call.may_repeat = fact.failure.world == WorldChange::No;
        }
        Fact::EffectUnknown(fact) => {
            let Some(call) = called.get_mut(&fact.effect) else { return };
            call.is_closed = matches!(fact.next, UnknownNext::Report { .. });
            // An attempt after this one means that the tool answered "not done".
            call.may_repeat = matches!(fact.next, UnknownNext::Retry | UnknownNext::Reconcile);
        }
        Fact::ApprovalResolved(fact) => {
            let Some(call) = called.get_mut(&fact.effect) else { return };
            call.is_allowed |= fact.answer == Answer::Approve;
            call.may_repeat |= fact.answer == Answer::Retry;
            call.is_closed = fact.item.is_some();
        }
        Fact::EffectCompleted(fact) => {
            let Some(call) = called.get_mut(&fact.effect) else { return };
            assert!(!call.is_closed, "{} has two outcomes", fact.effect);
            call.is_closed = true;
        }
        Fact::SessionCreated(_)
        | Fact::SessionUpdated(_)
        | Fact::SessionFailed(_)
        | Fact::SessionDeleted(_)
        | Fact::InputReceived(_)
        | Fact::ResponseRequested(_)
        | Fact::ResponseRemoved(_)
        | Fact::ItemsAdded(_)
        | Fact::ItemRemoved(_)
        | Fact::SandboxOperated(_)
        | Fact::SessionForked(_)
        | Fact::SessionClosed(_)
        | Fact::SessionReopened(_)
        | Fact::SubagentReported(_)
        | Fact::EffectParked(_)
        | Fact::SessionImported(_)
        | Fact::TurnStarted(_)
        | Fact::TurnWaiting(_)
        | Fact::TurnResumed(_)
        | Fact::TurnEnded(_)
        | Fact::CallRefused(_) => {}
    }
}
