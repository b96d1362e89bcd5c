//! What makes a verdict.

use serde_json::{Value, json};

use crate::tree::{Tree, task, task_with};

fn done(commands: &Value, done: &Value) -> String {
    let line = json!({"type":"task","id":"1","commands":commands,"done":done,"result":{"status":"ok","changed":["a"]}});
    format!("{line}\n")
}

fn outcome(input: &str) -> (Value, Option<i32>) {
    let ran = Tree::new().run(&["--sandbox", "none"], input);
    (ran.verdict(), ran.code)
}

#[test]
fn all_must_pass() {
    let (verdict, code) = outcome(&task("1", &["true", "exit 0"]));
    assert_eq!((&verdict["status"], code), (&json!("pass"), Some(0)));
    assert_eq!(verdict["checks"][1]["exit"], 0);
    assert_eq!(verdict["checks"][1]["name"], "exit 0");
    let (verdict, code) = outcome(&task("1", &["exit 3", "true"]));
    assert_eq!((&verdict["status"], code), (&json!("fail"), Some(1)));
    let checks: Vec<_> = verdict["checks"].as_array().unwrap().iter().map(|it| (&it["status"], &it["exit"])).collect();
    assert_eq!(checks, [(&json!("fail"), &json!(3)), (&json!("pass"), &json!(0))]);
}

#[test]
fn nothing_to_run_is_never_a_pass() {
    for input in [
        done(&json!([]), &json!([])),
        done(&json!(["", "  "]), &json!([])),
        done(&json!([]), &json!([{"text":"works","checked":true}])),
        "{\"type\":\"task\",\"id\":\"1\",\"result\":{\"status\":\"ok\"}}".to_owned(),
    ] {
        let (verdict, code) = outcome(&input);
        assert_eq!((&verdict["status"], code), (&json!("unproven"), Some(1)), "{input}");
    }
}

#[test]
fn criteria_are_run_once_and_words_are_shown_as_skipped() {
    let criteria = json!([{"text":"c","command":"echo x >> count","checked":false},{"text":"fine","checked":false}]);
    let tree = Tree::new();
    let ran = tree.run(&["--sandbox", "none"], &done(&json!(["echo x >> count"]), &criteria));
    assert_eq!(tree.read("count"), "x\n");
    let verdict = ran.verdict();
    assert_eq!(verdict["status"], "pass");
    let checks: Vec<_> = verdict["checks"].as_array().unwrap().iter().map(|it| (&it["kind"], &it["status"])).collect();
    assert_eq!(checks, [(&json!("command"), &json!("pass")), (&json!("done"), &json!("skipped"))]);
    let (verdict, _) = outcome(&done(&json!([]), &criteria));
    assert_eq!(verdict["checks"][0]["kind"], "done");
    assert_eq!(verdict["status"], "pass");
}

#[test]
fn what_is_no_concern_of_ours_passes_as_it_is() {
    let input = concat!(
        "{\"type\":\"plan\",\"v\":1,\"path\":\"p.md\", \"x\":1.50}\n",
        "{\"type\":\"task\",\"id\":\"1\",\"commands\":[\"touch ran\"]}\n",
        "{\"type\":\"task\",\"id\":\"2\",\"commands\":[\"touch ran\"],\"result\":{\"status\":\"failed\",\"code\":12}}\n",
        "{\"type\":\"task\",\"id\":\"3\",\"commands\":[\"touch ran\"],\"result\":{\"status\":\"held\"}}\n",
        "{\"type\":\"task\",\"id\":\"4\",\"commands\":[\"touch ran\"],\"result\":{\"status\":\"ok\"},",
        "\"verdict\":{\"status\":\"pass\",\"checks\":[],\"n\":1e2}}\n",
        "{\"type\":\"note\",\"id\":1}\n",
    );
    let tree = Tree::new();
    let ran = tree.run(&[], input);
    assert_eq!((ran.out.as_str(), ran.code), (input, Some(0)), "{}", ran.err);
    assert_eq!(ran.err, "");
    assert!(!tree.root.join("ran").exists() && !tree.root.join(".plan").exists());
}

