//! Paths of files in a workspace, as clients write them.

use mainstay_core::port::WORKSPACE;

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_096;

/// The absolute path below the workspace that a client means: absolute below it already, or relative to
/// it. What is wrong with it otherwise.
pub(super) fn workspace_path(asked: &str) -> Result<String, &'static str> {
    if asked.len() > MAX_PATH_BYTES || asked.contains('\0') {
        return Err("is no path");
    }
    let below = match asked.strip_prefix(WORKSPACE) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ if asked.starts_with('/') => return Err("is not below /workspace"),
        _ => asked,
    };
    let parts: Vec<&str> =
        below.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("has \"..\" in it");
    }
    if parts.is_empty() {
        return Err("names the workspace itself");
    }
    Ok(format!("{WORKSPACE}/{}", parts.join("/")))
}

/// The folder that a client means; the workspace when it names none.
pub(super) fn workspace_folder(asked: Option<&str>) -> Result<String, &'static str> {
    match asked.map(|path| path.trim_end_matches('/')) {
        None | Some("" | WORKSPACE) => Ok(WORKSPACE.to_owned()),
        Some(path) => workspace_path(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_workspace() {
        let cases = [
            ("a.txt", Ok("/workspace/a.txt")),
            ("/workspace/a/b", Ok("/workspace/a/b")),
            ("./a//b/.", Ok("/workspace/a/b")),
            ("a/../b", Err("has \"..\" in it")),
            ("/workspace/../etc/passwd", Err("has \"..\" in it")),
            ("/workspace2/a", Err("is not below /workspace")),
            ("/etc/passwd", Err("is not below /workspace")),
            ("/workspace", Err("names the workspace itself")),
            ("a\0b", Err("is no path")),
        ];
        for (asked, expected) in cases {
            assert_eq!(workspace_path(asked), expected.map(str::to_owned), "{asked:?}");
        }
        assert_eq!(workspace_folder(None), Ok("/workspace".to_owned()));
        assert_eq!(workspace_folder(Some("/workspace/")), Ok("/workspace".to_owned()));
        assert_eq!(workspace_folder(Some("/workspace/a/")), Ok("/workspace/a".to_owned()));
    }
}
