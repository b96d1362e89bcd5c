//! plan-tick from outside: which boxes are ticked, and that nothing else changes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dialects")
}

fn plan_tick(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plan-tick")).args(arguments).current_dir(folder).output().unwrap()
}

fn parsed(folder: &Path, plan: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_plan-parse")).arg(plan).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run file in which the tasks of these ids are finished.
fn run_file(folder: &Path, plan: &str, ids: &[&str]) {
    let mut lines = String::new();
    for mut task in parsed(folder, plan).into_iter().skip(1) {
        if ids.contains(&task["id"].as_str().unwrap()) {
            task["result"] = json!({"status": "ok"});
            task["decisions"] = json!([{"gate": "result", "status": "approved", "by": "person:a",
                "at": "2026-01-01T00:00:00Z", "task_digest": task["digest"]}]);
            lines += &task.to_string();
            lines.push('\n');
        }
    }
    fs::write(folder.join("run.jsonl"), lines).unwrap();
}

/// Ticks `ids` off in a plan and gives the lines that differ, new ones only.
fn changed(name: &str, text: &[u8], ids: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join(name);
    fs::write(&plan, text).unwrap();
    run_file(folder.path(), name, ids);
    let output = plan_tick(folder.path(), &[name, "run.jsonl"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let after = fs::read(&plan).unwrap();
    for task in parsed(folder.path(), name).into_iter().skip(1) {
        assert!(!ids.contains(&task["id"].as_str().unwrap()) || task["checked"] == true, "{task}");
    }
    let again = plan_tick(folder.path(), &[name, "run.jsonl"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing to tick off"));
    assert_eq!(fs::read(&plan).unwrap(), after, "ticking twice changes something");
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (before, after) = (lines(text), lines(&after));
    assert_eq!(before.len(), after.len());
    let differ = before.iter().zip(&after).filter(|(one, other)| one != other);
    differ.map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect()
}

#[test]
fn only_the_boxes_of_finished_tasks_change() {
    let sample = |name: &str| fs::read(samples().join(name)).unwrap();
    assert_eq!(
        changed("spec-kit.md", &sample("spec-kit.md"), &["T003a", "T005"]),
        [
            "- [x] T003a Verify `pyproject.toml` names the package, with a title that is\n",
            "  - [x] the wheel builds\n",
            "- [x] **T005** [P] [US1] Update `export/html.py` so that folders are kept\n",
        ]
    );
    assert_eq!(changed("kiro.md", &sample("kiro.md"), &["2"]), ["- [x] 2. Keep the store in sync\n"]);
    assert_eq!(
        changed("openspec.md", &sample("openspec.md"), &["1.2", "2.3"]),
        ["- [x] 1.2 Read the body\n", "- [x] Document the format\n"]
    );
    assert_eq!(changed("ralphex.md", &sample("ralphex.md"), &["1", "2"]), ["- [x] answer with 429\n"]);
    assert_eq!(changed("phases.md", &sample("phases.md"), &["1"]), ["- [x] write `src/rotate.go`\n"]);
    assert_eq!(changed("checklist.md", &sample("checklist.md"), &["3", "4"]), ["* [x] Align the buttons\n"]);
    assert_eq!(
        changed("conductor.md", &sample("conductor.md"), &["9"]),
        ["- [x] Task: Show the banner <!-- id: 9 -->\n", "    - [x] by hand\n"]
    );
    assert_eq!(changed("cursor.plan.md", &sample("cursor.plan.md"), &["box"]), ["    status: completed\n"]);
    assert_eq!(
        changed("taskmaster.json", &sample("taskmaster.json"), &["main/2"]),
        ["        \"status\": \"done\",\n"]
    );
    let ours = fs::read(samples().parent().unwrap().join("plans/ours.md")).unwrap();
    assert!(!changed("ours.md", &ours, &["1", "2", "3"]).is_empty());
}

#[test]
fn line_ends_a_byte_order_mark_and_fences_stay() {
    let text = "\u{feff}# P\r\n\r\n### Task 1: a\r\n\r\n- [ ] one\r\n- [~] two\r\n\r\n```md\r\n- [ ] three\r\n```\r\n\r\n### Task 2: b\r\n\r\n- [ ] four";
    assert_eq!(changed("p.md", text.as_bytes(), &["1"]), ["- [x] one\r\n", "- [x] two\r\n"]);
    assert_eq!(changed("p.md", text.as_bytes(), &["2"]), ["- [x] four"]);
}

#[test]
fn the_file_keeps_its_permissions_and_a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("real.md");
    fs::write(&plan, "# Tasks\n\n- [ ] 1. a\n- [ ] 2. b\n").unwrap();
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.md", folder.path().join("link.md")).unwrap();
    run_file(folder.path(), "link.md", &["2"]);
    assert_eq!(plan_tick(folder.path(), &["link.md", "run.jsonl"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&plan).unwrap(), "# Tasks\n\n- [ ] 1. a\n- [x] 2. b\n");
    assert_eq!(fs::metadata(&plan).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(folder.path().join("link.md")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left behind");
    // Nothing to do: the file is not written again.
    let inode = fs::metadata(&plan).unwrap().ino();
    assert_eq!(plan_tick(folder.path(), &["link.md", "run.jsonl"]).status.code(), Some(0));
    assert_eq!(fs::metadata(&plan).unwrap().ino(), inode);
}

#[test]
fn what_is_not_finished_or_has_no_box_stays() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# P\n\n### Task 1: a\n\nText.\n\n### Task 2: b\n\n- [ ] x\n\n### Task 3: c\n\n- [ ] y\n";
    fs::write(folder.path().join("p.md"), text).unwrap();
    run_file(folder.path(), "p.md", &["1", "2"]);
    // The plan has changed since: what was approved is another task.
    fs::write(folder.path().join("p.md"), text.replace("2: b", "2: other")).unwrap();
    let output = plan_tick(folder.path(), &["p.md", "run.jsonl"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("plan-tick: p.md:3: task 1 is finished and has no box that could be ticked"), "{told}");
    assert_eq!(fs::read_to_string(folder.path().join("p.md")).unwrap(), text.replace("2: b", "2: other"));
}

#[test]
fn a_dry_run_only_tells() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(samples().join("kiro.md")).unwrap();
    fs::write(folder.path().join("p.md"), &text).unwrap();
    run_file(folder.path(), "p.md", &["1", "2", "3"]);
    let output = plan_tick(folder.path(), &["--dry-run", "p.md", "run.jsonl"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"2\n3\n".as_slice()));
    assert_eq!(fs::read(folder.path().join("p.md")).unwrap(), text);
}

#[test]
fn bad_input_is_told_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# Tasks\n\n- [ ] 1. a\n- [ ] 2. b\n";
    fs::write(folder.path().join("p.md"), text).unwrap();
    fs::write(folder.path().join("none.md"), "# Notes\n").unwrap();
    run_file(folder.path(), "p.md", &["1"]);
    let told = |arguments: &[&str]| {
        let output = plan_tick(folder.path(), arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(told(&["p.md", "no.jsonl"]).0, 2);
    assert_eq!(told(&["no.md", "run.jsonl"]).0, 2);
    let (code, err) = told(&["none.md", "run.jsonl"]);
    assert!(code == 65 && err.starts_with("plan-tick: none.md:1: no tasks"), "{err}");
    let mut run = fs::read(folder.path().join("run.jsonl")).unwrap();
    run.extend(b"{\"type\":\"task\"\n");
    fs::write(folder.path().join("run.jsonl"), run).unwrap();
    let (code, err) = told(&["p.md", "run.jsonl"]);
    assert!(code == 65 && err.starts_with("plan-tick: run.jsonl:2: "), "{code} {err}");
    assert_eq!(fs::read_to_string(folder.path().join("p.md")).unwrap(), text);
}
