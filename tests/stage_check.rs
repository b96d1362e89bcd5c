//! stage-check, judged by stages that are known to be good and by stages that are known to be broken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};
use std::thread;

/// What is allowed to be missing on a machine that has not run `make setup`, told instead of a strange failure.
fn require(programs: &[&str]) {
    for program in programs {
        let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        assert!(found, "this test needs {program}: run `make setup`, or install it");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// PATH with the folder of the Python that really runs in front: a version manager's shim costs more than all the rest.
fn path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(find_path);
    &PATH
}

fn find_path() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let folder = Path::new(&python).parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let path = std::env::var("PATH").unwrap_or_default();
    if folder.is_empty() { path } else { format!("{folder}:{path}") }
}

fn stage_check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stage-check"))
        .args(arguments)
        .env("PATH", path())
        .current_dir(root())
        .output()
        .expect("stage-check starts")
}

/// The status of each rule, and the exit code.
fn judged(arguments: &[&str]) -> (BTreeMap<String, String>, i32) {
    let output = stage_check(&[&["--format", "json"], arguments].concat());
    let stdout = String::from_utf8(output.stdout).expect("the report is UTF-8");
    let lines = stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a JSON line"));
    let rules = lines.filter(|line| line["type"] == "rule").map(|line| {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("status"))
    });
    let rules: BTreeMap<_, _> = rules.collect();
    assert!(!rules.is_empty(), "{arguments:?}: {stdout}{}", String::from_utf8_lossy(&output.stderr));
    (rules, output.status.code().expect("an exit code"))
}

fn with_status<'a>(rules: &'a BTreeMap<String, String>, status: &str) -> Vec<&'a str> {
    rules.iter().filter(|(_, found)| *found == status).map(|(name, _)| name.as_str()).collect()
}

/// Runs `work` on every item, a few at a time: most of the time is waiting.
fn each<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let items = Mutex::new(items);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let item = items.lock().expect("nobody panicked").pop();
                    let Some(item) = item else { return };
                    work(item);
                }
            });
        }
    });
}

const ONE_DEFECT: &str = "tests/fixtures/contract/one_defect.py";

fn assert_passes(arguments: &[&str]) {
    let (rules, code) = judged(arguments);
    let faults = [with_status(&rules, "broken"), with_status(&rules, "unclear")].concat();
    let report =
        String::from_utf8(stage_check(&if faults.is_empty() { vec!["--list"] } else { arguments.to_vec() }).stdout);
    assert!(faults.is_empty() && code == 0, "{arguments:?}: {faults:?}\n{}", report.expect("the report is UTF-8"));
}

#[test]
fn a_stage_without_a_fault_passes_strictly() {
    require(&["python3"]);
    assert_passes(&["--strict", "--adds", "seen", ONE_DEFECT]);
}

#[test]
fn each_defect_is_told_by_its_rule() {
    require(&["python3"]);
    let table = include_str!("fixtures/contract/defects.txt");
    let defects: Vec<Vec<&str>> =
        table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace().collect()).collect();
    assert!(defects.len() > 40);
    let (rules, _) = judged(&["--only", "empty", "--only", "exit", "true"]);
    assert_eq!(with_status(&rules, "ok"), ["empty", "exit"]);
    each(defects, |words| {
        let (defect, expected) = words.split_first().unwrap();
        let mut arguments = vec!["--strict", "--adds", "seen", "--patience", "2"];
        for rule in expected {
            arguments.extend(["--only", rule]);
        }
        arguments.extend([ONE_DEFECT, defect]);
        let (rules, code) = judged(&arguments);
        for rule in expected {
            let status = rules[*rule].as_str();
            assert!(matches!(status, "broken" | "unclear"), "{defect}: {rule} is {status}");
        }
        assert!(!with_status(&rules, "broken").is_empty() && code == 1, "{defect}: {rules:?}, {code}");
    });
}

#[test]
fn every_rule_has_a_defect() {
    let table = include_str!("fixtures/contract/defects.txt");
    let known: Vec<&str> = table.split_whitespace().collect();
    let list = String::from_utf8(stage_check(&["--list"]).stdout).unwrap();
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        // Three rules look at everything at once, or only tell.
        let is_general = matches!(name, "random" | "sample" | "twice" | "left-behind");
        assert!(is_general || known.contains(&name), "no defect for the rule {name}");
    }
}