#[test]
fn a_verdict_from_before_counts() {
    let line = "{\"type\":\"task\",\"id\":\"4\",\"result\":{\"status\":\"ok\"},\"verdict\":{\"status\":\"fail\"}}\n";
    let ran = Tree::new().run(&[], line);
    assert_eq!((ran.out.as_str(), ran.code), (line, Some(1)));
    // The result of verify is not verified again.
    let tree = Tree::new();
    let once = tree.run(&["--sandbox", "none"], &task("1", &["echo x >> count; false"]));
    let twice = tree.run(&["--sandbox", "none"], &once.out);
    assert_eq!((twice.out, twice.code), (once.out, once.code));
    assert_eq!(tree.read("count"), "x\n");
}

#[test]
fn each_attempt_is_judged() {
    let line = |attempt: u64| {
        let line =
            json!({"type":"task","id":"1","commands":["true"],"batch":{"attempt":attempt},"result":{"status":"ok"}});
        format!("{line}\n")
    };
    let ran = Tree::new().run(&["--sandbox", "none"], &(line(1) + &line(2)));
    let lines = ran.lines();
    assert!(lines.iter().all(|line| line["verdict"]["status"] == "pass"), "{}", ran.out);
    assert!(lines[1]["verdict"]["checks"][0]["log"].as_str().unwrap().ends_with("1-2-verify.log"));
}

#[test]
fn the_line_keeps_everything_else() {
    let line = "{ \"type\":\"task\",\"n\":0.10,\"id\":\"1\",\"commands\":[\"true\"],\"result\":{\"status\":\"ok\"}, \"z\":{\"a\":1E5} }\n";
    let ran = Tree::new().run(&["--sandbox", "none"], line);
    let start = line.strip_suffix(" }\n").unwrap();
    assert!(ran.out.starts_with(&format!("{start},\"verdict\":{{\"status\":\"pass\"")), "{}", ran.out);
}

#[test]
fn work_that_cannot_be_run_fails_with_a_reason() {
    let tree = Tree::new();
    for (result, reason) in [
        (json!({"status":"ok","workdir":"/does/not/exist"}), "the folder of the work is not there"),
        (json!({"status":"ok","head":"--help"}), "not a full commit id"),
        (json!({"status":"ok","head":"0".repeat(40)}), "no repository here has the commit"),
    ] {
        let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["touch ran"], &result));
        assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("fail"), Some(1)));
        assert!(ran.check(0)["tail"].as_str().unwrap().contains(reason), "{}", ran.out);
        assert!(ran.check(0).get("exit").is_none());
    }
    assert!(!tree.root.join("ran").exists());
}

#[test]
fn a_command_that_cannot_be_started_fails_with_a_reason() {
    let ran = Tree::new().commands(&[], &["no-such-program-here", "echo a\u{0}b"]);
    assert_eq!(ran.check(0)["exit"], 127);
    assert!(ran.check(0)["tail"].as_str().unwrap().contains("not found"));
    assert_eq!(ran.check(1)["status"], "fail");
    assert!(ran.check(1)["tail"].as_str().unwrap().contains("nul byte"), "{}", ran.out);
}

#[test]
fn without_a_shell_or_git_nothing_is_proven_either_way() {
    let mut tree = Tree::repository();
    let head = tree.git(&["rev-parse", "HEAD"]);
    let unproven = |ran: &crate::tree::Ran, reason: &str| {
        assert_eq!((ran.verdict()["status"].as_str(), ran.code), (Some("unproven"), Some(1)), "{}", ran.err);
        assert_eq!(ran.check(0)["status"], "skipped");
        assert!(ran.check(0)["tail"].as_str().unwrap().contains(reason) && ran.err.contains(reason), "{}", ran.out);
    };
    for shell in ["no-such-shell", "/no/such/shell"] {
        unproven(&tree.commands(&["--shell", shell], &["true"]), &format!("{shell}: no such program"));
        let ran = tree.run(&["--shell", shell], &crate::tree::task("1", &["true"]));
        unproven(&ran, &format!("{shell}: no such program"));
    }
    let bin = tree.beside("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/sh", bin.join("sh")).unwrap();
    tree.path(&bin);
    let ran = tree.run(&["--sandbox", "none"], &task_with("1", &["true"], &json!({"status":"ok","head":head})));
    unproven(&ran, "git: cannot be run");
}
