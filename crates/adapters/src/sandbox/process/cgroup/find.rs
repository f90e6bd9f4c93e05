//! Where groups can be made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::delegated;
use super::group::{Bounds, Group};

/// The folder of machines' groups, below the group of this process or the topmost one.
const BRANCH: &str = "mainstay";

/// What whoever has none can do about it.
pub(in crate::sandbox) const DELEGATE: &str = "run the server as root, or give it a control group of \
     version 2: as a service with Delegate=yes, or by hand with `systemd-run --user --scope -p Delegate=yes \
     mainstay serve`";

/// What is limited by groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    Memory,
    Processes,
    Processor,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Processes, Self::Processor];

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "pids",
            Self::Processor => "cpu",
        }
    }
}

/// Which interface a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// A folder in which machines' groups with these controllers are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) version: Version,
    pub(super) folder: PathBuf,
    pub(super) controllers: Vec<Controller>,
}

/// Where machines' groups are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Groups {
    branches: Vec<Branch>,
}

impl Groups {
    /// Looks for groups that this process can write, and makes the folder of machines' groups there.
    pub(in crate::sandbox) fn find() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::find_in(&mounts, &own)
    }

    /// The same, by what the host says of its mounts and of this process's groups.
    pub(super) fn find_in(mounts: &str, own: &str) -> Self {
        let mut branches: Vec<Branch> = Vec::new();
        for controller in Controller::ALL {
            let found = version_one(mounts, own, controller)
                .or_else(|| version_two(mounts, own, controller));
            let Some((version, folder)) = found else { continue };
            match branches.iter_mut().find(|branch| branch.folder == folder) {
                Some(branch) => branch.controllers.push(controller),
                None => branches.push(Branch { version, folder, controllers: vec![controller] }),
            }
        }
        Self { branches }
    }

    /// Whether memory can be limited.
    pub(in crate::sandbox) fn limits_memory(&self) -> bool {
        !self.missing().contains(&Controller::Memory.name())
    }

    /// The controllers that are not to be had.
    pub(in crate::sandbox) fn missing(&self) -> Vec<&'static str> {
        let is_missing = |controller: &Controller| {
            !self.branches.iter().any(|branch| branch.controllers.contains(controller))
        };
        Controller::ALL.into_iter().filter(is_missing).map(Controller::name).collect()
    }

    /// Makes a machine's groups with its bounds.
    pub(in crate::sandbox) fn make(&self, name: &str, bounds: &Bounds) -> io::Result<Group> {
        let group = self.group(name);
        let made = group.make(bounds);
        if made.is_err() {
            // What was made of it is empty, so that nothing keeps it from going.
            let _ = group.remove();
        }
        made.map(|()| group)
    }

    /// A machine's groups, whether they are there or not.
    pub(in crate::sandbox) fn group(&self, name: &str) -> Group {
        Group::new(&self.branches, name)
    }
}

/// The mount that has a controller in version 1, below the group that this process is in.
fn version_one(mounts: &str, own: &str, controller: Controller) -> Option<(Version, PathBuf)> {
    let has_it = |text: &str| text.split(',').any(|name| name == controller.name());
    let mount = mounts.lines().filter_map(Mount::read);
    let mount = mount.filter(|mount| mount.kind == "cgroup").find(|mount| has_it(mount.options))?;
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        has_it(names).then_some(path)
    })?;
    let folder = mount.folder(path).join(BRANCH);
    made(&folder).then_some((Version::One, folder))
}

fn version_two(mounts: &str, own: &str, controller: Controller) -> Option<(Version, PathBuf)> {
    let mut kinds = mounts.lines().filter_map(Mount::read);
    let mount = kinds.find(|mount| mount.kind == "cgroup2")?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let own = mount.folder(path);
    let top = PathBuf::from(mount.point);
    // Where this process was put into a group below the one that was given to it, by systemd
    // (`DelegateSubgroup`) or by itself before.
    let given = own.parent().filter(|parent| parent.starts_with(&top));
    let given = given.filter(|parent| delegated::is_delegated(parent));
    let able = |parent: &Path| {
        let folder = parent.join(BRANCH);
        hands_down(parent, controller) && made(&folder) && hands_down(&folder, controller)
    };
    let vacated = |parent: &Path| {
        delegated::is_delegated(parent) && {
            delegated::vacate(parent);
            able(parent)
        }
    };
    let found = if able(&own) || vacated(&own) {
        Some(own.as_path())
    } else {
        given.filter(|given| able(given)).or_else(|| able(&top).then_some(top.as_path()))
    };
    found.map(|parent| (Version::Two, parent.join(BRANCH)))
}

/// Whether the groups in a folder have a controller, which is turned on if it is off.
fn hands_down(folder: &Path, controller: Controller) -> bool {
    let switches = folder.join("cgroup.subtree_control");
    let is_on = || {
        let text = fs::read_to_string(&switches).unwrap_or_default();
        text.split_whitespace().any(|name| name == controller.name())
    };
    // A group that has processes of its own refuses.
    is_on() || fs::write(&switches, format!("+{}", controller.name())).is_ok() && is_on()
}

fn made(folder: &Path) -> bool {
    match fs::create_dir(folder) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
        }
        Err(_) => false,
    }
}

/// A line of `mountinfo`.
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        Some(Self {
            root: left.next()?,
            point: left.next()?,
            kind: right.next()?,
            options: right.nth(1)?,
        })
    }

    /// Where a group is seen, by its path from the topmost one.
    fn folder(&self, path: &str) -> PathBuf {
        let below = Path::new(path).strip_prefix(self.root).unwrap_or(Path::new(path));
        let below = below.strip_prefix("/").unwrap_or(below);
        Path::new(self.point).join(below)
    }
}