#[test]
fn everyday_commands_get_what_they_deserve() {
    require(&["python3", "jq"]);
    let python = "python3 -uc 'import json,sys\nfor line in sys.stdin: print(json.dumps(json.loads(line)))'";
    let cases: Vec<(&str, &[&str], &[&str])> = vec![
        ("cat", &["bad-json", "bad-type", "bad-message"], &["once", "unknown-lines", "numbers", "flush", "random"]),
        ("head -n 3", &["once", "flush"], &["empty"]),
        ("tac", &["in-place", "flush"], &["fields", "numbers"]),
        ("jq -c .", &["flush", "bad-json"], &["fields", "key-order", "strings", "sections"]),
        ("jq --unbuffered .", &["stdout"], &["empty"]),
        ("jq -cS --unbuffered .", &["key-order"], &["fields", "flush"]),
        ("jq -c --unbuffered 'del(.verdict)'", &["sections"], &["once", "fields"]),
        ("jq -c --unbuffered 'select(.type == \"task\")'", &["once"], &["sections", "fields"]),
        ("jq -c --unbuffered '{type, id, mark, batch}'", &["fields", "sections"], &["once"]),
        ("sed s/seconds/minutes/g", &["sections", "flush"], &["once"]),
        ("grep --line-buffered -v x-note", &["once"], &["flush", "fields"]),
        ("cat | sort", &["in-place", "flush"], &["once"]),
        (python, &["numbers", "closed-writing", "bad-message"], &["fields", "flush", "key-order"]),
        ("cat; cat /dev/null; false", &["exit", "empty"], &["once"]),
        ("tee /dev/stderr", &["terminal"], &["once"]),
        ("sleep 77 & cat", &["left-behind"], &["flush"]),
        ("trap '' TERM; while read -r line; do echo \"$line\"; done", &["second-signal", "stdout"], &["empty"]),
    ];
    each(cases, |(command, broken, fine)| {
        let mut arguments = vec!["--patience", "2"];
        for rule in broken.iter().chain(fine) {
            arguments.extend(["--only", rule]);
        }
        arguments.push(command);
        let (rules, code) = judged(&arguments);
        assert_eq!(code, 1, "{command}");
        for rule in broken {
            assert_eq!(rules[*rule], "broken", "{command}: {rule}");
        }
        for rule in fine {
            assert!(matches!(rules[*rule].as_str(), "ok" | "warn"), "{command}: {rule} is {}", rules[*rule]);
        }
    });
}

#[test]
fn what_scripts_may_do_is_a_warning_and_an_error_when_strict() {
    require(&["jq"]);
    let arguments =
        ["--only", "numbers", "--only", "unknown-lines", "--only", "duplicate-keys", "jq -c --unbuffered ."];
    let (rules, code) = judged(&arguments);
    assert_eq!(code, 0, "{rules:?}");
    let (strict, code) = judged(&[&["--strict"], &arguments[..]].concat());
    assert_eq!((with_status(&strict, "broken").len(), code), (3, 1), "{strict:?}");
}

#[test]
fn our_own_stages_pass_strictly() {
    let stages = [
        (env!("CARGO_BIN_EXE_route"), "route", false),
        (env!("CARGO_BIN_EXE_verify"), "verdict", false),
        (env!("CARGO_BIN_EXE_approve"), "decisions", false),
        (env!("CARGO_BIN_EXE_land"), "landed", false),
        (env!("CARGO_BIN_EXE_codex-exec"), "result", true),
        (env!("CARGO_BIN_EXE_claude-exec"), "result", true),
    ];
    for (stage, section, is_executor) in stages {
        let mut arguments = vec!["--strict", "--patience", "20", "--adds", section];
        if is_executor {
            arguments.push("--executor");
        }
        arguments.push(stage);
        assert_passes(&arguments);
    }
}

