use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Ground, git, write};
use crate::{Pool, Tree, branch_name};

fn ground() -> Ground {
    Ground::new(&[
        ("a", "one\n"),
        ("d/b", "two\n"),
        ("gone", "x\n"),
        ("old", "to be moved\n"),
        (".gitignore", "*.log\n"),
    ])
}

fn take(ground: &Ground) -> Tree {
    let repository = ground.open();
    let start = repository.head().unwrap();
    Pool::open(&repository, "agent", 1).unwrap().take(&start).unwrap()
}

#[test]
fn all_that_was_left_is_one_commit_on_the_base() {
    let ground = ground();
    let tree = take(&ground);
    let path = tree.path();
    write(&path.join("a"), "changed\n");
    write(&path.join("new/file"), "new\n");
    write(&path.join("x.log"), "ignored\n");
    write(&path.join(".plan/x"), "not ours\n");
    fs::remove_file(path.join("gone")).unwrap();
    fs::rename(path.join("old"), path.join("moved")).unwrap();
    symlink("/etc/passwd", path.join("link")).unwrap();
    fs::set_permissions(path.join("d/b"), Permissions::from_mode(0o755)).unwrap();
    let commit = tree.commit_all(tree.start(), "Title\n\nText").unwrap();
    let mut changed: Vec<_> = commit.changed.iter().map(|path| path.display().to_string()).collect();
    changed.sort();
    assert_eq!(changed, ["a", "d/b", "gone", "link", "moved", "new/file", "old"]);
    assert_eq!(
        ground.git(&["rev-list", "--parents", "-1", &commit.id]).trim(),
        format!("{} {}", commit.id, tree.start())
    );
    assert_eq!(ground.git(&["log", "-1", "--format=%B", &commit.id]).trim(), "Title\n\nText");
    assert_eq!(ground.names(&commit.id), [".gitignore", "a", "d/b", "link", "moved", "new/file"]);
    assert_eq!(git(path, &["rev-parse", "HEAD"]).trim(), commit.id);
    assert_eq!(git(path, &["status", "--porcelain"]), "");
    // The same again is the same commit.
    assert_eq!(tree.commit_all(tree.start(), "Title\n\nText").unwrap(), commit);
    write(&path.join("a"), "changed once more\n");
    let other = tree.commit_all(tree.start(), "Title").unwrap();
    assert_eq!(ground.show(&other.id, "a"), "changed once more\n");
}

#[test]
fn nothing_changed_is_an_empty_commit() {
    let ground = ground();
    let tree = take(&ground);
    let commit = tree.commit_all(tree.start(), "m").unwrap();
    assert_eq!(ground.git(&["rev-parse", &format!("{}^", commit.id)]).trim(), tree.start());
    assert!(commit.changed.is_empty());
}

#[test]
fn work_that_is_continued_still_has_the_old_base() {
    let ground = ground();
    let tree = take(&ground);
    let base = tree.start().to_owned();
    write(&tree.path().join("a"), "first try\n");
    let failed = tree.commit_all(&base, "m").unwrap().id;
    drop(tree);
    let tree = Pool::open(&ground.open(), "agent", 1).unwrap().take(&failed).unwrap();
    write(&tree.path().join("d/b"), "second try\n");
    let commit = tree.commit_all(&base, "m").unwrap();
    assert_eq!(ground.git(&["rev-parse", &format!("{}^", commit.id)]).trim(), base);
    assert_eq!(commit.changed, [Path::new("a"), Path::new("d/b")]);
}

