//! An environment as asked for, as the machine that it becomes.
//!
//! Invariant: what a machine here does not have is refused by name, never left out in silence.

use std::collections::BTreeMap;

use mainstay_core::port::{NetworkRule, SandboxSetup, SandboxSpec};
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use mainstay_runtime::{Engine, NewSandbox};

use super::path::workspace_path;
use super::templates::template_settings;
use crate::openai::project::HostedView;
use crate::openai::wire::{
    At, ContainerSize, FileParams, HostedFile, HostedMachine, HostedNetwork, HostedPackages,
    HostedParams, InlineFileParams, NetworkAccess, NetworkParams, SetupCommandParams,
    decoded_bytes,
};

/// The root image of environments that name none.
const DEFAULT_IMAGE: &str = "default";
/// Processes of one machine at once.
const PROCESSES_COUNT: u32 = 512;

/// A machine to be made, and what is shown of it.
pub(super) struct Hosted {
    pub(super) sandbox: NewSandbox,
    pub(super) view: HostedView,
}

/// What a machine of a size has: processors, memory and disk in MiB.
fn size(size: ContainerSize) -> (u32, u64, u64) {
    match size {
        ContainerSize::Small => (1, 1_024, 4_096),
        ContainerSize::Medium => (2, 4_096, 10_240),
        ContainerSize::Large => (4, 8_192, 20_480),
    }
}

/// The machine that these settings ask for, if it can be had here.
pub(super) async fn hosted(
    engine: &Engine,
    caller: &Principal,
    asked: HostedParams,
    at: &At<'_>,
) -> Result<Hosted, ApiError> {
    if asked.environment_id.is_some() {
        let message = "names an environment made ahead of its session, which this server does not offer; leave it out";
        return Err(at.field("environment_id").refuse(ErrorCode::Unsupported, message));
    }
    let settings = match &asked.environment_template_id {
        Some(id) => {
            let template = template_settings(engine, caller, id).await.map_err(|error| {
                error.with_param(at.field("environment_template_id").to_string())
            })?;
            merged(template, asked)
        }
        None => asked,
    };
    check_absent(&settings, at)?;
    let spec = spec(&settings, at)?;
    engine.check_sandbox(&spec).await?;
    let setup = setup(&settings, at)?;
    let view = view(&settings, &spec, &setup);
    Ok(Hosted { sandbox: NewSandbox { spec, setup }, view })
}

/// A template's settings with those given beside it over them. Lists follow each other; what has a name
/// (variables, files) is the given one's.
fn merged(template: HostedParams, given: HostedParams) -> HostedParams {
    let mut env = template.env.unwrap_or_default();
    env.extend(given.env.unwrap_or_default());
    let (own, under) = (given.packages.unwrap_or_default(), template.packages.unwrap_or_default());
    HostedParams {
        env: Some(env),
        files: joined(template.files, given.files),
        network: given.network.or(template.network),
        packages: Some(crate::openai::wire::PackagesParams {
            npm: joined(under.npm, own.npm),
            python: joined(under.python, own.python),
            system: joined(under.system, own.system),
        }),
        setup_commands: joined(template.setup_commands, given.setup_commands),
        capability_directories: joined(
            template.capability_directories,
            given.capability_directories,
        ),
        plugins: joined(template.plugins, given.plugins),
        skills: joined(template.skills, given.skills),
        desktop: given.desktop.or(template.desktop),
        ..given
    }
}

fn joined<T>(first: Option<Vec<T>>, then: Option<Vec<T>>) -> Option<Vec<T>> {
    Some(first.into_iter().chain(then).flatten().collect())
}

/// Refuses what machines here do not have.
fn check_absent(settings: &HostedParams, at: &At<'_>) -> Result<(), ApiError> {
    let has = |count: Option<usize>| count.is_some_and(|count| count > 0);
    let packages = settings.packages.as_ref();
    let asked = [
        (
            "capability_directories",
            has(settings.capability_directories.as_ref().map(Vec::len)),
            "directories of capabilities",
        ),
        ("plugins", has(settings.plugins.as_ref().map(Vec::len)), "plugins"),
        ("skills", has(settings.skills.as_ref().map(Vec::len)), "skills"),
        ("desktop", settings.desktop.is_some_and(|desktop| desktop.enabled), "a desktop"),
    ];
    if let Some((member, _, what)) = asked.iter().find(|(_, is_asked, _)| *is_asked) {
        let message = format!("asks for {what}, which environments of this server do not have");
        return Err(at.field(member).refuse(ErrorCode::Unsupported, message));
    }
    if has(packages.and_then(|packages| packages.system.as_ref()).map(Vec::len)) {
        let message = "asks for packages of the operating system; put them into the root image (docs/environments.md)";
        let at = at.field("packages");
        return Err(at.field("system").refuse(ErrorCode::Unsupported, message));
    }
    Ok(())
}