#[test]
fn plan_batch_keeps_every_rule_that_holds_for_who_keeps_tasks_back() {
    const FOR_OTHERS: &[&str] = &[
        // It needs the plan line, and releases nothing before it has seen the whole plan.
        "empty",
        "no-plan",
        "blank-lines",
        "crlf",
        "last-line",
        "huge-line",
        "many-lines",
        "bad-stop",
        "flush",
        // It is a source: a signal ends it, and what was not released stays in the plan.
        "sigint",
        "sigterm",
        // Tasks that are ticked off are not released, and these rules send no others.
        "once",
        "fields",
        "key-order",
        "numbers",
        "strings",
        "duplicate-keys",
        "sections",
        "random",
        "sample",
        // Attempts are its own to count.
        "attempts",
    ];
    let list = String::from_utf8(stage_check(&["--list"]).stdout).unwrap();
    let rules = list.lines().filter_map(|line| line.split_whitespace().next());
    let only: Vec<&str> = rules.filter(|rule| !FOR_OTHERS.contains(rule)).flat_map(|rule| ["--only", rule]).collect();
    assert!(only.len() >= 2 * 20, "{only:?}");
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.jsonl");
    let command = [env!("CARGO_BIN_EXE_plan-batch"), "--run", run.to_str().unwrap()];
    // One run file: one rule after the other. Three of them wait in vain for a first line, as long as their patience lasts.
    let settings = ["--strict", "--jobs", "1", "--patience", "5", "--adds", "batch"];
    assert_passes(&[&settings[..], &only, &command].concat());
}

/// The blocks of code in the page, by language.
fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/contract.md")).expect("the page");
    let fence = format!("```{language}\n");
    let blocks = page.split(fence.as_str()).skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned() + "\n").collect()
}

#[test]
fn the_stages_in_the_page_keep_it() {
    require(&["python3", "jq", "bash"]);
    let folder = tempfile::tempdir().unwrap();
    for (language, run) in [("python", "python3"), ("jq", "jq -nRr --unbuffered -f"), ("bash", "bash")] {
        let [short, text] = &blocks(language)[..] else { panic!("a short and a whole stage in {language}") };
        assert!(short.lines().count() <= 10, "{language}: too long for its heading");
        let path: PathBuf = folder.path().join(format!("short-{language}"));
        std::fs::write(&path, short).unwrap();
        let rules = ["empty", "crlf", "last-line", "once", "unknown-lines", "fields", "key-order", "sections", "flush"];
        let rules: Vec<&str> = rules.iter().chain(&["bad-json", "bad-object", "bad-type", "bad-id"]).copied().collect();
        let only: Vec<&str> = rules.iter().flat_map(|rule| ["--only", rule]).collect();
        assert_passes(&[&only[..], &["--adds", "route", &format!("{run} {}", path.display())]].concat());
        let path: PathBuf = folder.path().join(language);
        std::fs::write(&path, text).unwrap();
        assert_passes(&["--adds", "route", &format!("{run} {}", path.display())]);
    }
}

#[test]
fn the_examples_keep_the_contract() {
    require(&["python3", "jq", "bash"]);
    let stages = [
        ("route-all-codex.jq", "route"),
        ("route-by-path.py", "route"),
        ("route.sh", "route"),
        ("echo-exec.py codex cat", "result"),
        ("local-exec.sh codex cat", "result"),
        ("verify-make.sh true", "verdict"),
        ("approve-all.jq", "decisions"),
        ("approve-if-green.py", "decisions"),
    ];
    for file in std::fs::read_dir(root().join("scripts/examples")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // lines.jq is what the bash stages share, no stage.
        assert!(name == "lines.jq" || stages.iter().any(|(stage, _)| stage.split(' ').next() == Some(&name)), "{name}");
    }
    each(stages.to_vec(), |(stage, section)| {
        let command = format!("scripts/examples/{stage}");
        let mut arguments = vec!["--jobs", "2", "--adds", section];
        if stage.starts_with("echo-exec") {
            arguments.push("--executor");
        }
        assert_passes(&[&arguments[..], &[command.as_str()]].concat());
    });
}

#[test]
fn an_example_without_its_arguments_says_how_it_is_used() {
    require(&["python3"]);
    let run = |words: &[&str]| {
        Command::new("python3").arg(root().join("scripts/examples/echo-exec.py")).args(words).output().unwrap()
    };
    for words in [&[][..], &["codex"]] {
        let output = run(words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.starts_with("usage: echo-exec.py BACKEND"), "{told}");
    }
}

#[test]
fn a_stage_that_hangs_is_ended_with_all_its_children() {
    let command = "sleep 4321.5 & sleep 4321.5; true";
    let (rules, code) =
        judged(&["--timeout", "0.5", "--patience", "0.5", "--only", "once", "--only", "flush", command]);
    assert_eq!(code, 1, "{rules:?}");
    let alive = std::fs::read_dir("/proc").into_iter().flatten().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.starts_with(b"sleep\x004321.5\0"))
    });
    assert!(!alive, "a child of the stage still runs");
}

