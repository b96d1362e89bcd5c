//! Where the CLI keeps its conversations: `projects/FOLDER/SESSION.jsonl` in its own folder, where FOLDER stands for the
//! folder that it was started in. From another folder it finds a conversation only by the path of that file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::home_dir;

/// The folder with the conversations.
pub(super) fn folder() -> Option<PathBuf> {
    let home = match std::env::var_os("CLAUDE_CONFIG_DIR") {
        Some(home) if !home.is_empty() => PathBuf::from(home),
        _ => home_dir().ok()?.join(".claude"),
    };
    Some(home.join("projects"))
}

/// The file of a conversation.
pub(super) fn find(projects: &Path, session: &str) -> Option<PathBuf> {
    let file = format!("{session}.jsonl");
    let folders = fs::read_dir(projects).ok()?.flatten();
    folders.map(|folder| folder.path().join(&file)).find(|path| path.is_file())
}

/// What to call a conversation when it is continued in `folder`.
pub(super) fn name(projects: &Path, session: &str, folder: &Path) -> OsString {
    let here = folder.to_string_lossy();
    let here: String = here.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    match find(projects, session) {
        Some(path) if !path.parent().is_some_and(|parent| parent.ends_with(&here)) => path.into(),
        _ => session.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_of_another_folder_goes_by_its_path() {
        let projects = tempfile::tempdir().unwrap();
        let project = projects.path().join("-a-b-c");
        fs::create_dir(&project).unwrap();
        let file = project.join("s-1.jsonl");
        fs::write(&file, "").unwrap();
        assert_eq!(find(projects.path(), "s-1").as_deref(), Some(file.as_path()));
        assert_eq!(find(projects.path(), "s-2"), None);
        assert_eq!(name(projects.path(), "s-1", Path::new("/a/b.c")), "s-1");
        assert_eq!(name(projects.path(), "s-1", Path::new("/a/d")), file.into_os_string());
        assert_eq!(name(projects.path(), "s-2", Path::new("/a/d")), "s-2");
    }
}