fn spec(settings: &HostedParams, at: &At<'_>) -> Result<SandboxSpec, ApiError> {
    let (cpus, memory_mib, disk_mib) =
        size(settings.container_size.unwrap_or(ContainerSize::Small));
    Ok(SandboxSpec {
        tier: settings.tier,
        image: settings.image.clone().unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
        cpus: settings.cpus.unwrap_or(cpus),
        memory_mib: settings.memory.unwrap_or(memory_mib),
        disk_mib: settings.disk.unwrap_or(disk_mib),
        processes: PROCESSES_COUNT,
        network: network(settings.network.as_ref(), &at.field("network"))?,
        executor: None,
    })
}

fn network(asked: Option<&NetworkParams>, at: &At<'_>) -> Result<NetworkRule, ApiError> {
    let Some(asked) = asked else { return Ok(NetworkRule::None) };
    let listed = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let (allowed, blocked) = (listed(&asked.allowed_domains), listed(&asked.blocked_domains));
    if asked.access != NetworkAccess::Restricted && !(allowed.is_empty() && blocked.is_empty()) {
        let list = if allowed.is_empty() { "blocked_domains" } else { "allowed_domains" };
        return Err(at.field(list).invalid("belongs to \"access\": \"restricted\""));
    }
    Ok(match (asked.access, allowed.is_empty(), blocked.is_empty()) {
        (NetworkAccess::Enabled, _, _) => NetworkRule::Open,
        (NetworkAccess::Disabled, _, _) => NetworkRule::None,
        (NetworkAccess::Restricted, true, true) => NetworkRule::None,
        (NetworkAccess::Restricted, false, true) => NetworkRule::Allow { hosts: allowed },
        (NetworkAccess::Restricted, true, false) => NetworkRule::Block { hosts: blocked },
        (NetworkAccess::Restricted, false, false) => {
            let message = "cannot be combined with allowed_domains";
            return Err(at.field("blocked_domains").invalid(message));
        }
    })
}

fn setup(settings: &HostedParams, at: &At<'_>) -> Result<SandboxSetup, ApiError> {
    let packages = settings.packages.clone().unwrap_or_default();
    let at_files = at.field("files");
    let mut files = BTreeMap::new();
    for (index, file) in settings.files.iter().flatten().enumerate() {
        let (path, data) = inline(file, &at_files.index(index))?;
        files.insert(path, data);
    }
    Ok(SandboxSetup {
        env: settings.env.clone().unwrap_or_default(),
        python_packages: packages.python.unwrap_or_default(),
        npm_packages: packages.npm.unwrap_or_default(),
        files,
        commands: settings.setup_commands.iter().flatten().map(command).collect(),
    })
}

/// The path and the content, in base 64, of a file that is sent along.
pub(super) fn inline(file: &FileParams, at: &At<'_>) -> Result<(String, String), ApiError> {
    match file {
        FileParams::Inline(InlineFileParams { data, path }) => {
            if decoded_bytes(data).is_none() {
                return Err(at.field("data").invalid("is not standard base 64"));
            }
            let path = workspace_path(path).map_err(|why| at.field("path").invalid(why))?;
            Ok((path, data.clone()))
        }
        FileParams::FileId(_) => {
            let message = "names an uploaded file, and this server has no Files API; send it as {\"type\": \"inline\"}";
            Err(at.field("file_id").refuse(ErrorCode::Unsupported, message))
        }
    }
}

/// A command, in its folder.
fn command(params: &SetupCommandParams) -> String {
    match &params.cwd {
        Some(cwd) => format!("cd -- '{}' && {}", cwd.replace('\'', "'\\''"), params.command),
        None => params.command.clone(),
    }
}

fn view(settings: &HostedParams, spec: &SandboxSpec, setup: &SandboxSetup) -> HostedView {
    let network = settings.network.as_ref();
    let file = |(index, (path, data)): (usize, (&String, &String))| HostedFile::Inline {
        id: format!("file_{}", index + 1),
        path: path.clone(),
        size_bytes: decoded_bytes(data).unwrap_or_default(),
    };
    HostedView {
        container_size: settings.container_size,
        files: setup.files.iter().enumerate().map(file).collect(),
        network: HostedNetwork {
            access: network.map(|network| network.access).unwrap_or_default(),
            allowed_domains: network
                .and_then(|network| network.allowed_domains.clone())
                .unwrap_or_default(),
        },
        packages: HostedPackages {
            npm: setup.npm_packages.clone(),
            python: setup.python_packages.clone(),
            system: Vec::new(),
        },
        machine: HostedMachine {
            cpus: Some(spec.cpus),
            memory: Some(spec.memory_mib),
            disk: Some(spec.disk_mib),
            tier: spec.tier,
            image: Some(spec.image.clone()),
        },
    }
}
