//! One commit per task, and nothing else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::ground::{Ground, lines};
use crate::harness::{Tool, git};

#[test]
fn an_approved_change_becomes_one_commit_of_the_user() {
    let ground = Ground::new(&[("a", "one\n"), ("gone", "x\n"), ("docs/plans/p.md", "# Plan\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n")), ("new/file", Some("new\n")), ("gone", None)]);
    let task = ground.approved("1", &base, &head);
    let plan = json!({"type": "plan", "path": "docs/plans/p.md", "v": 1});
    let run = ground.repo().join("run.jsonl");
    let hook = ground.repo().join(".git/hooks/pre-commit");
    for name in ["pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"] {
        fs::write(hook.with_file_name(name), "#!/bin/sh\ntouch hooked\nexit 1\n").unwrap();
        fs::set_permissions(hook.with_file_name(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let done = ground.landed(&["--run", "run.jsonl"], &[plan, task.clone()]).ended(0);
    let commit = ground.head();
    assert_eq!(done.task("1")["landed"], json!({"status": "merged", "commit": commit}));
    assert_eq!(done.err, "");
    assert_eq!(ground.git(&["rev-list", "--count", "HEAD"]).trim(), "2");
    assert_eq!(
        ground.git(&["log", "-1", "--format=%an <%ae> %cn <%ce>"]).trim(),
        "The User <user@localhost> The User <user@localhost>"
    );
    assert_eq!(
        ground.git(&["log", "-1", "--format=%B"]).trim_end(),
        format!(
            "Title 1\n\n  What 1 is for\n\n  Did it.\n\nPlan: docs/plans/p.md\nTask: 1\nTask-Digest: digest-1\n\
             Diff-Digest: {}\nBackend: codex\nModel: gpt-5.3-codex",
            ground.digest(&base, &head)
        )
    );
    assert_eq!((ground.read("a"), ground.read("new/file")), ("two\n".into(), "new\n".into()));
    assert!(!ground.repo().join("gone").exists() && !ground.repo().join("hooked").exists());
    assert_eq!(ground.git(&["status", "--porcelain"]), "?? run.jsonl\n");
    assert_eq!(ground.git(&["branch", "--list", "plan-and-execute/*"]), "", "the task's branch has done its duty");
    assert_eq!(ground.git(&["reflog", "-1", "--format=%gs"]).trim(), "land");
    let noted: serde_json::Value = serde_json::from_str(&fs::read_to_string(&run).unwrap()).unwrap();
    assert_eq!((&noted["type"], &noted["id"], &noted["commit"]), (&json!("landed"), &json!("1"), &json!(commit)));
    assert_eq!(noted["diff_digest"], task["decisions"][0]["diff_digest"]);
    ground.assert_tidy();

    // Once more, as after a crash: the branch says that it is there.
    let again = ground.landed(&[], std::slice::from_ref(&task)).ended(0);
    assert_eq!(again.task("1")["landed"], json!({"status": "merged", "commit": commit}));
    assert_eq!(ground.head(), commit);

    for name in ["pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"] {
        fs::remove_file(hook.with_file_name(name)).unwrap();
    }
    ground.git(&["revert", "--no-edit", &commit]);
    assert_eq!(ground.git(&["rev-parse", "HEAD^{tree}"]), ground.git(&["rev-parse", &format!("{base}^{{tree}}")]));
    assert_eq!(ground.read("gone"), "x\n");
    // What was undone may land once more.
    let again = ground.landed(&[], &[task]).ended(0);
    assert_eq!(again.task("1")["landed"]["commit"], json!(ground.head()));
    assert_eq!(ground.read("a"), "two\n");
}

#[test]
fn what_the_user_has_elsewhere_stays_as_it_is() {
    let ground = Ground::new(&[
        ("a", "one\n"),
        ("mine", "1\n"),
        ("staged", "1\n"),
        ("both", "1\n"),
        ("removed", "x\n"),
        (".gitignore", "*.log\n"),
    ]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n")), ("d/new", Some("new\n"))]);
    ground.write("mine", "2\n");
    ground.write("staged", "2\n");
    ground.write("both", "2\n");
    ground.git(&["add", "staged", "both"]);
    ground.write("both", "3\n");
    ground.git(&["rm", "-q", "removed"]);
    ground.write("untracked", "mine\n");
    ground.write("d/beside", "mine\n");
    ground.write("x.log", "ignored\n");
    symlink("/nowhere", ground.repo().join("link")).unwrap();
    let before = ground.state();
    let status = ground.git(&["status", "--porcelain=v2", "--ignored", "-uall"]);
    ground.landed(&[], &[ground.approved("1", &base, &head)]).ended(0);
    let theirs = |state: Vec<(String, u32, i64, i64, Vec<u8>)>| {
        let own = |path: &str| ["HEAD", "/repo/a", "/repo/d/new"].iter().any(|name| path.ends_with(name));
        state.into_iter().filter(|entry| !own(&entry.0)).collect::<Vec<_>>()
    };
    assert_eq!(theirs(ground.state()), theirs(before));
    let ignoring = |text: &str| text.replace("! .plan/", "");
    let now = ground.git(&["status", "--porcelain=v2", "--ignored", "-uall"]);
    assert_eq!(
        now.lines().filter(|line| !line.contains(".plan/")).collect::<Vec<_>>(),
        ignoring(&status).lines().collect::<Vec<_>>()
    );
    assert_eq!(ground.git(&["show", "HEAD", "--format=", "--name-only"]), "a\nd/new\n");
    ground.assert_tidy();
}

#[test]
fn work_that_began_with_uncommitted_changes_lands_without_them() {
    let ground = Ground::new(&[("a", "one\n"), ("mine", "1\n")]);
    ground.write("mine", "not committed\n");
    ground.write("fresh", "untracked\n");
    // A commit made aside, as an executor begins with.
    let tree = ground.top().join("aside");
    ground.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    fs::write(tree.join("mine"), "not committed\n").unwrap();
    fs::write(tree.join("fresh"), "untracked\n").unwrap();
    let base = ground.commit_tree(&tree, &ground.head(), "aside");
    ground.git(&["branch", "-D", "aside"]);
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    // Nothing else has landed, so nothing is checked again.
    let done = ground.landed(&["--verify", "false"], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(done.task("1")["landed"]["status"], "merged");
    assert_eq!(ground.git(&["show", "HEAD", "--format=", "--name-only"]), "a\n");
    assert_eq!(ground.git(&["status", "--porcelain"]), " M mine\n?? fresh\n");
    assert_eq!(ground.git(&["rev-list", "--count", "HEAD"]).trim(), "2");
}

#[test]
fn nothing_is_said_of_an_empty_change_and_of_one_that_is_there() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let empty = ground.work("1", &base, &[]);
    let same = ground.work("2", &base, &[("a", Some("two\n"))]);
    ground.write("a", "two\n");
    ground.git(&["commit", "-qam", "the same by hand"]);
    let before = ground.state();
    let done = ground.landed(&[], &[ground.approved("1", &base, &empty), ground.approved("2", &base, &same)]).ended(0);
    for id in ["1", "2"] {
        assert_eq!(done.task(id)["landed"], json!({"status": "nothing"}));
    }
    assert_eq!(ground.state(), before);
    assert_eq!(ground.git(&["branch", "--list", "plan-and-execute/*"]), "");
}

#[test]
fn every_kind_of_change_comes_over() {
    let ground = Ground::new(&[
        ("moved", "a file that moves\n"),
        ("script", "#!/bin/sh\n"),
        ("was-file", "x\n"),
        ("was/folder", "x\n"),
        (".gitattributes", "*.dos text eol=crlf\n"),
        ("end.dos", "one\ntwo\n"),
        ("bin", "\0\u{1}"),
    ]);
    let base = ground.head();
    let tree = ground.top().join("tree");
    ground.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), &base]);
    fs::rename(tree.join("moved"), tree.join("to here")).unwrap();
    fs::set_permissions(tree.join("script"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(tree.join("was-file")).unwrap();
    fs::create_dir(tree.join("was-file")).unwrap();
    fs::write(tree.join("was-file/inside"), "y\n").unwrap();
    fs::remove_dir_all(tree.join("was")).unwrap();
    fs::write(tree.join("was"), "now a file\n").unwrap();
    fs::write(tree.join("end.dos"), "one\r\nthree\r\n").unwrap();
    fs::write(tree.join("bin"), "\0\u{2}").unwrap();
    fs::write(tree.join("new\nline \"quoted\""), "odd\n").unwrap();
    symlink("to here", tree.join("link")).unwrap();
    let head = ground.commit_tree(&tree, &base, "plan-and-execute/p/1/1");
    // Something else is committed meanwhile.
    ground.write("other", "x\n");
    ground.git(&["add", "other"]);
    ground.git(&["commit", "-qm", "other"]);
    ground
        .landed(
            &["--verify", "sed 's/$//' | jq -c '.verdict = {status: \"pass\", checks: []}'"],
            &[ground.approved("1", &base, &head)],
        )
        .ended(0);
    assert_eq!(ground.git(&["status", "--porcelain"]), "");
    assert_eq!(ground.git(&["diff", "--name-only", &head, "HEAD"]), "other\n");
    assert_eq!(ground.read("end.dos"), "one\r\nthree\r\n");
    assert_eq!(ground.read("was"), "now a file\n");
    assert_eq!(fs::read_link(ground.repo().join("link")).unwrap().to_str(), Some("to here"));
    assert_eq!(fs::metadata(ground.repo().join("script")).unwrap().permissions().mode() & 0o777, 0o755);
    ground.assert_tidy();
}

#[test]
fn it_works_from_a_folder_below_and_in_a_linked_tree() {
    let ground = Ground::new(&[("a", "one\n"), ("d/b", "x\n")]);
    let base = ground.head();
    let one = ground.work("1", &base, &[("a", Some("two\n"))]);
    ground.land().folder(&ground.repo().join("d")).input(lines(&[ground.approved("1", &base, &one)])).run().ended(0);
    assert_eq!(ground.read("a"), "two\n");
    let linked = ground.top().join("linked");
    ground.git(&["worktree", "add", "-q", "-b", "other", linked.to_str().unwrap(), &base]);
    ground.land().folder(&linked).input(lines(&[ground.approved("1", &base, &one)])).run().ended(0);
    assert_eq!(fs::read_to_string(linked.join("a")).unwrap(), "two\n");
    assert_eq!(git(&linked, &["status", "--porcelain"]), "");
    assert_eq!(git(&linked, &["log", "--format=%s", "-1", "other"]), "Title 1\n");
}

#[test]
fn a_sparse_tree_stays_sparse() {
    let ground = Ground::new(&[("in/a", "one\n"), ("out/b", "x\n"), ("top", "x\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("in/a", Some("two\n")), ("out/b", Some("y\n")), ("out/c", Some("z\n"))]);
    ground.git(&["sparse-checkout", "set", "--cone", "in"]);
    ground.landed(&[], &[ground.approved("1", &base, &head)]).ended(0);
    assert_eq!(ground.git(&["status", "--porcelain"]), "");
    assert_eq!(ground.git(&["show", "HEAD:out/c"]), "z\n");
    assert!(!ground.repo().join("out").exists());
}

#[test]
fn commits_are_signed_when_the_user_signs() {
    let ground = Ground::new(&[("a", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    ground.git(&["config", "commit.gpgSign", "true"]);
    ground.git(&["config", "gpg.program", "false"]);
    let before = ground.state();
    let done = ground.landed(&[], &[ground.approved("1", &base, &head)]).ended(20);
    assert!(done.err.contains("could not be signed"), "{}", done.err);
    assert_eq!(ground.state(), before);
    let signer = ground.top().join("signer");
    fs::write(&signer, "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\nprintf -- '-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----\\n'\n").unwrap();
    fs::set_permissions(&signer, fs::Permissions::from_mode(0o755)).unwrap();
    ground.git(&["config", "gpg.program", signer.to_str().unwrap()]);
    ground.landed(&[], &[ground.approved("1", &base, &head)]).ended(0);
    assert!(ground.git(&["cat-file", "commit", "HEAD"]).contains("gpgsig -----BEGIN"));
}

#[test]
fn without_merge_tree_of_today_it_lands_all_the_same_or_says_what_is_needed() {
    let ground = Ground::new(&[("a", "one\n"), ("b", "one\n")]);
    let base = ground.head();
    let head = ground.work("1", &base, &[("a", Some("two\n"))]);
    ground.write("b", "two\n");
    ground.git(&["commit", "-qam", "other"]);
    let real =
        String::from_utf8(std::process::Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout)
            .unwrap();
    let old = |refuses: &str| {
        let bin = ground.top().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let script =
            format!("#!/bin/sh\ncase \"$*\" in *merge-tree*{refuses}*) exit 129;; esac\nexec {} \"$@\"\n", real.trim());
        fs::write(bin.join("git"), script).unwrap();
        fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
    };
    let run = |path: String| {
        let verify = "jq -c '.verdict = {status: \"pass\", checks: []}'";
        Tool::ours("land")
            .args(&["--verify", verify])
            .env("PATH", path)
            .folder(&ground.repo())
            .input(lines(&[ground.approved("1", &base, &head)]))
            .run()
    };
    let done = run(old("--write-tree")).ended(1);
    assert!(done.err.contains("git 2.38 or later is needed"), "{}", done.err);
    run(old("--merge-base")).ended(0);
    assert_eq!((ground.read("a"), ground.read("b")), ("two\n".into(), "two\n".into()));
}
