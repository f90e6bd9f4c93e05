//! Folders and links made, and anything removed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

use mainstay_guest::{Answer, Problem, Reply};

use super::{checked, refused};

pub(crate) fn remove(path: &str) -> Reply {
    let attempt = |error| refused("remove", path, error);
    match fs::symlink_metadata(checked(path)?) {
        // The library enters no link on its way down.
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).map_err(attempt)?,
        Ok(_) => fs::remove_file(path).map_err(attempt)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(attempt(error)),
    }
    Ok(Answer::Done)
}

pub(crate) fn make_folder(path: &str, mode: u32) -> Reply {
    let attempt = |error| refused("make the folder", path, error);
    let mode = mode & 0o7777;
    fs::DirBuilder::new().recursive(true).mode(0o755).create(checked(path)?).map_err(attempt)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(attempt)?;
    Ok(Answer::Done)
}

pub(crate) fn make_link(path: &str, target: &str) -> Reply {
    let attempt = |error| refused("make the link", path, error);
    if target.is_empty() || target.contains('\0') {
        return Err(Problem::Invalid(format!("the link `{path}` points to nothing")));
    }
    if let Some(folder) = Path::new(checked(path)?).parent() {
        fs::create_dir_all(folder).map_err(attempt)?;
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_dir() => fs::remove_file(path).map_err(attempt)?,
        _ => {}
    }
    symlink(target, path).map_err(attempt)?;
    Ok(Answer::Done)
}
