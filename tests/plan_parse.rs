//! plan-parse from outside: what is written for which plan, and what is told about a bad one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn plan_parse(folder: &Path, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plan-parse"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A tool that stops early may have gone.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn on_stdin(text: impl AsRef<[u8]>, arguments: &[&str]) -> (i32, String, String) {
    let output = plan_parse(&root(), arguments, text.as_ref());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn tasks(text: impl AsRef<[u8]>) -> Vec<Value> {
    let (code, out, err) = on_stdin(text, &["-"]);
    assert_eq!(code, 0, "{err}");
    out.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Code, line and column of each defect.
fn defects(text: impl AsRef<[u8]>) -> Vec<(String, u64, u64)> {
    let (_, out, _) = on_stdin(text, &["--check", "--format", "json"]);
    out.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let number = |name: &str| value[name].as_u64().unwrap();
            (value["code"].as_str().unwrap().to_owned(), number("line"), number("column"))
        })
        .collect()
}

#[track_caller]
fn has(text: &str, code: &str, line: u64, column: u64) {
    let found = defects(text);
    assert!(found.contains(&(code.to_owned(), line, column)), "{found:?}");
}

#[test]
fn plans_become_the_lines_that_are_kept_beside_them() {
    let folder = root().join("tests/fixtures/plans");
    for name in ["ours", "superpowers"] {
        let output = plan_parse(&folder, &[&format!("{name}.md")], b"");
        let expected = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{name}");
        assert!(output.stderr.is_empty() && output.status.success());
    }
}