#[test]
fn nothing_that_was_done_to_git_hides_or_adds_anything() {
    type Trick = fn(&Ground, &Path);
    let tricks: [(&str, Trick); 10] = [
        ("hidden", |_, tree| {
            git(tree, &["update-index", "--assume-unchanged", "a"]);
            git(tree, &["update-index", "--skip-worktree", "d/b"]);
        }),
        ("committed", |_, tree| {
            git(tree, &["add", "-A"]);
            git(tree, &["commit", "-qm", "mine"]);
        }),
        ("on a branch", |_, tree| {
            git(tree, &["checkout", "-q", "-b", "agents"]);
            git(tree, &["commit", "-qam", "mine"]);
        }),
        ("on the user's branch", |_, tree| {
            git(tree, &["symbolic-ref", "HEAD", "refs/heads/main"]);
        }),
        ("history rewritten", |_, tree| {
            git(tree, &["checkout", "-q", "--orphan", "other"]);
            git(tree, &["commit", "-qam", "root"]);
        }),
        ("sparse", |_, tree| {
            git(tree, &["sparse-checkout", "set", "--no-cone", "/*"]);
        }),
        ("another repository", |_, tree| {
            fs::remove_file(tree.join(".git")).unwrap();
            git(tree, &["init", "-q"]);
        }),
        ("stale locks", |_, tree| {
            let admin = git(tree, &["rev-parse", "--absolute-git-dir"]);
            for lock in ["index.lock", "HEAD.lock"] {
                fs::write(Path::new(admin.trim()).join(lock), "").unwrap();
            }
        }),
        ("broken index", |_, tree| {
            let admin = git(tree, &["rev-parse", "--absolute-git-dir"]);
            fs::write(Path::new(admin.trim()).join("index"), "garbage").unwrap();
        }),
        ("closed files", |_, tree| {
            fs::set_permissions(tree.join("d/b"), Permissions::from_mode(0o000)).unwrap();
            fs::set_permissions(tree.join("d"), Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for (name, trick) in tricks {
        let ground = ground();
        let main = ground.git(&["rev-parse", "main"]);
        let tree = take(&ground);
        write(&tree.path().join("a"), "changed\n");
        write(&tree.path().join("d/b"), "changed\n");
        write(&tree.path().join("new"), "new\n");
        trick(&ground, tree.path());
        let commit = tree.commit_all(tree.start(), "m").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(commit.changed, ["a", "d/b", "new"].map(PathBuf::from), "{name}");
        assert_eq!(ground.git(&["rev-parse", &format!("{}^@", commit.id)]).trim(), tree.start(), "{name}");
        assert_eq!(ground.git(&["rev-parse", "main"]), main, "{name}");
        assert!(commit.nested.is_empty(), "{name}");
    }
}

#[test]
fn repositories_within_become_files() {
    let ground = ground();
    let tree = take(&ground);
    for name in ["with-commit", "d/without"] {
        fs::create_dir_all(tree.path().join(name)).unwrap();
        git(&tree.path().join(name), &["init", "-q"]);
        write(&tree.path().join(name).join("file"), "x\n");
        let commit = tree.commit_all(tree.start(), "m").unwrap();
        assert_eq!(commit.nested, [PathBuf::from(name)]);
    }
    git(&tree.path().join("with-commit"), &["init", "-q"]);
    git(&tree.path().join("with-commit"), &["add", "-A"]);
    git(&tree.path().join("with-commit"), &["commit", "-q", "-m", "x"]);
    let commit = tree.commit_all(tree.start(), "m").unwrap();
    assert_eq!(commit.changed, ["d/without/file", "with-commit/file"].map(PathBuf::from));
}

#[test]
fn a_tree_that_is_gone_is_told() {
    let ground = ground();
    for with_link in [false, true] {
        let tree = take(&ground);
        fs::remove_dir_all(tree.path()).unwrap();
        if with_link {
            symlink(ground.repo(), tree.path()).unwrap();
        }
        let error = tree.commit_all(tree.start(), "m").unwrap_err().to_string();
        assert!(error.contains("agent-1: the tree is gone, or something else is in its place"), "{error}");
    }
}

#[test]
fn branches_are_set_and_removed_only_where_they_are_known() {
    let ground = ground();
    let repository = ground.open();
    let head = repository.head().unwrap();
    let name = branch_name(Some("docs/plans/p.md"), "2.1", 3);
    assert_eq!(name, "plan-and-execute/p/2.1/3");
    repository.set_branch(&name, &head).unwrap();
    assert_eq!(repository.commit(&name).unwrap().as_deref(), Some(head.as_str()));
    repository.remove_branch(&name, &"0".repeat(40)).unwrap();
    assert!(repository.commit(&name).unwrap().is_some());
    repository.remove_branch(&name, &head).unwrap();
    repository.remove_branch(&name, &head).unwrap();
    assert!(repository.commit(&name).unwrap().is_none());
    assert!(repository.commit("--help").unwrap().is_none());
}

proptest! {
    #[test]
    fn every_name_of_a_branch_is_one(plan in ".{0,20}", task in "(\\PC|\\.|\\.lock|@\\{|/|\n){0,10}", attempt in 0_u64..1000) {
        let name = branch_name(Some(&plan), &task, attempt);
        let git = std::process::Command::new("git").args(["check-ref-format", "--branch", &name]).output().unwrap();
        prop_assert!(git.status.success(), "{name:?}");
        prop_assert_eq!(name.matches('/').count(), 3);
    }
}
