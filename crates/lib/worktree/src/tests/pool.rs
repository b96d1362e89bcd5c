use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::{Ground, git, write};
use crate::{Pool, Tree};

fn ground() -> Ground {
    Ground::new(&[
        ("a", "one\n"),
        ("d/b", "two\n"),
        ("d/e/c", "three\n"),
        (".gitignore", "target/\n*.log\n"),
        ("script", "#!/bin/sh\n"),
    ])
}

fn head(ground: &Ground) -> String {
    ground.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// Panics unless the tree holds its commit and nothing else, as git and as the file system see it.
#[track_caller]
fn assert_clean(ground: &Ground, tree: &Tree) {
    let path = tree.path();
    assert_eq!(git(path, &["status", "--porcelain", "--ignored", "--untracked-files=all"]), "");
    assert_eq!(git(path, &["rev-parse", "HEAD"]).trim(), tree.start());
    assert_eq!(fs::read_to_string(tree.git().git_dir().join("HEAD")).unwrap().trim(), tree.start(), "detached");
    // Capital letters, or anything but H, are flags that hide a file from git.
    for entry in git(path, &["ls-files", "-v", "-f"]).lines() {
        assert!(entry.starts_with("H "), "{entry}");
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o700, 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path() != path.join(".git") {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o600;
                assert!(entry.file_type().unwrap().is_symlink() || mode == 0o600, "{:?}", entry.path());
                found.push(entry.path().strip_prefix(path).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    let mut wanted = ground.names(tree.start());
    wanted.sort();
    assert_eq!(found, wanted);
    for name in wanted {
        let text = fs::read(path.join(&name));
        assert!(
            path.join(&name).is_symlink() || text.unwrap() == ground.show(tree.start(), &name).as_bytes(),
            "{name}"
        );
    }
    let mut kept: Vec<_> =
        fs::read_dir(tree.git().git_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.retain(|name| {
        !["HEAD", "ORIG_HEAD", "commondir", "gitdir", "index", "logs", "refs"].iter().any(|it| name == it)
    });
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn a_tree_holds_the_commit_and_only_one_has_it() {
    let ground = ground();
    ground.write("x.log", "ignored\n");
    let before = ground.state();
    let pool = Pool::open(&ground.open(), "agent", 2).unwrap();
    let one = pool.take(&head(&ground)).unwrap();
    let two = Pool::open(&ground.open(), "agent", 2).unwrap().take(&head(&ground)).unwrap();
    assert_eq!(one.path(), ground.repo().join(".plan/worktrees/agent-1"));
    assert_eq!(two.path(), ground.repo().join(".plan/worktrees/agent-2"));
    assert_clean(&ground, &one);
    assert_clean(&ground, &two);
    let three = pool.take(&head(&ground)).unwrap();
    let third = three.path().to_owned();
    drop(three);
    assert!(!third.exists(), "more than the pool holds do not stay");
    drop(one);
    let again = pool.take(&head(&ground)).unwrap();
    assert_eq!(again.path(), ground.repo().join(".plan/worktrees/agent-1"));
    drop((again, two));
    pool.clear().unwrap();
    assert_eq!(ground.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(ground.state(), before);
}

#[test]
fn readers_share_one() {
    let ground = ground();
    let pool = Pool::open(&ground.open(), "agent", 2).unwrap();
    let one = pool.share(&head(&ground)).unwrap();
    let two = pool.share(&head(&ground)).unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    let path = one.path().to_owned();
    drop((one, two));
    assert_eq!(pool.take(&head(&ground)).unwrap().path(), path);
}

fn fails(tree: &Path, args: &[&str]) {
    let name = ["-c", "user.name=t", "-c", "user.email=t"];
    assert!(!Command::new("git").args(name).args(args).current_dir(tree).output().unwrap().status.success());
}

type Mess = fn(&Ground, &Path);

/// What agents leave behind, by name.
const MESSES: [(&str, Mess); 27] = [
    ("changed and new files", |_, tree| {
        write(&tree.join("a"), "changed");
        write(&tree.join("new/deep/file"), "x");
        fs::remove_file(tree.join("d/b")).unwrap();
    }),
    ("ignored files", |_, tree| {
        write(&tree.join("target/debug/x"), "x");
        write(&tree.join("d/x.log"), "x");
    }),
    ("empty folders", |_, tree| fs::create_dir_all(tree.join("empty/deep")).unwrap()),
    ("staged files", |_, tree| {
        write(&tree.join("staged"), "x");
        git(tree, &["add", "-f", "staged"]);
    }),
    ("own commits", |_, tree| {
        write(&tree.join("a"), "changed");
        git(tree, &["commit", "-qam", "mine"]);
    }),
    ("another branch", |_, tree| {
        git(tree, &["checkout", "-q", "-b", "agents"]);
        write(&tree.join("a"), "changed");
        git(tree, &["commit", "-qam", "mine"]);
    }),
    ("the user's branch", |_, tree| {
        git(tree, &["symbolic-ref", "HEAD", "refs/heads/main"]);
        write(&tree.join("a"), "changed");
    }),
    ("hidden changes", |_, tree| {
        git(tree, &["update-index", "--skip-worktree", "a"]);
        git(tree, &["update-index", "--assume-unchanged", "d/b"]);
        write(&tree.join("a"), "changed");
        write(&tree.join("d/b"), "changed");
    }),
    ("a sparse checkout", |_, tree| {
        git(tree, &["sparse-checkout", "set", "d"]);
    }),
    ("a sparse index", |_, tree| {
        git(tree, &["sparse-checkout", "set", "--cone", "--sparse-index", "d/e"]);
    }),
    ("a merge in progress", |_, tree| {
        git(tree, &["checkout", "-q", "--detach"]);
        write(&tree.join("a"), "mine");
        git(tree, &["commit", "-qam", "mine"]);
        git(tree, &["checkout", "-q", "HEAD^"]);
        write(&tree.join("a"), "theirs");
        git(tree, &["commit", "-qam", "theirs"]);
        fails(tree, &["merge", "HEAD@{2}"]);
    }),
    ("a rebase in progress", |_, tree| {
        write(&tree.join("a"), "mine");
        git(tree, &["commit", "-qam", "mine"]);
        fails(tree, &["rebase", "--exec", "false", "HEAD^"]);
    }),
    ("a bisection", |_, tree| {
        git(tree, &["bisect", "start"]);
    }),
    ("a lock of git", |_, tree| {
        let admin = git(tree, &["rev-parse", "--absolute-git-dir"]);
        for lock in ["index.lock", "HEAD.lock"] {
            fs::write(Path::new(admin.trim()).join(lock), "").unwrap();
        }
    }),
    ("a broken index", |_, tree| {
        let admin = git(tree, &["rev-parse", "--absolute-git-dir"]);
        fs::write(Path::new(admin.trim()).join("index"), "garbage").unwrap();
    }),
    ("a missing index", |_, tree| {
        let admin = git(tree, &["rev-parse", "--absolute-git-dir"]);
        fs::remove_file(Path::new(admin.trim()).join("index")).unwrap();
    }),
    ("closed folders and files", |_, tree| {
        write(&tree.join("target/x"), "x");
        for (path, mode) in [("d/e/c", 0o000), ("a", 0o444), ("target", 0o500), ("d/e", 0o000), ("d", 0o500)] {
            fs::set_permissions(tree.join(path), Permissions::from_mode(mode)).unwrap();
        }
    }),
    ("a changed mode", |_, tree| fs::set_permissions(tree.join("script"), Permissions::from_mode(0o755)).unwrap()),
    ("repositories within", |_, tree| {
        for name in ["nested", "d/nested", "target/nested"] {
            fs::create_dir_all(tree.join(name)).unwrap();
            git(&tree.join(name), &["init", "-q"]);
            write(&tree.join(name).join("file"), "x");
        }
        git(&tree.join("nested"), &["commit", "-q", "--allow-empty", "-m", "x"]);
    }),
    ("a repository instead of the tree", |_, tree| {
        fs::remove_file(tree.join(".git")).unwrap();
        git(tree, &["init", "-q"]);
        git(tree, &["config", "core.fsmonitor", "false"]);
        git(tree, &["add", "-A"]);
    }),
    ("no .git", |_, tree| fs::remove_file(tree.join(".git")).unwrap()),
    ("a .git that leads elsewhere", |ground, tree| {
        fs::write(tree.join(".git"), format!("gitdir: {}\n", ground.repo().join(".git").display())).unwrap();
    }),
    ("links", |ground, tree| {
        write(&ground.top().join("outside/file"), "outside");
        fs::remove_dir_all(tree.join("d")).unwrap();
        symlink(ground.top().join("outside"), tree.join("d")).unwrap();
        symlink(ground.top().join("outside"), tree.join("out")).unwrap();
        fs::remove_file(tree.join("a")).unwrap();
        symlink(ground.top().join("outside/file"), tree.join("a")).unwrap();
    }),
    ("a link instead of the tree", |ground, tree| {
        write(&ground.top().join("outside/file"), "outside");
        fs::remove_dir_all(tree).unwrap();
        symlink(ground.top().join("outside"), tree).unwrap();
    }),
    ("names for the same file", |ground, tree| {
        fs::hard_link(tree.join("a"), ground.top().join("a")).unwrap();
    }),
    ("no tree", |_, tree| fs::remove_dir_all(tree).unwrap()),
    ("pipes and sockets", |_, tree| {
        assert!(Command::new("mkfifo").arg(tree.join("pipe")).status().unwrap().success());
        std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
        let deep = tree.join("x/".repeat(200));
        fs::create_dir_all(&deep).unwrap();
    }),
];

#[test]
fn whatever_was_left_in_a_tree_is_gone_when_it_is_used_again() {
    for (name, mess) in MESSES {
        let ground = ground();
        ground.write("a", "second\n");
        ground.git(&["commit", "-qam", "second"]);
        let before = ground.state();
        let (first, second) = (ground.git(&["rev-parse", "HEAD^"]).trim().to_owned(), head(&ground));
        let pool = Pool::open(&ground.open(), "agent", 1).unwrap();
        let path = pool.take(&first).unwrap().path().to_owned();
        mess(&ground, &path);
        let tree = pool.take(&second).unwrap();
        println!("{name}");
        assert_eq!(tree.path(), path, "{name}");
        assert_clean(&ground, &tree);
        drop(tree);
        // And as if nothing had been, once more.
        let tree = pool.take(&first).unwrap();
        assert_clean(&ground, &tree);
        assert_eq!(ground.state(), before, "{name}");
        assert_eq!(ground.git(&["rev-parse", "main"]).trim(), second, "{name}: the user's branch has moved");
        assert!(!ground.top().join("outside").exists() || ground.top().join("outside/file").exists(), "{name}");
        write(&tree.path().join("a"), "of the next one");
        assert!(fs::read_to_string(ground.top().join("a")).map_or(true, |text| text != "of the next one"), "{name}");
    }
}

#[test]
fn a_populated_submodule_is_emptied_and_its_history_goes() {
    let ground = ground();
    let module = ground.top().join("module");
    fs::create_dir(&module).unwrap();
    git(&module, &["init", "-q", "-b", "main"]);
    write(&module.join("m"), "m");
    git(&module, &["add", "-A"]);
    git(&module, &["commit", "-qm", "m"]);
    ground.git(&["submodule", "--quiet", "add", module.to_str().unwrap(), "sub"]);
    ground.git(&["commit", "-qm", "with a submodule"]);
    let pool = Pool::open(&ground.open(), "agent", 1).unwrap();
    for keeps_dot_git in [true, false] {
        let tree = pool.take(&head(&ground)).unwrap();
        assert_eq!(fs::read_dir(tree.path().join("sub")).unwrap().count(), 0);
        git(tree.path(), &["submodule", "--quiet", "update", "--init"]);
        assert!(tree.path().join("sub/m").exists());
        if !keeps_dot_git {
            fs::remove_file(tree.path().join("sub/.git")).unwrap();
        }
        drop(tree);
    }
    let tree = pool.take(&head(&ground)).unwrap();
    assert_eq!(fs::read_dir(tree.path().join("sub")).unwrap().count(), 0);
    assert!(!tree.git().git_dir().join("modules").exists());
}

#[test]
fn a_tree_that_was_never_finished_is_made_anew() {
    let ground = ground();
    let pool = Pool::open(&ground.open(), "agent", 1).unwrap();
    let (path, admin) = {
        let tree = pool.take(&head(&ground)).unwrap();
        (tree.path().to_owned(), tree.git().git_dir().to_owned())
    };
    // As a kill in the middle of `git worktree add` leaves it: the tree is locked, and not all files are there.
    for left in ["all", "no tree", "no admin", "half an admin"] {
        fs::remove_file(path.with_extension("index")).unwrap();
        fs::write(admin.join("locked"), "initializing").unwrap();
        fs::write(admin.join("index.lock"), "").unwrap();
        let _ = fs::remove_file(path.join("a"));
        match left {
            "no tree" => fs::remove_dir_all(&path).unwrap(),
            "no admin" => fs::remove_dir_all(&admin).unwrap(),
            "half an admin" => fs::remove_file(admin.join("HEAD")).unwrap(),
            _ => {}
        }
        let tree = pool.take(&head(&ground)).unwrap();
        assert_clean(&ground, &tree);
        assert_eq!(ground.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 2, "{left}");
    }
}

#[test]
fn the_users_own_trees_are_left_alone() {
    let ground = ground();
    ground.git(&["worktree", "add", "-q", "--detach", "../agent-1"]);
    ground.git(&["worktree", "add", "-q", "--detach", "../away"]);
    // As on a disk that is not there at the moment.
    fs::rename(ground.top().join("away"), ground.top().join("unplugged")).unwrap();
    let pool = Pool::open(&ground.open(), "agent", 1).unwrap();
    for _ in 0..2 {
        assert_clean(&ground, &pool.take(&head(&ground)).unwrap());
        fs::remove_file(ground.repo().join(".plan/worktrees/agent-1.index")).unwrap();
    }
    pool.clear().unwrap();
    fs::rename(ground.top().join("unplugged"), ground.top().join("away")).unwrap();
    for name in ["agent-1", "away"] {
        assert_eq!(git(&ground.top().join(name), &["status", "--porcelain"]), "");
    }
}

#[test]
fn what_is_kept_is_named_whole_and_not_too_much() {
    let ground = ground();
    let pool = Pool::open(&ground.open(), "agent", 1).unwrap();
    let first = pool.take(&head(&ground)).unwrap();
    let slot = first.path().to_owned();
    write(&first.path().join("x.log"), "why it failed");
    let kept = first.keep("1-1").unwrap();
    assert_eq!(kept, ground.repo().join(".plan/worktrees/kept-1-1"));
    assert_eq!(fs::read_to_string(kept.join("x.log")).unwrap(), "why it failed");
    assert_eq!(git(&kept, &["status", "--porcelain"]), "");
    assert!(!slot.exists());
    assert_clean(&ground, &pool.take(&head(&ground)).unwrap());
    for number in 2..30 {
        pool.take(&head(&ground)).unwrap().keep(&format!("../{number}/x")).unwrap();
    }
    assert_eq!(pool.kept().len(), 20);
    assert!(!kept.exists(), "the oldest goes first");
    pool.take(&head(&ground)).unwrap().keep("again").unwrap();
    pool.take(&head(&ground)).unwrap().keep("again").unwrap();
    assert_eq!(pool.kept().len(), 20);
    assert_eq!(ground.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 21);
}

#[test]
fn somebody_elses_lock_or_link_is_no_way_in() {
    let ground = ground();
    let pool = Pool::open(&ground.open(), "agent", 2).unwrap();
    let folder = ground.repo().join(".plan/worktrees");
    symlink(ground.top().join("victim"), folder.join("agent-1.lock")).unwrap();
    let tree = pool.take(&head(&ground)).unwrap();
    assert!(!ground.top().join("victim").exists());
    assert!(File::open(folder.join("agent-1.lock")).unwrap().try_lock().is_err());
    drop(tree);
    symlink(ground.top(), ground.repo().join(".plan/other")).unwrap();
    assert!(Pool::open(&ground.open(), "../x", 1).unwrap().take(&head(&ground)).unwrap().path().starts_with(&folder));
}

#[test]
fn filters_of_the_user_are_used_and_those_added_later_are_not() {
    let ground = Ground::new(&[("a.x", "one\n"), (".gitattributes", "*.x filter=users\n*.y filter=agents\n")]);
    ground.git(&["config", "filter.users.clean", "tr a-z A-Z"]);
    ground.git(&["config", "filter.users.smudge", "tr A-Z a-z"]);
    let repository = ground.open();
    let pool = Pool::open(&repository, "agent", 1).unwrap();
    let tree = pool.take(&head(&ground)).unwrap();
    let trap = ground.top().join("trap");
    let spring = format!("touch {}; cat", trap.display());
    ground.git(&["config", "filter.agents.clean", &spring]);
    ground.git(&["config", "filter.agents.smudge", &spring]);
    ground.git(&["config", "filter.users.smudge", &spring]);
    fs::write(ground.top().join("more"), format!("[filter \"agents\"]\n\tprocess = {spring}\n")).unwrap();
    ground.git(&["config", "include.path", ground.top().join("more").to_str().unwrap()]);
    write(&tree.path().join("b.x"), "new\n");
    write(&tree.path().join("c.y"), "new\n");
    let commit = tree.commit_all(&head(&ground), "m").unwrap().id;
    assert_eq!((ground.show(&commit, "b.x"), ground.show(&commit, "c.y")), ("NEW\n".into(), "new\n".into()));
    drop(tree);
    let tree = pool.take(&commit).unwrap();
    assert_eq!(fs::read_to_string(tree.path().join("b.x")).unwrap(), "new\n");
    assert!(!trap.exists(), "what was added later was run");
}
