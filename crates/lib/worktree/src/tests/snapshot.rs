use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{Ground, git};
use crate::{Error, Repository};

fn snapshot(ground: &Ground) -> String {
    let before = ground.state();
    let snapshot = ground.open().snapshot().unwrap();
    assert_eq!(ground.state(), before, "the user's tree or index has changed");
    let left: Vec<_> = fs::read_dir(ground.repo().join(".plan/worktrees")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(snapshot.head, ground.git(&["rev-parse", "HEAD"]).trim());
    snapshot.commit
}

#[test]
fn a_clean_tree_is_its_last_commit() {
    let ground = Ground::new(&[("a", "one\n"), ("d/b", "two\n"), (".gitignore", "*.log\n")]);
    ground.write("x.log", "ignored\n");
    ground.write(".plan/p/run.jsonl", "{}\n");
    let head = ground.git(&["rev-parse", "HEAD"]);
    assert_eq!(snapshot(&ground), head.trim());
    // Touched, not changed.
    let file = fs::File::options().append(true).open(ground.repo().join("a")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(snapshot(&ground), head.trim());
}

#[test]
fn all_that_the_user_has_changed_is_in_it() {
    let ground = Ground::new(&[
        ("staged", "1\n"),
        ("both", "1\n"),
        ("unstaged", "1\n"),
        ("deleted", "1\n"),
        ("removed", "1\n"),
        ("old", "moved by its user\n"),
        ("script", "#!/bin/sh\n"),
        ("was-file", "1\n"),
        (".gitignore", "*.log\n"),
    ]);
    let repo = ground.repo();
    for (path, text) in [("staged", "2\n"), ("both", "2\n")] {
        ground.write(path, text);
        ground.git(&["add", path]);
    }
    ground.write("both", "3\n");
    ground.write("unstaged", "2\n");
    fs::remove_file(repo.join("deleted")).unwrap();
    ground.git(&["rm", "-q", "removed"]);
    ground.git(&["mv", "old", "new"]);
    fs::set_permissions(repo.join("script"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(repo.join("was-file")).unwrap();
    symlink("/etc/passwd", repo.join("was-file")).unwrap();
    ground.write("untracked/deep/file", "1\n");
    ground.write("x.log", "ignored\n");
    ground.write(".plan/p/run.jsonl", "{}\n");
    let odd = [&b"new\nline"[..], b"quo\"te'", b"sp ace", b"\xff\xfe", b":(top)magic", b"-dash", b"tab\t", b"*glob?"];
    for name in odd {
        fs::write(repo.join(OsStr::from_bytes(name)), name).unwrap();
    }
    ground.write("intended", "1\n");
    ground.git(&["add", "-N", "intended"]);

    let commit = snapshot(&ground);
    assert_eq!(ground.git(&["rev-parse", &format!("{commit}^@")]), ground.git(&["rev-parse", "HEAD"]));
    for (path, text) in [("staged", "2\n"), ("both", "3\n"), ("unstaged", "2\n"), ("new", "moved by its user\n")] {
        assert_eq!(ground.show(&commit, path), text, "{path}");
    }
    let files = ground.files(&commit);
    let mode = |name: &str| {
        let found = files.iter().find(|entry| entry.ends_with(&format!("\t{name}")));
        found.unwrap_or_else(|| panic!("{name} in {files:?}")).split(' ').next().unwrap().to_owned()
    };
    assert_eq!((mode("script"), mode("was-file"), mode("staged")), ("100755".into(), "120000".into(), "100644".into()));
    assert_eq!(ground.show(&commit, "was-file"), "/etc/passwd");
    for gone in ["deleted", "removed", "old", "x.log", ".plan/p/run.jsonl"] {
        assert!(!ground.names(&commit).contains(&gone.to_owned()), "{gone}");
    }
    assert_eq!(ground.show(&commit, "intended"), "1\n");
    assert_eq!(ground.show(&commit, "untracked/deep/file"), "1\n");
    assert_eq!(files.len(), 7 + odd.len() + 2, "{files:?}");
    // The same state is the same commit.
    assert_eq!(snapshot(&ground), commit);
}

#[test]
fn a_change_within_the_moment_of_the_last_staging_is_seen() {
    let ground = Ground::new(&[("a", "one\n")]);
    // Many at once, so that some fall into the same tick of the clock as the index.
    for number in 0..30 {
        ground.write("a", &format!("{number:04}\n"));
        ground.git(&["add", "a"]);
        ground.write("a", &format!("{:04}\n", number + 1));
        let commit = ground.open().snapshot().unwrap().commit;
        assert_eq!(ground.show(&commit, "a"), format!("{:04}\n", number + 1));
    }
}

#[test]
fn line_ends_are_kept_as_the_user_has_them() {
    let ground = Ground::new(&[("a", "one\ntwo\n"), (".gitattributes", "*.dos text eol=crlf\n"), ("b.dos", "x\r\n")]);
    ground.git(&["config", "core.autocrlf", "true"]);
    ground.write("a", "one\r\ntwo\r\n");
    let head = ground.git(&["rev-parse", "HEAD"]);
    assert_eq!(snapshot(&ground), head.trim(), "only the line ends differ, which git does not count");
    ground.write("a", "one\r\nthree\r\n");
    ground.write("b.dos", "y\r\n");
    let commit = snapshot(&ground);
    assert_eq!((ground.show(&commit, "a"), ground.show(&commit, "b.dos")), ("one\nthree\n".into(), "y\n".into()));
}

#[test]
fn a_submodule_is_the_commit_it_is_at() {
    let ground = Ground::new(&[("a", "one\n")]);
    let module = ground.top().join("module");
    fs::create_dir(&module).unwrap();
    git(&module, &["init", "-q", "-b", "main"]);
    git(&module, &["commit", "-q", "--allow-empty", "-m", "m"]);
    ground.git(&["submodule", "--quiet", "add", module.to_str().unwrap(), "sub"]);
    ground.git(&["commit", "-qm", "with a submodule"]);
    let head = ground.git(&["rev-parse", "HEAD"]);
    ground.write("sub/dirt", "not part of this repository\n");
    assert_eq!(snapshot(&ground), head.trim());
    git(&ground.repo().join("sub"), &["commit", "-q", "--allow-empty", "-m", "n"]);
    let commit = snapshot(&ground);
    let moved = git(&ground.repo().join("sub"), &["rev-parse", "HEAD"]);
    let entry = format!("160000 commit {}\tsub", moved.trim());
    assert!(ground.files(&commit).contains(&entry), "{:?}", ground.files(&commit));
}

#[test]
fn repositories_of_the_user_inside_are_left_out() {
    let ground = Ground::new(&[("a", "one\n")]);
    for name in ["with-commit", "without"] {
        fs::create_dir_all(ground.repo().join(name)).unwrap();
        git(&ground.repo().join(name), &["init", "-q"]);
        ground.write(&format!("{name}/file"), "x\n");
    }
    git(&ground.repo().join("with-commit"), &["commit", "-q", "--allow-empty", "-m", "x"]);
    assert_eq!(snapshot(&ground), ground.git(&["rev-parse", "HEAD"]).trim());
    ground.write("a", "two\n");
    assert_eq!(ground.names(&snapshot(&ground)), ["a"]);
}

#[test]
fn files_that_a_sparse_tree_leaves_out_are_not_deleted() {
    for more in [&[][..], &["--sparse-index"]] {
        let ground = Ground::new(&[("in/a", "one\n"), ("out/b", "two\n"), ("top", "three\n")]);
        ground.git(&[&["sparse-checkout", "set", "--cone"][..], more, &["in"]].concat());
        assert!(!ground.repo().join("out").exists());
        ground.write("in/a", "changed\n");
        ground.write("out/new", "outside\n");
        let commit = snapshot(&ground);
        assert_eq!(ground.names(&commit), ["in/a", "out/b", "out/new", "top"]);
        assert_eq!(ground.show(&commit, "in/a"), "changed\n");
    }
}

#[test]
fn files_that_the_user_hides_from_git_stay_hidden() {
    let ground = Ground::new(&[("a", "one\n"), ("b", "one\n")]);
    ground.git(&["update-index", "--skip-worktree", "a"]);
    ground.git(&["update-index", "--assume-unchanged", "b"]);
    ground.write("a", "my own\n");
    ground.write("b", "my own\n");
    assert_eq!(snapshot(&ground), ground.git(&["rev-parse", "HEAD"]).trim());
}

#[test]
fn it_works_in_a_linked_tree_and_in_a_folder_below() {
    let ground = Ground::new(&[("a", "one\n"), ("d/b", "two\n")]);
    ground.git(&["worktree", "add", "-q", "-b", "other", "../linked"]);
    let linked = ground.top().join("linked");
    fs::write(linked.join("a"), "changed\n").unwrap();
    let repository = Repository::open(&linked.join("d")).unwrap();
    assert_eq!(repository.top(), linked);
    assert_eq!(repository.common_dir(), ground.repo().join(".git"));
    let commit = repository.snapshot().unwrap().commit;
    assert_eq!(ground.show(&commit, "a"), "changed\n");
    assert_eq!(ground.open().snapshot().unwrap().commit, ground.git(&["rev-parse", "HEAD"]).trim());
}

#[test]
fn where_there_is_nothing_to_start_from_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let said = |name: &str| {
        let error = Repository::open(&top.join(name)).and_then(|found| found.snapshot()).unwrap_err();
        (error.to_string(), error)
    };
    for name in ["none", "bare", "unborn"] {
        fs::create_dir(top.join(name)).unwrap();
    }
    git(&top.join("bare"), &["init", "-q", "--bare"]);
    git(&top.join("unborn"), &["init", "-q"]);
    fs::write(top.join("unborn/file"), "x").unwrap();
    assert!(matches!(said("none").1, Error::NoRepository { .. }), "{}", said("none").0);
    assert!(said("bare").0.contains("is a bare repository: clone it"), "{}", said("bare").0);
    assert!(said("unborn").0.contains("has no commit yet"), "{}", said("unborn").0);
}

#[test]
fn unresolved_conflicts_are_named() {
    let ground = Ground::new(&[("a b", "one\n")]);
    ground.git(&["checkout", "-q", "-b", "other"]);
    ground.write("a b", "two\n");
    ground.git(&["commit", "-qam", "two"]);
    ground.git(&["checkout", "-q", "main"]);
    ground.write("a b", "three\n");
    ground.git(&["commit", "-qam", "three"]);
    let merge = std::process::Command::new("git").args(["merge", "-q", "other"]).current_dir(ground.repo()).output();
    assert!(!merge.unwrap().status.success());
    let error = ground.open().snapshot().unwrap_err().to_string();
    assert!(error.contains("unresolved conflicts in a b"), "{error}");
}

#[test]
fn variables_of_git_lead_nowhere_else() {
    // They are set for a child, as they cannot be set for one test alone.
    if let Some(repo) = std::env::var_os("GROUND") {
        let snapshot = Repository::open(repo.as_ref()).unwrap().snapshot().unwrap();
        assert_ne!(snapshot.commit, snapshot.head);
        return;
    }
    let ground = Ground::new(&[("a", "one\n")]);
    ground.write("a", "two\n");
    let before = ground.state();
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::snapshot::variables_of_git_lead_nowhere_else"])
        .envs([("GIT_DIR", "/nonexistent"), ("GIT_INDEX_FILE", "/nonexistent"), ("GIT_WORK_TREE", "/")])
        .envs([("GIT_CONFIG_COUNT", "x"), ("GIT_OBJECT_DIRECTORY", "/nonexistent"), ("GIT_NAMESPACE", "x")])
        .env("GROUND", ground.repo())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(ground.state(), before);
}

#[test]
fn nothing_that_the_repository_names_is_run() {
    let ground = Ground::new(&[("a", "one\n")]);
    let trap = ground.top().join("trap");
    let spring = format!("touch {}; true", trap.display());
    let hook = ground.repo().join(".git/hooks/post-index-change");
    super::write(&hook, &format!("#!/bin/sh\n{spring}\n"));
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    ground.git(&["config", "core.fsmonitor", &spring]);
    ground.write("a", "two\n");
    ground.open().snapshot().unwrap();
    assert!(!trap.exists());
}