#[test]
fn committed_schemas_are_what_the_types_say_and_lines_keep_them() {
    let folder = root().join("docs/schemas");
    let mut committed: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    committed.sort();
    let (_, all, _) = on_stdin("", &["--schema"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    let mut names: Vec<&str> = all.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(committed, names);
    for name in names {
        let (_, printed, _) = on_stdin("", &["--schema", name]);
        let kept = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        assert_eq!(printed, kept, "plan-parse --schema {name} > docs/schemas/{name}.json");
    }
    let plan = jsonschema::validator_for(&all["plan"]).unwrap();
    let task = jsonschema::validator_for(&all["task"]).unwrap();
    for name in ["ours.md", "superpowers.md"] {
        let output = plan_parse(&root().join("tests/fixtures/plans"), &[name], b"");
        for (index, line) in String::from_utf8(output.stdout).unwrap().lines().enumerate() {
            let mut value: Value = serde_json::from_str(line).unwrap();
            let validator = if index == 0 { &plan } else { &task };
            assert!(validator.is_valid(&value), "{line}");
            value.as_object_mut().unwrap().remove("digest");
            assert!(!validator.is_valid(&value), "a schema that asks for nothing");
        }
    }
    let (code, _, err) = on_stdin("", &["--schema", "nothing"]);
    assert!(code == 2 && err.contains("verdict"), "{err}");
}

#[test]
fn the_documented_example_is_a_perfect_plan() {
    let page = fs::read_to_string(root().join("docs/plan-format.md")).unwrap();
    let (_, rest) = page.split_once("````markdown\n").unwrap();
    let (example, _) = rest.split_once("````").unwrap();
    let (code, _, err) = on_stdin(example, &["--check", "--strict"]);
    assert_eq!((code, err.as_str()), (0, "plan-parse: stdin: 0 errors, 0 warnings\n"));
    assert_eq!(tasks(example).len(), 3);
}

#[test]
fn structure_stops_both_modes() {
    for (plan, code, place) in [
        ("# Notes\n\nNothing.\n", "P001", "1:1"),
        ("### Task 1: a\n\n### Task 1: b\n", "P002", "3:10"),
        ("### Task 1: a\n**Depends on:** Task 9\n", "P003", "2:22"),
        ("### Task 1: a\n**Depends on:** 2\n\n### Task 2: b\n**Depends on:** 1\n", "P004", "2:17"),
        ("### Task 1: a\n\n```sh\nls\n\n### Task 2: b\n", "P005", "3:1"),
    ] {
        let (exit, out, err) = on_stdin(plan, &[]);
        assert_eq!((exit, out.as_str()), (65, ""), "{plan}");
        assert!(err.starts_with(&format!("plan-parse: stdin:{place}: error[{code}]: ")), "{err}");
        assert!(err.contains("help: "), "{err}");
        let (exit, _, checked) = on_stdin(plan, &["--check"]);
        assert!(exit == 65 && checked.contains(code), "{checked}");
    }
}

#[test]
fn what_is_missing_is_a_warning_and_an_error_when_strict() {
    let plan = "### Task 1: a\n";
    let (code, out, err) = on_stdin(plan, &["--check"]);
    assert!(code == 0 && out.is_empty() && err.ends_with("stdin: 0 errors, 8 warnings\n"), "{err}");
    let (code, _, err) = on_stdin(plan, &["--check", "--strict"]);
    assert!(code == 65 && err.ends_with("stdin: 8 errors, 0 warnings\n"), "{err}");
    for code in ["P010", "P011", "P012", "P013", "P014", "P015", "P030", "P035"] {
        assert!(err.contains(code), "{code}");
    }
    // Writing lines stays quiet about it.
    assert!(on_stdin(plan, &[]).2.is_empty());
}

#[test]
fn each_defect_has_its_place() {
    has("### Task 1: a\n**Files:**\n- Create: `../x.rs`\n", "P006", 3, 11);
    has("### Task 1: a\n**Files:**\n- Create: `/etc/x`\n", "P006", 3, 11);
    has("### Task 1: a\n\n```sh\nls\n", "P007", 3, 1);
    has("### Task 1: a\n**Estimate:** 1h\n", "P016", 2, 15);
    has("### Task 1: a\n**Backend:** codex or claude\n", "P020", 2, 14);
    has("### Task 1: a\n**Work type:** guesswork\n", "P021", 2, 16);
    has("### Task 1: a\n**Depends on:** the weather\n", "P022", 2, 17);
    has("### Task 1: a\n**Estimate:** small\n", "P023", 2, 15);
    has("### Task 1: a\n**Files:** whatever is needed\n", "P024", 2, 1);
    let summary = |rows: &str| {
        format!(
            "# P\n\n## Routing summary\n\n| Task | Work type | Backend |\n|--|--|--|\n{rows}\n\n### Task 1: a\n**Backend:** codex\n**Work type:** explore\n"
        )
    };
    has(&summary("| 2 | | |"), "P031", 3, 4);
    has(&summary("| 2 | | |"), "P032", 7, 3);
    has(&summary("| 1 | explore | claude |"), "P033", 7, 17);
    has(&summary("| 1 | implement | codex |"), "P034", 7, 7);
    let clean = defects(summary("| 1 | explore | codex |").replace("# P\n", "# P\n\n**Goal:** x\n"));
    assert!(clean.iter().all(|(code, ..)| code.as_str() < "P030"), "{clean:?}");
}

#[track_caller]
fn has_not(text: &str, code: &str) {
    let found = defects(text);
    assert!(found.iter().all(|(found, ..)| found != code), "{found:?}");
}

#[test]
fn what_looks_complete_and_is_not_is_told() {
    // Nothing of these may pass for what was meant.
    let prose = "### Task 1: a\n**Objective:** b\n**Commands:** run the tests\n";
    has(prose, "P025", 3, 15);
    has_not(prose, "P012");
    assert_eq!(tasks(prose)[0]["commands"], serde_json::json!([]));
    for text in ["make sure that it works", "Run cargo test", "look at the queue", "mytool"] {
        has(&format!("### Task 1: a\n**Objective:** b\n**Commands:** {text}\n"), "P025", 3, 15);
        has(&format!("### Task 1: a\n**Objective:** b\n**Commands:**\n- {text}\n"), "P025", 4, 3);
    }
    for text in
        ["cargo test", "./check", "A=1 mytool x", "scripts/all.sh", "mytool --check", "go test ./...", "make all"]
    {
        let plan = format!("### Task 1: a\n**Objective:** b\n**Commands:** {text}\n");
        has_not(&plan, "P025");
        assert_eq!(tasks(&plan)[0]["commands"][0], text);
    }
    has("### Task 1:\n**Objective:** b\n**Commands:** none\n", "P017", 1, 5);
    for empty in ["**Commands:**\n", "**Commands:**\n```sh\n# later\n```\n"] {
        has(&format!("### Task 1: a\n**Objective:** b\n{empty}"), "P012", 1, 5);
    }
    has("### Task 1: a\n**Objective:** b\n**Commands:** none\n**Files:**\n", "P011", 1, 5);
    for field in ["Estimate:** 3 min", "Backend:** codex", "Work type:** explore", "Output:** patch", "Objective:** b"]
    {
        has(&format!("### Task 1: a\n**{field}\n**Commands:** none\n**{field}\n"), "P026", 4, 1);
    }
    has("### Task 1: a\n**Objective:** b\n**Commands:** `echo 'a`\n", "P027", 3, 15);
    has("### Task 1: a\n**Objective:** b\n**Commands:**\n```sh\ngrep \"a b\n```\n", "P027", 4, 1);
    has_not("### Task 1: a\n**Objective:** b\n**Commands:**\n```sh\ncat <<E\nit's\nE\n```\n", "P027");
    has("# P\n\n### Task 1: a\n", "P035", 1, 1);
    has_not("# P\n\n**Goal:** x\n\n### Task 1: a\n", "P035");
}

#[test]
fn every_defect_of_the_tool_is_in_the_table_of_the_page() {
    let page = fs::read_to_string(root().join("docs/plan-format.md")).unwrap();
    let rules = fs::read_to_string(root().join("crates/lib/plan/src/check/rule.rs")).unwrap();
    let mut count = 0;
    for line in rules.lines() {
        let parts: Vec<&str> = line.split('"').collect();
        if let [_, code, severity, meaning, _, remedy, ..] = parts.as_slice()
            && code.len() == 4
            && code.starts_with('P')
        {
            let row = format!("| {code} | {} | {meaning} | {remedy} |", severity.trim().to_lowercase());
            assert!(page.contains(&row), "{row}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn places_are_right_behind_a_mark_front_matter_and_windows_line_ends() {
    let plan = "\u{feff}---\r\ntitle: x\r\n---\r\n\r\n<!--\r\n### Task 8: no\r\n-->\r\n\r\n> ### Task 9: no\r\n\r\n### Task 1: a\r\n\r\n### Task 1: ä\r\n";
    has(plan, "P002", 13, 10);
    let one = plan.replace("Task 1: ä", "Task 2: ä");
    let found = tasks(&one);
    assert_eq!(found.len(), 2);
    assert_eq!((&found[1]["source"]["line"], &found[1]["title"]), (&13.into(), &"ä".into()));
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let (code, out, err) = on_stdin(b"# a\nb\xff\n", &[]);
    assert_eq!((code, out.as_str()), (65, ""));
    assert_eq!(err, "plan-parse: stdin:2:2: byte 5 (0xff) is not UTF-8; save the plan as UTF-8\n");
    let output = plan_parse(&root(), &["no/such/plan.md"], b"");
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("plan-parse: no/such/plan.md: cannot be read: "));
}

#[test]
fn an_excerpt_cannot_touch_the_terminal() {
    let plan = format!("### Task 1: a\n\n### Task 1: \x1b[2J{}\n", "x".repeat(100_000));
    let (_, _, err) = on_stdin(plan, &[]);
    assert!(err.contains("␛[2J") && !err.contains('\x1b') && err.len() < 1000, "{}", err.len());
}

#[test]
fn numbers_that_start_again_are_told_apart_by_their_section() {
    let plan = "# P\n\n## Chunk 1: a\n\n### Task 1: x\n\n### Task 2: y\n**Depends on:** Task 1\n\n## Chunk 2: b\n\n### Task 1: z\n";
    let found = tasks(plan);
    let ids: Vec<&str> = found.iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["chunk-1/1", "chunk-1/2", "chunk-2/1"]);
    assert_eq!(found[1]["needs"][0], "chunk-1/1");
    assert_eq!(found[0]["inferred"][0], "id");
}

#[test]
fn a_cause_is_not_buried_under_its_effects() {
    let codes = |text: &str| -> Vec<String> {
        let mut codes: Vec<String> = defects(text).into_iter().map(|(code, ..)| code).collect();
        codes.retain(|code| code != "P035" && code != "P011" && code != "P015");
        codes
    };
    let task = |number: u8, behind: &str| {
        format!(
            "### Task {number}: a\n**Objective:** b\n**Backend:** codex\n**Commands:** none\n**Done when:** it is\n{behind}\n"
        )
    };
    let summary = "# P\n\n## Routing summary\n\n| Task | Backend |\n|--|--|\n| 1 | codex |\n| 2 | codex |\n| 3 | claude |\n\n## Tasks\n\n";
    // The third task has the number of the second.
    let twice = format!("{summary}{}{}{}", task(1, ""), task(2, ""), task(2, "**Depends on:** 3"));
    assert_eq!(codes(&twice), ["P002"]);
    // What another number would not mend is still told.
    let more = twice.replace("**Depends on:** 3", "**Depends on:** 7");
    assert_eq!(codes(&more), ["P002", "P003"]);
    // The fence hides the third task and the criteria of the second.
    let fence = format!(
        "{summary}{}### Task 2: a\n**Objective:** b\n**Backend:** codex\n**Depends on:** 3\n**Commands:**\n```sh\nls\n\n**Done when:** it isn't\n\n{}",
        task(1, "**Depends on:** Task 3"),
        task(3, "")
    );
    assert_eq!(codes(&fence), ["P005"]);
    let (_, _, err) = on_stdin(&fence, &[]);
    assert_eq!(err.matches("error[").count(), 1, "{err}");
    // Without a hidden task it is only a fence, but what it swallowed is not missing either.
    let end = format!("# P\n\n## Routing summary\n\n| Task |\n|--|\n| 1 |\n\n{}", task(1, ""))
        .replace("**Done", "```\n**Done");
    assert_eq!(codes(&end), ["P007"]);
}

#[test]
fn a_label_straight_below_a_list_is_no_text_of_its_last_entry() {
    let plan = "### Task 1: a\n**Objective:** b\n**Files:**\n- Create: `a.rs`\n**Commands:**\n- `ls a`\n- `ls b`\nBackend: codex\n**Done when:**\n- [ ] `b.rs` is there\n- [ ] it is\n  nice\n**Estimate:** 3 min\n";
    let task = &tasks(plan)[0];
    assert_eq!(task["files"].as_array().unwrap().len(), 1, "{task}");
    assert_eq!(task["commands"], serde_json::json!(["ls a", "ls b"]));
    assert_eq!((&task["backend"], &task["minutes"]), (&"codex".into(), &3.0.into()));
    assert_eq!(task["done"][0]["text"], "`b.rs` is there");
    assert_eq!(task["done"][1]["text"], "it is nice");
    // The example of the help is written like this.
    let (_, help, _) = on_stdin("", &["--help"]);
    let (_, rest) = help.split_once("  ### Task").unwrap();
    let (example, _) = rest.split_once("\n\n").unwrap();
    let task = &tasks(format!("### Task{}\n", example.replace("\n  ", "\n")))[0];
    assert_eq!(
        (&task["commands"][0], &task["done"][0]["command"]),
        (&"cargo test config".into(), &"cargo test config".into())
    );
}

#[test]
fn labels_that_are_nearly_right_are_told() {
    let plan = "### Task 1: a\n**Objetive:** b\n**Comands:** `ls`\nBackend: codex\n- Done wen: it is\n\n**Estimate:** 3 min\n**Comments:** no\n";
    for (line, column) in [(2, 3), (3, 3), (5, 3)] {
        has(plan, "P028", line, column);
    }
    assert_eq!(defects(plan).iter().filter(|(code, ..)| code == "P028").count(), 3);
    // Each is told once: the field is there, only its label is not.
    for code in ["P010", "P012", "P013"] {
        has_not(plan, code);
    }
    has("### Task 1: a\n\n#### Done wen\n\n- it is\n", "P028", 3, 6);
    let (_, _, err) = on_stdin("### Task 1: a\n**Done wen:**\n- it is\n", &["--check"]);
    assert!(
        err.contains(":2:3: warning[P028]: `Done wen` looks like `Done when`\n") && err.contains("^^^^^^^^"),
        "{err}"
    );
}

#[test]
fn the_help_fills_its_lines_at_any_width() {
    for width in ["80", "100"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_plan-parse")).arg("--help").env("COLUMNS", width).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let width: usize = width.parse().unwrap();
        let lines: Vec<&str> = help.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{help}");
        // A line of prose that another follows has no room for that one's first word.
        for pair in lines.windows(2) {
            let prose = |line: &str| line.starts_with(|first: char| first.is_alphabetic()) && !line.ends_with(':');
            let Some(next) = pair[1].split(' ').next().filter(|_| prose(pair[0]) && prose(pair[1])) else { continue };
            assert!(pair[0].chars().count() + 1 + next.chars().count() > width, "{width}: {pair:?}");
        }
        assert!(lines.contains(&"  plan-parse --check --format json docs/plans/*.md | jq -r .message"), "{help}");
    }
}

#[test]
fn one_stream_has_one_plan() {
    let (code, out, err) = on_stdin("", &["a.md", "b.md"]);
    assert!(code == 2 && out.is_empty() && err.contains("one plan"), "{err}");
}

#[test]
fn long_and_deep_plans_are_read_at_once() {
    let start = std::time::Instant::now();
    for text in [
        format!("### Task 1: a\n\n{}x\n", ">".repeat(100_000)),
        format!("### Task 1: a\n\n{}x\n", "- ".repeat(50_000)),
        format!("### Task 1 {}: a\n", "(b) ".repeat(50_000)),
        format!("### Task 1: a {}\n", "✅ (done) ".repeat(50_000)),
        format!("### Task 1: a\n\n```sh\n{}```\n", "cat <<A <<B\n".repeat(20_000)),
        (0..20_000).map(|number| format!("### Task {number}: a\n\n")).collect(),
    ] {
        assert!(!tasks(text).is_empty());
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn risks_are_told_until_the_plan_says_that_they_are_meant() {
    let plan = "# P\n\n### Task 1: Ship\n\n**Files:** modify `a.rs`\n\n```bash\ncd x\ngit push origin main\nrm -rf out\n```\n\n\
                ### Task 2: Clean\n\n**Files:** modify `a.rs`\n**Depends on:** none\n\n```sh\nsudo make install\n```\n";
    let risks = |text: &str| -> Vec<(String, u64, String)> {
        let output = plan_parse(&root(), &["--check", "--format", "json"], text.as_bytes());
        assert_eq!(output.status.code(), Some(0));
        let lines = String::from_utf8(output.stdout).unwrap();
        let all = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let risk = |defect: Value| {
            let code = defect["code"].as_str().unwrap().to_owned();
            (code, defect["line"].as_u64().unwrap(), defect["task"].as_str().unwrap_or_default().to_owned())
        };
        all.map(risk).filter(|(code, ..)| code.starts_with("P04")).collect()
    };
    let expected = [("P041", 9, "1"), ("P043", 10, "1"), ("P049", 15, "2"), ("P044", 19, "2")];
    assert_eq!(risks(plan), expected.map(|(code, line, task)| (code.to_owned(), line, task.to_owned())));
    let allowed =
        plan.replace("### Task 2: Clean\n", "### Task 2: Clean\n\n**Allow:** P044, P049 — it is our own machine\n");
    let left: Vec<String> = risks(&allowed).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(left, ["P041", "P043"]);
    let all = format!("---\nallow: P041, P043, P044, P049\n---\n{plan}");
    assert!(risks(&all).is_empty());
    // Nothing but risks can be allowed.
    let output = plan_parse(&root(), &["--check", "--format", "json"], "---\nallow: P001\n---\n# P\n".as_bytes());
    assert_eq!(output.status.code(), Some(65));
}
