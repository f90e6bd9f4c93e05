//! What a thread gives up before it starts commands or touches files for the host: everything that it
//! starts inherits it.
//!
//! Invariant: a thread that could not give up what must be given up runs nothing. Deliberately absent:
//! what the driver does around the whole machine.

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Who commands run as.
pub(crate) const USER_ID: u32 = 1000;

/// Where commands may write, beside what permissions say.
const WRITABLE: [&str; 5] = ["/workspace", "/tmp", "/var/tmp", "/dev", "/run/user"];

/// Hides the agent's memory from those who run under the same user.
pub(crate) fn hide_process() -> Result<(), String> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("hide the agent from commands: {error}"))
}

/// Makes this thread what commands are to be. Says what this kernel does not have.
pub(crate) fn confine_thread() -> Result<Option<String>, String> {
    if geteuid().is_root() {
        become_user().map_err(|error| {
            format!("give up root for user {USER_ID}, who must exist in the machine's user namespace: {error}")
        })?;
    }
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("give up privileges of programs: {error}"))?;
    Ok(bound_writes().err().map(|reason| format!("Landlock: {reason}")))
}

fn become_user() -> rustix::io::Result<()> {
    let group = Gid::from_raw(USER_ID);
    let user = Uid::from_raw(USER_ID);
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)
}

fn bound_writes() -> Result<(), String> {
    let writing = AccessFs::from_write(ABI::V3);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(writing)
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(WRITABLE, writing)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("the kernel does not have it".to_owned()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}
