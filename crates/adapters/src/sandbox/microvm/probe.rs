//! Whether machines come up here, and if not, what would make them.

use std::sync::Arc;

use super::accel;
use super::launch::Launcher;
use super::settings::Acceleration;
use crate::sandbox::Unusable;
use crate::sandbox::image::{DEFAULT_IMAGE, ImageFolder};

/// What works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Works {
    pub(super) acceleration: Acceleration,
    /// The version of QEMU.
    pub(super) qemu: String,
}

/// Starts a machine, unless that was done before.
pub(super) async fn probe(launcher: &Arc<Launcher>) -> Result<Works, Unusable> {
    let unusable = |reason: String, remedy: &str| Unusable { reason, remedy: remedy.to_owned() };
    if !cfg!(target_arch = "x86_64") {
        let reason = "microVMs are made for x86_64 alone".to_owned();
        return Err(unusable(reason, "use the process tier"));
    }
    let settings = &launcher.settings;
    let qemu = accel::qemu_version(launcher).await.map_err(|error| {
        let reason = format!("{} cannot be started: {error}", settings.qemu.display());
        unusable(reason, "install QEMU (Debian: apt-get install qemu-system-x86)")
    })?;
    let image =
        ImageFolder::new(settings.images.clone()).image(DEFAULT_IMAGE).map_err(|error| {
            unusable(
                error.to_string(),
                "run `cargo xtask image`, or name a folder that has an image",
            )
        })?;
    let acceleration = accel::find(launcher, &image, &qemu).await.map_err(|error| {
        unusable(
            format!("no machine comes up: {error}"),
            "install bubblewrap, e2fsprogs and qemu-system-x86, and build the image again with \
             `cargo xtask image`",
        )
    })?;
    Ok(Works { acceleration, qemu })
}
