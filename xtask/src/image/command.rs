//! The command, and which parts there are.
//!
//! Invariant: two builds of one image folder never work at the same time, and one that has nothing to
//! do asks no package manager.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use super::folder::ImageFolder;
use super::kernel::Choice;
use super::{agent, cloud, kernel, manifest, root};
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;

/// The image that sandboxes use unless another one is asked for.
const NAME: &str = "default";

/// Build what machines are made from: guest kernel, root image, guest agent
///
/// The parts are kept outside of the checkout and built again only when what they are made of has
/// changed. The root's packages are those of the day on which it was built: `--fresh` brings newer
/// ones.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Build every part again
    #[arg(long)]
    fresh: bool,
    /// The image folder
    #[arg(long, value_name = "DIR", env = "MAINSTAY_IMAGES")]
    dir: Option<PathBuf>,
    /// Whose kernel machines get
    #[arg(long, value_name = "KERNEL", value_enum, default_value_t = Choice::Auto)]
    kernel: Choice,
    /// Have Debian's kernel there too, which is tested beside ours
    #[arg(long)]
    with_fallback: bool,
    /// Build these parts once more, and fail where the bytes are others
    #[arg(long, value_name = "PART", value_enum, value_delimiter = ',')]
    check_reproducible: Vec<Part>,
    /// Remove the parts of earlier builds; no machine that was made from them may be running
    #[arg(long)]
    prune: bool,
}

/// What is built twice to compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The root image: a few minutes
    Root,
    /// The guest's kernel: seven minutes of one processor
    Kernel,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let images = build(workspace, arguments)?;
    println!("Images are in {}", images.path().display());
    Ok(())
}

/// Has the images there, as they are by default, and what tests need beside them.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let arguments = Arguments {
        fresh: false,
        dir: None,
        kernel: Choice::Auto,
        with_fallback: true,
        check_reproducible: Vec::new(),
        prune: false,
    };
    build(workspace, &arguments).map(|_| ())
}

fn build(workspace: &Workspace, arguments: &Arguments) -> Result<ImageFolder> {
    ensure!(
        cfg!(all(target_arch = "x86_64", target_os = "linux")),
        "building images: machines are made for Linux on x86_64 alone"
    );
    setup::ensure(workspace, Purpose::Image)?;
    let path = arguments.dir.clone().unwrap_or_else(|| workspace.cache_dir.join("images"));
    let images = ImageFolder::open(&path, arguments.fresh)?;
    let kernel = kernel::ensure(&images, arguments.kernel)?;
    let checks = |part| arguments.check_reproducible.contains(&part);
    if checks(Part::Kernel) {
        kernel::check(&images, &kernel)?;
    }
    let agent = agent::ensure(workspace, &images, &kernel)?;
    manifest::write_machine(&images, &kernel, &agent)?;
    let mut kept = vec![kernel.folder, agent.folder];
    if arguments.with_fallback {
        let kernel = cloud::ensure(&images, "it is tested")?;
        let agent = agent::ensure(workspace, &images, &kernel)?;
        manifest::write_fallback(&images, &kernel, &agent)?;
        kept.extend([kernel.folder, agent.folder]);
    }
    let root = root::ensure(workspace, &images)?;
    manifest::write_image(&images, NAME, &root)?;
    if checks(Part::Root) {
        root::check(workspace, &images, &root)?;
    }
    if arguments.prune {
        kept.push(root.folder);
        images.prune(&kept)?;
    }
    Ok(images)
}
