//! Where a run keeps what it leaves behind.

use std::path::{Path, PathBuf};

use crate::exclude::{exclude, is_git};
use crate::folder::{Folder, PlaceError};
use crate::logs::Logs;
use crate::name::plan_name;

/// The tree that a folder belongs to, and the `.plan/` at its root.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Places {
    root: PathBuf,
    repository: bool,
}

impl Places {
    /// The places of the tree that `folder` is in: the next folder upwards that has a `.git`, or else `folder`
    /// itself. Nothing is written.
    pub fn of(folder: &Path) -> Result<Self, PlaceError> {
        let folder = folder.canonicalize().map_err(|error| PlaceError::new(folder, error))?;
        let root = folder.ancestors().find(|above| is_git(&above.join(".git")));
        Ok(Self { repository: root.is_some(), root: root.unwrap_or(&folder).to_owned() })
    }

    /// The top of the tree, absolute and without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether git looks after the tree.
    pub fn is_repository(&self) -> bool {
        self.repository
    }

    /// `.plan/`, whether it is there or not.
    pub fn private(&self) -> PathBuf {
        self.root.join(".plan")
    }

    /// `.plan/NAME/` of a plan, made if it is not there; `plan` is the `path` of the plan line.
    pub fn run(&self, plan: Option<&str>) -> Result<PathBuf, PlaceError> {
        Ok(self.open()?.child(&plan_name(plan))?.path().to_owned())
    }

    /// `.plan/NAME/logs/` of a plan, made if it is not there; `plan` is the `path` of the plan line.
    pub fn logs(&self, plan: Option<&str>) -> Result<Logs, PlaceError> {
        Ok(Logs::new(self.open()?.child(&plan_name(plan))?.child("logs")?))
    }

    /// Makes the folder of a run file where that is to be inside a `.plan/`. Any other folder is the user's own, and a
    /// missing one is more likely a mistake in its name.
    pub fn make_for(run: &Path) -> Result<(), PlaceError> {
        let Some(folder) = run.parent().filter(|folder| !folder.is_dir()) else { return Ok(()) };
        let parts: Vec<_> = folder.components().collect();
        let Some(at) = parts.iter().rposition(|part| part.as_os_str() == ".plan") else { return Ok(()) };
        let above: PathBuf = parts[..at].iter().collect();
        let above = if at == 0 { Path::new(".") } else { &above };
        let repository = is_git(&above.join(".git"));
        let mut open = Self { root: above.to_owned(), repository }.open()?;
        for part in &parts[at + 1..] {
            let name = part.as_os_str().to_str();
            open = open.child(name.ok_or_else(|| PlaceError::new(folder, std::io::ErrorKind::InvalidFilename))?)?;
        }
        Ok(())
    }

    /// `.plan/worktrees/`, made if it is not there.
    pub fn worktrees(&self) -> Result<Folder, PlaceError> {
        self.open()?.child("worktrees")
    }

    /// `.plan/baseline/`, made if it is not there: what is known of commands on commits from before the work.
    pub fn baseline(&self) -> Result<Folder, PlaceError> {
        self.open()?.child("baseline")
    }

    /// `.plan/`, made if it is not there and hidden from git.
    pub(crate) fn open(&self) -> Result<Folder, PlaceError> {
        let folder = Folder::open(&self.root)?.child(".plan")?;
        if self.repository {
            // If it cannot be hidden, it merely shows up as untracked.
            let _ = exclude(&self.root.join(".git"));
        }
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn git(folder: &Path, args: &[&str]) {
        let done = Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.templateDir="])
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn the_root_is_that_of_the_repository_or_the_folder_itself() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let deep = top.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let plain = Places::of(&deep).unwrap();
        assert_eq!((plain.root(), plain.is_repository()), (deep.as_path(), false));
        fs::create_dir(deep.join(".git")).unwrap();
        assert!(!Places::of(&deep).unwrap().is_repository(), "an empty .git is none");
        git(&top, &["init", "-q"]);
        let found = Places::of(&deep).unwrap();
        assert_eq!((found.root(), found.is_repository()), (top.as_path(), true));
        assert!(Places::of(&top.join("missing")).is_err());
    }

    #[test]
    fn git_does_not_see_it_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        git(&top, &["init", "-q"]);
        git(&top, &["commit", "-q", "--allow-empty", "-m", "x"]);
        fs::create_dir_all(top.join(".git/info")).unwrap();
        fs::write(top.join(".git/info/exclude"), "no line end").unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let places = Places::of(&top).unwrap();
                std::thread::spawn(move || places.logs(Some("docs/p.md")).map(|logs| logs.path().to_owned()).unwrap())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), top.join(".plan/p/logs"));
        }
        assert_eq!(fs::read_to_string(top.join(".git/info/exclude")).unwrap(), "no line end\n/.plan/\n");

        // In a worktree the line belongs into the folder that all worktrees share.
        fs::write(top.join(".git/info/exclude"), "").unwrap();
        git(&top, &["worktree", "add", "-q", "--detach", "other"]);
        let other = Places::of(&top.join("other")).unwrap();
        assert_eq!(other.root(), top.join("other"));
        fs::write(other.run(None).unwrap().join("x"), "").unwrap();
        assert_eq!(fs::read_to_string(top.join(".git/info/exclude")).unwrap(), "/.plan/\n");
        let status = Command::new("git").current_dir(other.root()).args(["status", "--porcelain"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&status.stdout), "");
    }

    #[test]
    fn the_folder_of_a_run_file_is_made_inside_a_plan_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        Places::make_for(&top.join(".plan/one/run.jsonl")).unwrap();
        assert!(top.join(".plan/one").is_dir());
        Places::make_for(&top.join("missing/run.jsonl")).unwrap();
        assert!(!top.join("missing").exists());
        assert!(Places::make_for(&top.join("missing/.plan/one/run.jsonl")).is_err());
    }

    #[test]
    fn a_link_out_of_the_tree_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, elsewhere) = (folder.path().join("tree"), folder.path().join("elsewhere"));
        fs::create_dir(&tree).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, tree.join(".plan")).unwrap();
        let places = Places::of(&tree).unwrap();
        let error = places.logs(None).unwrap_err().to_string();
        assert!(error.contains(".plan: is a symbolic link"), "{error}");
        fs::remove_file(tree.join(".plan")).unwrap();
        fs::create_dir(tree.join(".plan")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, tree.join(".plan/plan")).unwrap();
        assert!(places.logs(None).is_err());
        assert!(places.worktrees().is_ok());
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}
