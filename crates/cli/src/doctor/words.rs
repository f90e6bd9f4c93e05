//! The report in words.

use std::fmt::Write;

use mainstay_adapters::sandbox::KernelKind;
use mainstay_adapters::sandbox::image::KernelInfo;
use mainstay_core::port::SandboxTier;
use serde_json::Value;

use super::report::{Compute, Report};
use crate::config::Tier;

/// What a person reads.
pub(crate) fn words(report: &Report) -> String {
    let mut text = format!("mainstay {}\n\n", report.version);
    compute(&mut text, &report.compute);
    if let Some(host) = &report.host {
        let _ = writeln!(text, "\nhost");
        facts(&mut text, host);
    }
    let _ = writeln!(text, "\ndata");
    line(&mut text, "folder", &report.data.folder.display().to_string());
    line(
        &mut text,
        "store",
        if report.data.has_store { "there" } else { "made by the first start" },
    );
    line(&mut text, "server", report.data.server.as_deref().unwrap_or("none runs"));
    let _ = writeln!(text, "\nmodels");
    line(&mut text, "providers", &list(&report.models.providers));
    let embedded = match report.models.runs_embedded {
        true => list(&report.models.embedded),
        false => "not in this binary".to_owned(),
    };
    line(&mut text, "embedded", &embedded);
    text
}

fn compute(text: &mut String, compute: &Compute) {
    let chosen = match (compute.chosen, compute.tier) {
        (Some(SandboxTier::Microvm), _) => "sessions get microVMs",
        (Some(SandboxTier::Process), _) => "sessions get machines of the process tier",
        (None, Tier::Off) => "switched off (compute.tier)",
        (None, Tier::Auto | Tier::Microvm | Tier::Process) => "sessions get no machines",
    };
    let _ = writeln!(text, "compute: {chosen}");
    for driver in &compute.drivers {
        let tier = match driver.tier {
            SandboxTier::Microvm => "microvm",
            SandboxTier::Process => "process",
        };
        let state = if driver.works { "works" } else { "does not work" };
        line(text, tier, &format!("{state} ({})", driver.name));
        for (what, told) in [("why", &driver.reason), ("do", &driver.remedy)] {
            if let Some(told) = told {
                line(text, "", &format!("{what}: {told}"));
            }
        }
    }
    match (&compute.image.digest, &compute.image.reason) {
        (Some(digest), _) => line(text, "image", &format!("default, {}", cut(digest))),
        (None, Some(reason)) => line(text, "image", reason),
        (None, None) => {}
    }
    if let Some(kernel) = &compute.image.kernel {
        line(text, "guests", &kernel_words(kernel));
    }
    for note in &compute.notes {
        line(text, "note", note);
    }
}

fn kernel_words(kernel: &KernelInfo) -> String {
    let whose = match kernel.kind {
        KernelKind::Minimal => "a kernel of their own configuration",
        KernelKind::Cloud => "Debian's kernel for clouds",
    };
    let version = kernel.version.as_deref().unwrap_or("of no known version");
    match &kernel.instead_because {
        Some(reason) => format!("{whose}, {version}, because of ours: {reason}"),
        None => format!("{whose}, {version}"),
    }
}

fn facts(text: &mut String, host: &Value) {
    let told = |member: &str| match &host[member] {
        Value::Null => "none".to_owned(),
        Value::String(value) => value.clone(),
        Value::Array(values) => list(&values.iter().filter_map(Value::as_str).collect::<Vec<_>>()),
        Value::Object(program) => format!(
            "{} ({})",
            program.get("version").and_then(Value::as_str).unwrap_or_default(),
            program.get("path").and_then(Value::as_str).unwrap_or_default()
        ),
        Value::Bool(is_there) => if *is_there { "there" } else { "none" }.to_owned(),
        Value::Number(number) => number.to_string(),
    };
    for (name, member) in [
        ("kernel", "kernel"),
        ("bubblewrap", "bubblewrap"),
        ("qemu", "qemu"),
        ("/dev/kvm", "kvm_device"),
        ("landlock", "landlock_abi"),
        ("namespaces", "user_namespaces_max"),
        ("cgroups", "control_groups"),
    ] {
        line(text, name, &told(member));
    }
}

fn line(text: &mut String, name: &str, told: &str) {
    let _ = writeln!(text, "  {name:<11} {told}");
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
    }
}

/// The beginning of a digest.
fn cut(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
