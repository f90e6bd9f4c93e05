//! The filter of system calls that everything in a machine of the process tier runs under.
//!
//! Invariant: what is not listed in `syscalls` is not there. Two programs are made, because one has a
//! single answer: the first refuses ("not permitted"), the second hides ("not there"), and the kernel
//! takes the stricter answer. Deliberately absent: loading them, which bubblewrap does.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::OwnedFd;

use libc::c_long;
use rustix::fs::{MemfdFlags, SealFlags, SeekFrom};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::syscalls::{ALLOWED, ALLOWED_HERE, REFUSED, REFUSED_HERE};

/// Making a namespace with `clone`.
const NAMESPACE_FLAGS: [libc::c_int; 8] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    CLONE_NEWTIME,
];
/// Absent from the bindings.
const CLONE_NEWTIME: libc::c_int = 0x80;
/// The bits of `socket`'s second argument that are the kind.
const SOCKET_KIND_MASK: u64 = 0xf;
/// The kinds there are, without stream (1), datagram (2) and sequenced packet (5).
const REFUSED_SOCKET_KINDS: [u64; 13] = [0, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Asks for the personality that there is.
const PERSONALITY_QUERY: u64 = 0xffff_ffff;

/// Both programs, in the form in which the kernel takes them.
#[derive(Debug, Clone)]
pub(super) struct Filters {
    programs: [Vec<u8>; 2],
}

/// The filter cannot be made for this processor.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the filter of system calls for {}: {source}", std::env::consts::ARCH)]
pub(super) struct FilterError {
    #[from]
    source: BackendError,
}

impl Filters {
    /// For the processor this runs on.
    pub(super) fn new() -> Result<Self, FilterError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let refuse = SeccompFilter::new(
            refused()?,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()),
            arch,
        )?;
        let there = [ALLOWED, ALLOWED_HERE, REFUSED, REFUSED_HERE].concat();
        let hide = SeccompFilter::new(
            there.into_iter().map(|call| (call, Vec::new())).collect(),
            SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
            SeccompAction::Allow,
            arch,
        )?;
        Ok(Self { programs: [bytes(&refuse.try_into()?), bytes(&hide.try_into()?)] })
    }

    /// Files to read each program from, once.
    pub(super) fn files(&self) -> std::io::Result<[OwnedFd; 2]> {
        let [refuse, hide] = &self.programs;
        Ok([sealed(refuse)?, sealed(hide)?])
    }
}

fn refused() -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let whole = [REFUSED, REFUSED_HERE].concat();
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        whole.into_iter().map(|call| (call, Vec::new())).collect();
    let mut clone = Vec::new();
    for flag in NAMESPACE_FLAGS {
        let flag = u64::from(flag.unsigned_abs());
        clone.push(SeccompRule::new(vec![condition(0, MaskedEq(flag), flag)?])?);
    }
    rules.insert(libc::SYS_clone, clone);
    rules.insert(libc::SYS_socket, sockets()?);
    rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(vec![other_than_unix()?])?]);
    // Putting characters into a terminal's input, which a shell outside would read.
    let mut ioctl = Vec::new();
    for request in [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD, libc::TIOCCONS] {
        ioctl.push(SeccompRule::new(vec![condition(1, Eq, request)?])?);
    }
    rules.insert(libc::SYS_ioctl, ioctl);
    let personality = vec![condition(0, Ne, 0)?, condition(0, Ne, PERSONALITY_QUERY)?];
    rules.insert(libc::SYS_personality, vec![SeccompRule::new(personality)?]);
    Ok(rules)
}

/// Left are local, IPv4 and IPv6 sockets: streams and datagrams, and over IP nothing but TCP and UDP.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let mut other_family = Vec::new();
    for family in families {
        other_family.push(condition(0, Ne, u64::from(family.unsigned_abs()))?);
    }
    let mut rules = vec![SeccompRule::new(other_family)?];
    for kind in REFUSED_SOCKET_KINDS {
        rules.push(SeccompRule::new(vec![condition(1, MaskedEq(SOCKET_KIND_MASK), kind)?])?);
    }
    let packets = u64::from(libc::SOCK_SEQPACKET.unsigned_abs());
    let packets = condition(1, MaskedEq(SOCKET_KIND_MASK), packets)?;
    rules.push(SeccompRule::new(vec![other_than_unix()?, packets])?);
    let mut other_protocol = vec![other_than_unix()?];
    for protocol in [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
        other_protocol.push(condition(2, Ne, u64::from(protocol.unsigned_abs()))?);
    }
    rules.push(SeccompRule::new(other_protocol)?);
    Ok(rules)
}

fn other_than_unix() -> Result<SeccompCondition, BackendError> {
    condition(0, Ne, u64::from(libc::AF_UNIX.unsigned_abs()))
}

/// All of these arguments are 32 bits wide; the kernel does not look at the rest.
fn condition(
    argument: u8,
    operator: seccompiler::SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, operator, value)
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    let instructions = program.iter().flat_map(|instruction| {
        let [code_0, code_1] = instruction.code.to_ne_bytes();
        let [k_0, k_1, k_2, k_3] = instruction.k.to_ne_bytes();
        [code_0, code_1, instruction.jt, instruction.jf, k_0, k_1, k_2, k_3]
    });
    instructions.collect()
}

fn sealed(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = std::fs::File::from(rustix::fs::memfd_create("filter", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    Ok(file.into())
}
