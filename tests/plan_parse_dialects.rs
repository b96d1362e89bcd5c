//! plan-parse on plans that were written for other tools: which layout is recognised, and what is a task in it.
//!
//! The samples in `tests/fixtures/dialects` are our own, in the layouts of the tools that they are named after.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dialects")
}

fn plan_parse(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plan-parse"))
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The format, and for each task: number, ticked or not, title, what it waits for.
fn shown(name: &str) -> (String, Vec<String>) {
    let lines = lines(&plan_parse(&[name], b""));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let task = |task: &Value| {
        let needs: Vec<String> = task["needs"].as_array().unwrap().iter().map(text).collect();
        let mark = if task["checked"] == true { 'x' } else { ' ' };
        let needs = if needs.is_empty() { String::new() } else { format!(" < {}", needs.join(" ")) };
        format!("[{mark}] {} {}{needs}", text(&task["id"]), text(&task["title"]))
    };
    (text(&lines[0]["format"]), lines[1..].iter().map(task).collect())
}

fn files(task: &Value) -> Vec<String> {
    let file = |file: &Value| format!("{} {}", file["action"].as_str().unwrap(), file["path"].as_str().unwrap());
    task["files"].as_array().unwrap().iter().map(file).collect()
}

#[test]
fn spec_kit() {
    let (format, tasks) = shown("spec-kit.md");
    assert_eq!(format, "spec-kit");
    assert_eq!(
        tasks,
        [
            "[x] T001 Create the package skeleton in `export/__init__.py`",
            "[ ] T002 Add the settings to `export/settings.py` < T001",
            "[ ] T003 Add fixtures below tests/fixtures/bookmarks.json < T001",
            "[ ] T003a Verify `pyproject.toml` names the package, with a title that is wrapped < T002 T003",
            "[ ] T004 Write the HTML writer in `export/html.py` < T003a",
            "[ ] T005 Update `export/html.py` so that folders are kept < T004",
        ]
    );
    let all = lines(&plan_parse(&["spec-kit.md"], b""));
    assert_eq!(files(&all[1]), ["create export/__init__.py"]);
    assert_eq!(files(&all[3]), ["test tests/fixtures/bookmarks.json"]);
    assert_eq!(files(&all[4]), ["read pyproject.toml"]);
    assert_eq!(all[4]["done"][0]["text"], "The package can be imported.");
    assert_eq!(all[4]["inferred"], serde_json::json!(["objective", "files", "done", "needs"]));
    assert_eq!((&all[4]["source"]["line"], &all[4]["source"]["end_line"]), (&14.into(), &16.into()));
}

#[test]
fn kiro() {
    let (format, tasks) = shown("kiro.md");
    assert_eq!(format, "kiro");
    assert_eq!(
        tasks,
        ["[x] 1 Set up the store", "[ ] 2 Keep the store in sync < 1", "[ ] 3 Checkpoint: all tests pass < 2"]
    );
    let all = lines(&plan_parse(&["kiro.md"], b""));
    assert!(all[1]["body"].as_str().unwrap().ends_with("**Validates: Requirements 1.1**"), "{}", all[1]["body"]);
    assert!(all[2]["body"].as_str().unwrap().contains("2.2 Write tests"));
}

#[test]
fn openspec() {
    let (format, tasks) = shown("openspec.md");
    assert_eq!(format, "openspec");
    assert_eq!(
        tasks,
        [
            "[x] 1.1 Read the header (`src/header.rs`)",
            "[ ] 1.2 Read the body",
            "[ ] 2.0 Write the header",
            "[ ] 2.0a **Keep the old header** in `src/header.rs` < 1.1",
            "[ ] 2.3 Document the format",
        ]
    );
    assert_eq!(lines(&plan_parse(&["openspec.md"], b""))[5]["inferred"][0], "id");
}

#[test]
fn task_master() {
    let (format, tasks) = shown("taskmaster.json");
    assert_eq!(format, "taskmaster");
    assert_eq!(tasks, ["[x] main/1 Read the feed", "[ ] main/2 Show the feed < main/1", "[ ] later/1 Offline mode"]);
    let all = lines(&plan_parse(&["taskmaster.json"], b""));
    assert_eq!(all[1]["objective"], "Fetch and parse.");
    assert_eq!(all[1]["done"][0]["text"], "Unit tests with a file.");
    assert_eq!(all[2]["body"], "Show the feed\n\n1. List\n   One line each.");
    assert_eq!((&all[2]["source"]["line"], &all[2]["source"]["end_line"]), (&5.into(), &11.into()));
}

#[test]
fn cursor() {
    let expected = ["[x] index Build the index: words to rows", "[ ] box Add the search box < index"];
    assert_eq!(shown("cursor.plan.md"), ("cursor".to_owned(), expected.map(str::to_owned).to_vec()));
    let earlier = "# Search plan\n\n## Phase 1: a\n\n- [ ] x\n\n## Phase 2: b\n\n### To-dos\n\n- [ ] One\n- [x] Two\n";
    let all = lines(&plan_parse(&[], earlier.as_bytes()));
    assert_eq!((&all[0]["format"], all.len()), (&"cursor".into(), 3));
}

#[test]
fn ralphex_phases_and_lists() {
    assert_eq!(
        shown("ralphex.md"),
        ("ralphex".to_owned(), vec!["[x] 1 Count requests".to_owned(), "[ ] 2 Refuse requests < 1".to_owned()])
    );
    let all = lines(&plan_parse(&["ralphex.md"], b""));
    assert_eq!(all[2]["commands"], serde_json::json!(["go test ./...", "golangci-lint run"]));
    assert_eq!(
        shown("phases.md"),
        ("phases".to_owned(), vec!["[ ] 1 Writer".to_owned(), "[x] 2 Cleaner < 1".to_owned()])
    );
    assert_eq!(
        shown("checklist.md"),
        (
            "checklist".to_owned(),
            vec![
                "[ ] 1 Repair the login form in `web/login.vue`".to_owned(),
                "[x] 2 Say why a login fails".to_owned(),
                "[ ] 3 Align the buttons".to_owned(),
                "[x] 4 Remove `web/old.vue`".to_owned()
            ]
        )
    );
    assert_eq!(
        shown("conductor.md"),
        ("checklist".to_owned(), vec!["[x] 7 Add the banner".to_owned(), "[ ] 9 Show the banner".to_owned()])
    );
}

#[test]
fn a_named_layout_is_the_only_one() {
    let all = lines(&plan_parse(&["--from", "checklist", "kiro.md"], b""));
    assert_eq!(all[0]["format"], "checklist");
    let none = plan_parse(&["--from", "spec-kit", "kiro.md"], b"");
    assert_eq!(none.status.code(), Some(65));
    assert!(none.stdout.is_empty());
    assert_eq!(plan_parse(&["--from", "nothing", "kiro.md"], b"").status.code(), Some(2));
}

#[test]
fn what_only_looks_like_work_is_none() {
    for text in [
        "# Retry design\n\n## Acceptance criteria\n\n- [ ] one\n- [x] two\n",
        "# Release notes\n\n- [x] one\n\nText.\n\nText.\n\nMore.\n\n- [x] two\n",
        "# Tasks\n\n````markdown\n- [ ] T001 a\n- [ ] T002 b\n- [ ] 1. c\n````\n\n> - [ ] 2.1 d\n> - [ ] 2.2 e\n",
        "# Findings\n\n## Phase 1 of the outage\n\nText\n\n## Phase 2 of the outage\n\nText\n",
        "# Plan\n\n## Testing checklist\n\n- [ ] 3 tests pass\n- [ ] 4 pages load\n",
        "{\"name\": \"no plan\"}",
        "{\"tasks\": []}",
    ] {
        let output = plan_parse(&[], text.as_bytes());
        assert_eq!(output.status.code(), Some(65), "{text}\n{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stderr).contains("P001"), "{text}");
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing_but_places() {
    for name in ["spec-kit.md", "kiro.md", "openspec.md", "checklist.md", "cursor.plan.md", "taskmaster.json"] {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        let plain = lines(&plan_parse(&["-"], text.as_bytes()));
        let windows = lines(&plan_parse(&["-"], format!("\u{feff}{}", text.replace('\n', "\r\n")).as_bytes()));
        assert_eq!(plain[0]["format"], windows[0]["format"], "{name}");
        for (one, other) in plain.iter().zip(&windows).skip(1) {
            for field in ["id", "title", "checked", "files", "needs", "source", "inferred"] {
                assert_eq!(one[field], other[field], "{name}: {field}");
            }
        }
        assert_eq!(plain.len(), windows.len(), "{name}");
    }
}

/// The records of a plan, without what depends on where it stands and how it is written.
fn said(lines: &[Value]) -> Vec<Value> {
    let mut said = lines.to_vec();
    for line in &mut said {
        let object = line.as_object_mut().unwrap();
        for field in ["path", "digest", "format", "body", "source"] {
            object.remove(field);
        }
    }
    said
}

#[test]
fn every_layout_becomes_a_plan_of_ours_that_says_the_same() {
    let mut plans: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    plans.extend(["ours.md", "superpowers.md"].map(|name| folder().join("../plans").join(name)));
    assert!(plans.len() >= 11);
    for plan in plans {
        let path = plan.to_str().unwrap();
        let before = lines(&plan_parse(&[path], b""));
        let written = plan_parse(&["--to", "md", path], b"").stdout;
        let after = lines(&plan_parse(&["-"], &written));
        assert_eq!(after[0]["format"], "plan-and-execute", "{path}");
        assert_eq!(said(&after), said(&before), "{path}\n{}", String::from_utf8_lossy(&written));
        // A second time nothing is added but the fence around the text.
        let again = lines(&plan_parse(&["-"], &plan_parse(&["--to", "md", "-"], &written).stdout));
        assert_eq!(said(&again), said(&before), "{path}");
    }
}

#[test]
fn what_markdown_cannot_say_stands_in_a_record_fence() {
    let plan = r#"{"tasks": [{"id": "a b/1", "title": "✅ (DONE)", "description": "**Files:** `x`", "testStrategy": "```"},
        {"id": 2, "title": "", "dependencies": ["a b/1"]}]}"#;
    let before = lines(&plan_parse(&["-"], plan.as_bytes()));
    assert_eq!((&before[1]["id"], &before[2]["needs"]), (&"a b/1".into(), &serde_json::json!(["a b/1"])));
    let written = plan_parse(&["--to", "md", "-"], plan.as_bytes()).stdout;
    assert!(String::from_utf8_lossy(&written).contains("**Record:**"));
    assert_eq!(said(&lines(&plan_parse(&["-"], &written))), said(&before), "{}", String::from_utf8_lossy(&written));
    let broken = String::from_utf8(written).unwrap().replace("```json\n{\"", "```json\n{\"nothing\":1,\"");
    let output = plan_parse(&["-"], broken.as_bytes());
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[P008]"));
}
