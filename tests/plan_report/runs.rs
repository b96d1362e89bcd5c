//! Run files to report on.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What an agent may say to harm whoever looks at it. The last line is long.
pub fn hostile() -> String {
    format!(
        "</pre></details></script><script>window.harmed = 1</script><img src=x onerror=\"window.harmed = 2\">\n\
         \u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7} \u{202e}txt.exe\u{202c} &lt;b&gt; {{{{7*7}}}} `x` @someone #1\n{}",
        "A".repeat(1 << 20)
    )
}

fn at(seconds: u64) -> String {
    let (hours, minutes) = (10 + seconds / 3600, seconds / 60 % 60);
    format!("2026-01-15T{hours:02}:{minutes:02}:{:02}Z", seconds % 60)
}

/// A task with a route.
pub fn task(id: &str, needs: &[&str]) -> Value {
    json!({
        "type": "task", "id": id, "title": format!("Title of {id}"), "objective": format!("Reach {id}"),
        "files": [{"path": format!("src/{id}.rs"), "action": "modify"}], "commands": ["make test"],
        "done": [{"text": "tests pass", "command": "make test", "checked": false}], "needs": needs, "checked": false,
        "body": "### Task\n\nDo it.\n", "source": {"path": "p.md", "line": 1, "end_line": 3}, "digest": format!("d{id}"),
        "route": {"work_type": "implement", "backend": "codex", "models": ["gpt-5.3-codex"], "effort": "xhigh",
            "sandbox": "workspace-write", "rank": 2, "rule": "implement", "why": "code is for codex"},
    })
}

pub fn release(id: &str, attempt: u64, from: u64) -> Value {
    json!({"type": "release", "id": id, "attempt": attempt, "digest": format!("d{id}"), "at": at(from)})
}

fn call(model: &str, from: u64, seconds: f64, tokens: u64) -> Value {
    json!({"backend": if model.starts_with("claude") { "claude" } else { "codex" }, "model": model, "thread": format!("thread-{from}"), "sandbox": "workspace-write",
        "started": at(from), "seconds": seconds, "usage": {"input": tokens, "cached_input": tokens / 2, "output": tokens / 10, "reasoning": 3, "total": tokens + tokens / 10}})
}

fn decision(id: &str, gate: &str, status: &str, from: u64) -> Value {
    json!({"gate": gate, "status": status, "by": if status == "pending" { "approve" } else { "person:ada" }, "at": at(from), "task_digest": format!("d{id}"), "note": format!("note on {id}")})
}

/// The task after an executor, verify and approve; `decision` is the status at gate result.
pub fn done(id: &str, needs: &[&str], batch: u64, from: u64, verdict: &str, answer: &str, decided: &str) -> Value {
    let mut task = task(id, needs);
    task["batch"] = json!({"number": batch, "attempt": 1, "attempts_left": 1});
    task["result"] = json!({"status": "ok", "code": 0, "backend": "codex", "model": "gpt-5.3-codex", "message": answer,
        "attempts": [call("gpt-5.3-codex", from, 20.5, 1000 + from)], "changed": [format!("src/{id}.rs")]});
    let status = if verdict == "pass" { "pass" } else { "fail" };
    task["verdict"] = json!({"status": verdict, "checks": [
        {"kind": "command", "name": "make test", "status": status, "exit": i32::from(status == "fail"), "seconds": 1.5, "tail": format!("the end of {id}\n"), "baseline": "flaky"},
        {"kind": "review", "name": "review", "status": "pass", "seconds": 2.0, "tail": "", "usage": {"input": 70, "cached_input": 0, "output": 7, "total": 77},
         "findings": [{"severity": "warning", "file": "src/a.rs", "line": 3, "text": "look here"}]}]});
    if !decided.is_empty() {
        task["decisions"] = json!([decision(id, "result", decided, from + 30)]);
    }
    task
}