#[test]
fn the_report_names_what_was_sent_what_came_and_the_remedy() {
    require(&["jq"]);
    let output = stage_check(&[
        "--only",
        "sections",
        "jq -c --unbuffered 'if .landed then .landed.status = \"m\\u001b\" else . end'",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "BROKEN  sections",
        "landed.status: changed",
        "sent ",
        "got ",
        "from byte ",
        "docs/contract.md#passing-on",
        "mend ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\x1b'), "control characters reach the terminal: {text:?}");
    assert!(text.ends_with("1 rules, 1 broken, 0 unclear, 0 tolerated (--seed 1)\n"), "{text}");
}

#[test]
fn a_command_that_gives_up_at_once_is_one_finding() {
    let (rules, code) = judged(&["echo first >&2; echo 'no such script' >&2; exit 2"]);
    assert_eq!((with_status(&rules, "broken"), code), (vec!["once"], 1));
    assert_eq!(with_status(&rules, "unclear").len(), rules.len() - 1);
    let output = stage_check(&["--only", "flush", "echo first >&2; echo 'no such script' >&2; exit 2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the command ended with 2 before any line came out: no such script\n"), "{text}");
    assert!(text.contains("mend    run the command by hand"), "{text}");
    // One that has written something is tried in full, and what is missing is told with its end.
    let output = stage_check(&["--only", "once", "head -n 1; echo enough >&2; exit 3"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(" lines did not come out (exit 3, told last: enough)"), "{text}");
}

#[test]
fn wrong_use_is_told() {
    for (arguments, reason) in [
        (&["--only", "nonsense", "cat"][..], "no such rule"),
        (&["/no/such/stage"], "cannot run the command"),
        (&[], "required"),
        (&["--patience", "0", "cat"], "seconds"),
        (&["--sample", "/no/such/file", "cat"], "/no/such/file"),
    ] {
        let output = stage_check(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(reason), "{arguments:?}: {told}");
    }
}

#[test]
fn the_same_seed_sends_the_same_plans() {
    let sum = |seed: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sent");
        let command = format!("tee -a {}", file.display());
        stage_check(&["--only", "random", "--seed", seed, &command]);
        std::fs::read(file).unwrap()
    };
    assert!(sum("5") == sum("5") && sum("5") != sum("6") && sum("5").len() > 10_000);
}

/// Work to do for verify and approve: tasks with a result, and with a verdict.
#[test]
fn our_own_stages_change_nothing_else_when_they_work() {
    let folder = tempfile::tempdir().unwrap();
    let task = |id: &str, more: &str| {
        format!(
            r#"{{"type":"task","id":"{id}","title":"T","objective":"T","files":[],"commands":["true"],"done":[],"needs":[],"checked":false,"minutes":1.50,"body":"","source":{{"path":"p.md","line":1,"end_line":1}},"digest":"{}","route":{{"work_type":"implement","backend":"x","models":["m"],"rank":1,"rule":"r","why":"w","x":1E5}},"result":{{"status":"ok","code":0,"backend":"x","message":"m","x":[0.10,-0]}}{more}}}"#,
            "0".repeat(64)
        )
    };
    let verdict = r#","verdict":{"status":"pass","checks":[],"x":{"b":1.0,"a":2}}"#;
    let policy = folder.path().join("policy.toml");
    std::fs::write(
        &policy,
        "[[rule]]\nname = \"green\"\ngate = \"result\"\nwhen = \"pass\"\ndecision = \"approved\"\n",
    )
    .unwrap();
    let policy = policy.display().to_string();
    for (stage, section, lines) in [
        (vec![env!("CARGO_BIN_EXE_verify"), "--sandbox", "none"], "verdict", [task("1", ""), task("2", "")]),
        (
            vec![env!("CARGO_BIN_EXE_approve"), "--policy", &policy],
            "decisions",
            [task("1", verdict), task("2", verdict)],
        ),
    ] {
        let sample = folder.path().join("sample.jsonl");
        std::fs::write(&sample, lines.join("\n") + "\n").unwrap();
        let sample = sample.display().to_string();
        let arguments =
            [&["--strict", "--only", "sample", "--sample", &sample, "--adds", section, "--"], &stage[..]].concat();
        assert_passes(&arguments);
    }
}
