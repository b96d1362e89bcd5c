//! The figures are those that jq computes from the run file.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Tool;
use crate::runs;

/// Every call of every task, once.
const CALLS: &str = r#"[inputs | objects | select(.type == "task") | .id as $id | .result | objects
  | (if (.attempts | length) > 0 then .attempts[] else (select(.usage) | {backend, model, usage}) end) | {$id, call: .}] | unique"#;

fn jq(run: &Path, filter: &str) -> Value {
    // The cut-off last line is no line.
    let text = std::fs::read_to_string(run).unwrap();
    let whole: String = text
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_ok())
        .map(|line| format!("{line}\n"))
        .collect();
    let done = Tool::new("jq").args(&["-n", filter]).input(whole).run().ended(0);
    serde_json::from_str(&done.out).unwrap()
}

fn report(run: &Path) -> Value {
    let done = Tool::ours("plan-report").arg(run).args(&["--format", "json"]).run().ended(0);
    serde_json::from_str(&done.out).unwrap()
}

fn same(run: &Path) {
    let report = report(run);
    let sums = "{calls: length, failed: map(select(.call.class)) | length, seconds: map(.call.seconds // 0) | add,
        input: map(.call.usage.input // 0) | add, cached: map(.call.usage.cached_input // 0) | add,
        output: map(.call.usage.output // 0) | add, total: map(.call.usage.total // 0) | add}";
    let by_model = jq(
        run,
        &format!(
            "{CALLS} | group_by([.call.backend, .call.model]) | map({{backend: .[0].call.backend, model: .[0].call.model}} + {sums})"
        ),
    );
    let mut expected: Vec<Value> = by_model.as_array().unwrap().clone();
    let reviews = jq(
        run,
        r#"[inputs | objects | select(.type == "task") | {key: "\(.id) \(.batch | objects | .attempt)", value: (.verdict | objects | .checks | arrays | map(select(.usage)))}]
      | map(select(.value)) | group_by(.key) | map(last.value[]) | {calls: length, total: map(.usage.total) | add}"#,
    );
    let round = |value: &Value| format!("{:.3}", value.as_f64().unwrap());
    let spent = report["spent"].as_array().unwrap();
    for line in spent.iter().filter(|line| line["backend"] != "review") {
        let at =
            expected.iter().position(|other| other["backend"] == line["backend"] && other["model"] == line["model"]);
        let other = expected.remove(at.unwrap_or_else(|| panic!("{line}")));
        assert_eq!(
            (line["calls"].clone(), line["failed_calls"].clone()),
            (other["calls"].clone(), other["failed"].clone()),
            "{line}"
        );
        for (ours, theirs) in [("input", "input"), ("cached_input", "cached"), ("output", "output"), ("total", "total")]
        {
            assert_eq!(round(&line["tokens"][ours]), round(&other[theirs]), "{ours} of {line}");
        }
        assert_eq!(round(&line["seconds"]), round(&other["seconds"]), "{line}");
    }
    assert_eq!(expected, Vec::<Value>::new(), "calls that the report does not have");
    if reviews["calls"] != 0 {
        let review = spent.iter().find(|line| line["backend"] == "review").unwrap();
        assert_eq!((&review["calls"], &review["tokens"]["total"]), (&reviews["calls"], &reviews["total"]));
    }
    let all = jq(run, &format!("{CALLS} | map(.call.usage.total // 0) | add"));
    let all = all.as_f64().unwrap() + reviews["total"].as_f64().unwrap_or(0.0);
    assert_eq!(round(&report["tokens"]["total"]), format!("{all:.3}"));
    let claude = jq(
        run,
        &format!(
            "{CALLS} | [(map(select(.call.backend == \"claude\").call.usage.total // 0) | add), (map(.call.usage.total // 0) | add)] | 1 - .[0] / .[1]"
        ),
    );
    assert_eq!(round(&report["offload"]), round(&claude));
}

#[test]
fn the_figures_are_those_of_jq() {
    let folder = tempfile::tempdir().unwrap();
    same(&runs::write(folder.path(), &runs::every_state()));
    same(&runs::write(folder.path(), &runs::large(300)));
}

#[test]
fn finished_is_what_the_contract_calls_finished() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::large(300));
    let finished = jq(
        &run,
        r#"[inputs | objects | select(.type == "task")] | group_by(.id) | map(last
      | select(any(.decisions[]?; .gate == "result" and .status == "approved"))) | length"#,
    );
    let report = report(&run);
    assert_eq!(report["states"]["finished"], finished);
    assert_eq!(
        report["states"],
        json!({"finished": 270, "running": 0, "waiting": 15, "failed": 15, "interrupted": 0, "held": 0, "open": 0})
    );
}

#[test]
fn each_task_stands_where_its_lines_leave_it() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(&runs::write(folder.path(), &runs::every_state()));
    let stands = |id: &str| {
        let task = report["tasks"].as_array().unwrap().iter().find(|task| task["id"] == id).unwrap();
        (task["state"].as_str().unwrap().to_owned(), task["why"].as_str().unwrap().to_owned())
    };
    let state = |id: &str| stands(id).0;
    assert_eq!([state("1"), state("2"), state("7")], ["finished", "finished", "finished"]);
    assert_eq!(stands("3"), ("waiting".into(), "gate result: is the result good?".into()));
    assert_eq!(stands("4"), ("failed".into(), "the executor failed: rate_limited".into()));
    assert_eq!(stands("5"), ("held".into(), "held by task 4".into()));
    assert_eq!([state("6"), state("8 ä/\"<b>"), state("9")], ["interrupted", "waiting", "open"]);
    assert_eq!(report["unread_lines"], 2);
    let waiting = report["tasks"].as_array().unwrap().iter().find(|task| task["id"] == "3").unwrap();
    let run = folder.path().join("run.jsonl");
    assert_eq!(waiting["commands"][0], format!("decide {} 3 approve", run.display()));
}

#[test]
fn the_command_that_is_shown_answers_the_question() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::every_state()[..11]);
    let task =
        |report: &Value| report["tasks"].as_array().unwrap().iter().find(|task| task["id"] == "3").unwrap().clone();
    let before = task(&report(&run));
    assert_eq!(before["state"], "waiting");
    let command = before["commands"][0].as_str().unwrap();
    let path =
        format!("{}:{}", crate::harness::bin("decide").parent().unwrap().display(), std::env::var("PATH").unwrap());
    Tool::new("sh").args(&["-c", command]).env("PATH", path).folder(folder.path()).run().ended(0);
    assert_eq!(task(&report(&run))["state"], "finished");
}