/// Every state, every section, two attempts, a takeover by Claude, and things that do not belong into a run file.
pub fn every_state() -> Vec<String> {
    let mut lines: Vec<Value> = vec![
        json!({"type": "plan", "v": 1, "path": "docs/plans/p.md", "title": "A plan", "goal": "To see", "digest": "x", "tasks": 9, "format": "superpowers"}),
    ];
    let mut add = |line: Value| lines.push(line);
    add(release("1", 1, 0));
    // Asked about once more: the same call comes in three lines.
    add(done("1", &[], 1, 1, "pass", "all is well", ""));
    add(done("1", &[], 1, 1, "pass", "all is well", "approved"));
    add(release("2", 1, 2));
    add(done("2", &["1"], 1, 3, "fail", "I could not", ""));
    add(release("2", 2, 40));
    let mut second = done("2", &["1"], 2, 41, "pass", "now I could", "approved");
    second["batch"] =
        json!({"number": 2, "attempt": 2, "feedback": "make test failed with exit code 1", "attempts_left": 0});
    second["result"]["head"] = json!("b".repeat(40));
    second["result"]["base"] = json!("a".repeat(40));
    second["landed"] = json!({"status": "merged", "commit": "c".repeat(40)});
    add(second);
    add(release("3", 1, 50));
    add(done("3", &["1"], 2, 51, "pass", "please look", "pending"));
    add(release("4", 1, 50));
    let mut failed = task("4", &[]);
    failed["batch"] = json!({"number": 2, "attempt": 1});
    let mut limited = call("gpt-5.3-codex", 52, 4.0, 10);
    limited["class"] = json!("rate_limited");
    failed["result"] = json!({"status": "failed", "code": 10, "class": "rate_limited", "evidence": "turn.failed", "backend": "codex", "attempts": [limited]});
    add(failed);
    let mut held = task("5", &["4"]);
    held["result"] = json!({"status": "held", "backend": "codex", "held_by": "4"});
    add(held);
    add(release("6", 1, 60));
    let mut rescued = task("7", &[]);
    rescued["result"] = json!({"status": "ok", "code": 0, "backend": "claude", "message": "done by another", "attempts": [
        call("gpt-5.3-codex", 60, 1.0, 100), call("claude-sonnet-4-6", 70, 9.25, 5000)]});
    rescued["decisions"] = json!([decision("7", "fallback", "approved", 65), decision("7", "result", "approved", 85)]);
    add(rescued);
    let mut options = task("8 ä/\"<b>", &["7", "gone"]);
    options["digest"] = json!("d8");
    options["result"] = json!({"status": "ok", "backend": "codex", "options": [{"model": "gpt-5.4", "status": "ok", "message": "one way", "seconds": 3.0},
        {"model": "gpt-5.3-codex", "status": "failed", "class": "network", "seconds": 4.0}], "usage": {"input": 5.0, "cached_input": 0, "output": 1, "total": 6.0}});
    add(options);
    // A foreign stage's own shapes.
    add(
        json!({"type": "task", "id": "9", "result": "fine", "verdict": {"status": "maybe", "checks": "none"}, "decisions": {"by": 1}, "needs": "8", "batch": 7}),
    );
    add(json!({"type": "note", "id": 3, "text": "power was off"}));
    add(
        json!({"type": "decision", "id": "3", "gate": "result", "status": "approved", "by": "person:x", "at": at(99), "task_digest": "of another text"}),
    );
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.to_string()).collect();
    lines.push("[1,2]".into());
    lines.push("{\"type\":\"task\",\"id\":".into());
    lines
}

/// Many tasks with everything that a page shows.
pub fn large(count: usize) -> Vec<String> {
    let mut lines = vec![json!({"type": "plan", "title": "Large", "tasks": count}).to_string()];
    for number in 1..=count {
        let id = number.to_string();
        let needs: Vec<String> =
            [number / 2, number.saturating_sub(3)].iter().filter(|need| **need > 0).map(usize::to_string).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        let from = number as u64 * 10;
        let (verdict, decided) = match number % 20 {
            7 => ("fail", ""),
            11 => ("pass", "pending"),
            _ => ("pass", "approved"),
        };
        let answer = format!("What was done in {number}, at some length. ").repeat(20 + number % 50);
        lines.push(release(&id, 1, from).to_string());
        lines.push(done(&id, &needs, number as u64 / 3, from, verdict, &answer, decided).to_string());
    }
    lines
}

/// Writes a run file. The last line has no end when it is cut off.
pub fn write(folder: &Path, lines: &[String]) -> PathBuf {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    let path = folder.join("run.jsonl");
    fs::write(&path, text).unwrap();
    path
}
