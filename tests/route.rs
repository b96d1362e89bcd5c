//! route from outside: what is added to which task, what stays as it was, and how it behaves in a pipe.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

const VARIABLES: [&str; 4] = ["CODEX_MODEL", "CODEX_MODEL_CODE", "CODEX_MODEL_LOGIC", "CODEX_EFFORT"];

fn route(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_route"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|threads| {
        // A tool that stops early may have gone.
        threads.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

/// Exit code, stdout, stderr.
fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> (i32, String, String) {
    told(&fed(route(arguments), input.as_ref()))
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn routes(arguments: &[&str], input: &str) -> Vec<Value> {
    let (code, out, err) = run(arguments, input);
    assert_eq!(code, 0, "{err}");
    out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["route"].take()).collect()
}

fn fixture(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/fixtures/route/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A policy file for one test; it goes away with the folder.
fn policy(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_plan_is_routed_as_written_down() {
    let (code, out, err) = run(&[], fixture("in.jsonl"));
    assert_eq!((code, &*out), (0, &*fixture("out.jsonl")));
    assert_eq!(
        err,
        "route: task 7: the plan asks for codex, the policy does not allow that for orchestrate: routed to claude; \
         state another work type in the plan, or add \"codex\" to allow in [work_type.orchestrate]\n"
    );
}

#[test]
fn running_twice_changes_nothing() {
    let once = fixture("out.jsonl");
    assert_eq!(run(&[], &once), (0, once, String::new()));
}

#[test]
fn only_the_route_is_added_and_every_other_byte_stays() {
    let line = r#" { "type" : "task","id":"1", "n":0.10 ,"e":[1E400, -0.0,1.0e+2],"id2":"\u00e9\/","title":"Ring buffer","route":null,"z":{"b":1,"a":{}} } "#;
    let (code, out, _) = run(&[], format!("{line}\r\n\n[\"no\"]\n"));
    assert_eq!(code, 65, "a list is no line");
    let (before, behind) = line.split_once("null").unwrap();
    let route = out
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(&format!("{behind}\r\n")))
        .unwrap_or_else(|| panic!("{out}"));
    let route: Value = serde_json::from_str(route).unwrap();
    assert_eq!(route["backend"], "codex");
}

#[test]
fn only_id_and_title_are_needed() {
    let route = &routes(&[], "{\"type\":\"task\",\"id\":\"1\",\"title\":\"Ring buffer\"}\n")[0];
    assert_eq!((&route["work_type"], &route["rule"]), (&"implement".into(), &"default".into()));
    let nothing = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"Ring buffer\",\"files\":null,\"objective\":null,\"commands\":null}";
    assert_eq!(&routes(&[], nothing)[0], route, "null is absent, and a last line needs no end");
    assert_eq!(run(&[], ""), (0, String::new(), String::new()));
}

#[test]
fn a_bad_line_stops_behind_what_came_before() {
    let good = "{\"type\":\"other\"}\n";
    for (line, reason) in [
        ("{\"type\":\"task\",\"title\":\"T\"}", "missing field `id`"),
        ("{\"type\":\"task\",\"id\":\"1\"}", "missing field `title`"),
        ("{\"type\":\"task\",\"id\":1,\"title\":\"T\"}", "id: invalid type: integer `1`, expected a string"),
        (
            "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"files\":[{\"path\":\"a\"},{\"path\":5}]}",
            "files[1].path: invalid type: integer `5`, expected a string",
        ),
        (
            "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"files\":[{\"path\":\"a\",\"action\":\"mend\"}]}",
            "files[0].action: unknown variant `mend`",
        ),
        (
            "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"work_type\":\"deploy\"}",
            "work_type: unknown variant `deploy`",
        ),
        ("{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\",\"commands\":\"x\"}", "commands: invalid type"),
        ("{\"type\":\"task\",\"id\":\"1\",\"tit", "not JSON"),
        ("Destination Gateway Genmask", "not JSON"),
        ("{\"id\":\"1\"}", "no \"type\""),
    ] {
        let (code, out, err) = run(&[], format!("{good}{line}\n{good}"));
        assert_eq!((code, &*out), (65, good), "{line}");
        assert!(err.starts_with("route: stdin:2: ") && err.contains(reason), "{line}\n{err}");
        assert_eq!(err.matches('\n').count(), 1, "{err}");
    }
    let twice = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"T\"}\n".repeat(2);
    let (code, out, err) = run(&[], twice);
    assert_eq!((code, out.lines().count()), (65, 1), "{err}");
}

#[test]
fn flag_before_variable_before_file_before_built_in() {
    let task = "{\"type\":\"task\",\"id\":\"1\",\"title\":\"Ring buffer\"}\n{\"type\":\"task\",\"id\":\"2\",\"title\":\"x\",\"work_type\":\"options\"}\n";
    let (_folder, file) = policy("[model]\ncode = \"file\"\n[backend.codex]\neffort = \"low\"\n");
    let models = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = route(arguments);
        command.envs(variables.iter().copied());
        let (code, out, err) = told(&fed(command, task.as_bytes()));
        assert_eq!(code, 0, "{err}");
        let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let all = |at: usize| {
            lines[at]["route"]["models"]
                .as_array()
                .unwrap()
                .iter()
                .map(|model| model.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join("+")
        };
        format!("{} {} {}", all(0), all(1), lines[0]["route"]["effort"].as_str().unwrap())
    };
    let with_file = ["--policy", &*file];
    assert_eq!(models(&[], &[]), "gpt-5.3-codex gpt-5.3-codex+gpt-5.4 xhigh");
    assert_eq!(models(&[], &with_file), "file file+gpt-5.4 low");
    let code = ("CODEX_MODEL_CODE", "variable");
    assert_eq!(models(&[code, ("CODEX_EFFORT", "high")], &with_file), "variable variable+gpt-5.4 high");
    let flags = ["--policy", &*file, "--model-code", "flag", "--effort", "max"];
    assert_eq!(models(&[code, ("CODEX_EFFORT", "high")], &flags), "flag flag+gpt-5.4 max");
    assert_eq!(models(&[code, ("CODEX_MODEL", "one")], &[]), "one variable+gpt-5.4 xhigh", "never a pair");
    assert_eq!(models(&[("CODEX_MODEL", "one")], &["--model", "two"]), "two gpt-5.3-codex+gpt-5.4 xhigh");
    assert_eq!(models(&[("CODEX_MODEL_LOGIC", "l")], &[]), "gpt-5.3-codex gpt-5.3-codex+l xhigh");
    assert_eq!(
        models(&VARIABLES.map(|name| (name, "")), &[]),
        "gpt-5.3-codex gpt-5.3-codex+gpt-5.4 xhigh",
        "empty is absent"
    );
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    for arguments in [&["--effort", "XHIGH"][..], &["--polisy", "x"], &["--print-policy", "--table"], &["x"]] {
        let (code, out, err) = run(arguments, "");
        assert_eq!((code, &*out), (2, ""), "{arguments:?}");
        assert!(!err.is_empty());
    }
    let mut command = route(&[]);
    command.env("CODEX_EFFORT", "huge");
    let (code, _, err) = told(&fed(command, b""));
    assert_eq!(
        (code, &*err),
        (
            2,
            "route: effort \"huge\" (--effort or CODEX_EFFORT): use one of none, minimal, low, medium, high, xhigh, max, ultra\n"
        )
    );
}

#[test]
fn a_bad_policy_is_told_with_its_place_though_no_task_comes() {
    let (_folder, path) = policy("[model]\ncode = \"x\"\n\n[wrok_type.explore]\n");
    let (code, out, err) = run(&["--policy", &path], "");
    assert_eq!((code, &*out), (2, ""));
    assert!(err.starts_with(&format!("route: {path}:4:2: unknown field `wrok_type`, expected one of ")), "{err}");
    let (code, _, err) = run(&["--policy", "/there/is/none.toml"], "");
    assert_eq!((code, &*err), (2, "route: /there/is/none.toml: No such file or directory (os error 2)\n"));
}

#[test]
fn the_printed_policy_is_the_built_in_one() {
    let (code, text, _) = run(&["--print-policy"], "");
    assert_eq!(code, 0);
    let whole = format!("extends = false\n{text}");
    for text in [&text, &whole] {
        let (_folder, path) = policy(text);
        let (code, out, err) = run(&["--policy", &path], fixture("in.jsonl"));
        assert_eq!((code, &*out), (0, &*fixture("out.jsonl")), "{err}");
    }
}

#[test]
fn explain_tells_one_line_a_task() {
    let hostile = "{\"type\":\"task\",\"id\":\"a\\u001b[2J\",\"title\":\"Diagnose it\"}\n{\"type\":\"other\"}\n";
    let (code, out, err) = run(&["--explain"], format!("{hostile}{}", fixture("in.jsonl")));
    assert_eq!((code, out.lines().count()), (0, 14));
    assert!(err.starts_with(
        "route: task a\u{241b}[2J: analysis: codex gpt-5.4 read-only: rule analysis: reasoning, no code to write: the title begins with 'diagnos'\n"
    ), "{err}");
    for line in [
        "route: task 1: explore: codex gpt-5.3-codex read-only: rule explore: ",
        "route: task 4: logic_review: codex gpt-5.4 read-only: rule plan: the plan says logic_review\n",
        "route: task 6: options: codex gpt-5.3-codex + gpt-5.4 read-only: rule plan: the plan says options\n",
        "route: task 8: manual: manual: rule person: ",
        "route: task 10: implement: mine: rule r: it had this route already\n",
    ] {
        assert!(err.contains(line), "{line}\n{err}");
    }
    assert_eq!(err.lines().count(), 12, "eleven tasks and one refusal");
}

#[test]
fn the_table_is_the_routing_summary_of_the_plan() {
    let odd = "{\"type\":\"task\",\"id\":\"a|b\",\"title\":\"One | two\\nthree\"}\n";
    let (code, out, _) = run(&["--table"], format!("{}{odd}", fixture("in.jsonl")));
    assert_eq!((code, &*out), (0, &*fixture("table.md")));
    assert_eq!(run(&["--table"], "{\"type\":\"other\"}\n"), (0, String::new(), String::new()));
}

#[test]
fn the_doctor_tells_of_retired_models_and_the_remedy() {
    let (code, out, err) = run(&["--doctor"], "");
    assert_eq!((code, out.lines().count(), err.lines().count()), (0, 1, 1));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["models"]["code"], "gpt-5.3-codex");
    let retired: Vec<_> =
        report["retired"].as_array().unwrap().iter().map(|note| note["model"].as_str().unwrap()).collect();
    assert_eq!(retired, ["gpt-5.3-codex", "gpt-5.4"]);
    for word in [
        "gpt-5.3-codex is retired for ChatGPT logins since 2026-06-02",
        "gpt-5.4 is retired for ChatGPT logins since 2026-08-31",
        "CODEX_MODEL_CODE",
        "CODEX_MODEL_LOGIC",
    ] {
        assert!(err.contains(word), "{err}");
    }
    let (_, out, err) = run(&["--doctor", "--model-code", "new", "--model-logic", "newer"], "");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["retired"], serde_json::json!([]));
    assert!(!err.contains("retired") && err.contains("code = new"), "{err}");
}

#[test]
fn help_names_the_fields_and_the_variables() {
    let (code, out, _) = run(&["--help"], "");
    assert_eq!(code, 0);
    for word in [
        "Needs of a task: id, title",
        "CODEX_MODEL",
        "CODEX_MODEL_CODE",
        "CODEX_MODEL_LOGIC",
        "CODEX_EFFORT",
        "--policy",
        "--print-policy",
        "--explain",
        "--table",
        "--doctor",
    ] {
        assert!(out.contains(word), "{word}\n{out}");
    }
}

// ---- in a pipe

/// A stream of tasks with these numbers.
fn tasks(numbers: std::ops::Range<usize>) -> String {
    let filler = "- [ ] a step of the work\\n".repeat(30);
    let line = |number| {
        format!("{{\"type\":\"task\",\"id\":\"{number}\",\"title\":\"Review step {number}\",\"body\":\"{filler}\"}}\n")
    };
    numbers.map(line).collect()
}

#[test]
fn a_line_comes_out_before_the_next_one_goes_in() {
    let mut child = route(&[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 0..3 {
        stdin.write_all(tasks(number..number + 1).as_bytes()).unwrap();
        // Waits for ever when the line is held back.
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(&format!("\"id\":\"{number}\"")) && line.contains("\"route\""), "{line}");
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

/// Reads the first line and closes the pipe.
fn head(child: &mut Child) {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
}

#[test]
fn a_reader_that_goes_ends_it_quietly_even_while_nothing_comes_in() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = route(&[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(tasks(0..1).as_bytes()).unwrap();
    head(&mut child);
    // The input stays open and silent.
    let status = child.wait().unwrap();
    drop(stdin);
    assert_eq!(status.signal(), Some(rustix::process::Signal::PIPE.as_raw()));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}

#[test]
fn memory_does_not_grow_with_the_input() {
    const TASKS: usize = 40_000;
    let mut child = route(&[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut written = 0;
    let peak = thread::scope(|threads| {
        let reader = threads.spawn(move || {
            let last = format!("\"id\":\"{}\"", TASKS - 1);
            let mut lines = BufReader::new(stdout).lines().map(Result::unwrap);
            // The pipe stays open: a closed one would end the process.
            (lines.any(|line| line.contains(&last)), lines)
        });
        for from in (0..TASKS).step_by(1000) {
            let text = tasks(from..from + 1000);
            written += text.len();
            stdin.write_all(text.as_bytes()).unwrap();
        }
        // Everything has gone through, and the process is still there to be asked.
        let (is_through, _open) = reader.join().unwrap();
        assert!(is_through);
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    });
    drop(stdin);
    child.wait().unwrap();
    assert!(written > 30 << 20, "{written}");
    assert!(peak < (20 << 20) + 32 * TASKS, "{peak} bytes for {written} bytes of input");
}

/// Much input is looked at by several threads, and `--explain` keeps to one: nobody may notice the difference.
#[test]
fn much_input_comes_out_as_little_does() {
    let mut input = String::from("{\"type\":\"plan\",\"v\":1}\n");
    for number in 0..20_000 {
        let line = match number % 5 {
            0 => format!("{{\"type\":\"note\",\"n\":{number}.50,\"text\":\"{}\"}}\r\n\n", "é".repeat(number % 700)),
            1 => format!(
                "{{\"type\":\"task\",\"id\":\"{number}\",\"title\":\"Review the parser\",\"batch\":{{\"number\":1,\"attempt\":2}}}}\n"
            ),
            2 => format!(
                "{{\"type\":\"task\",\"id\":\"{number}\",\"title\":\"Kept\",\"route\":{{\"backend\":\"x\"}}}}\n"
            ),
            _ => format!(
                "{{\"type\":\"task\",\"id\":\"{number}\",\"title\":\"Implement it\",\"body\":\"{}\"}}\n",
                "b".repeat(number % 900)
            ),
        };
        input.push_str(&line);
    }
    assert!(input.len() > 4 << 20, "{}", input.len());
    // From a file, so that there is always more to read and several blocks are on their way at once.
    let file = tempfile::NamedTempFile::new().unwrap();
    let from_file = |arguments: &[&str]| told(&route(arguments).stdin(file.reopen().unwrap()).output().unwrap());
    let same = |input: &str| {
        fs::write(file.path(), input).unwrap();
        let (code, out, err) = from_file(&[]);
        let (code_alone, out_alone, err_alone) = from_file(&["--explain"]);
        assert!(out == out_alone, "{} and {} bytes", out.len(), out_alone.len());
        assert_eq!(code, code_alone);
        (code, out, err, err_alone.lines().last().unwrap_or_default().to_owned())
    };
    let (code, out, err, _) = same(&input);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), 20_001);
    let line = input.lines().count() + 1;
    for (bad, why) in [
        ("{\"type\":\"task\",\"id\":\"18\",\"title\":\"again\"}\n", "task 18: there was a line for this id before"),
        (
            "{\"type\":\"task\",\"id\":\"1\",\"title\":\"t\",\"batch\":{\"attempt\":2}}\n",
            "task 1: there was a line for this id and attempt 2 before",
        ),
        ("{\"type\":\"task\",\"id\":\"z\"}\n", "missing field `title`"),
        ("[1]\n", "not a JSON object"),
    ] {
        let more = (20_000..30_000)
            .map(|id| format!("{{\"type\":\"task\",\"id\":\"{id}\",\"title\":\"{}\"}}\n", "t".repeat(300)))
            .collect::<Vec<String>>()
            .concat();
        let (code, stopped, err, alone) = same(&format!("{input}{bad}{more}"));
        assert_eq!(code, 65);
        assert!(stopped == out, "everything before the bad line and nothing after it");
        assert_eq!(err, format!("route: stdin:{line}: {why}\n"));
        assert_eq!(err.trim_end(), alone);
    }
}

/// Tasks that we made up and labelled ourselves, most of them to trap whoever looks at single words.
const LABELLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/route/labelled.jsonl");

#[test]
fn labelled_tasks_are_scored() {
    let (code, out, err) = run(&["--eval", LABELLED], "");
    assert_eq!(code, 0, "{err}");
    let first: Vec<f64> = out.split([' ', ',']).filter_map(|word| word.parse().ok()).take(3).collect();
    let [right, all, accuracy] = first[..] else { panic!("{out}") };
    assert!(all >= 100.0 && accuracy >= 90.0 && (100.0 * right / all - accuracy).abs() < 0.1, "{out}");
    let table = out.lines().skip_while(|line| !line.starts_with("class")).skip(1).take_while(|line| !line.is_empty());
    for line in table {
        let recall: f64 = line.split_whitespace().rev().nth(1).unwrap().parse().unwrap();
        assert!(recall >= 70.0, "{line}\n{out}");
    }
}

#[test]
fn what_cannot_be_scored_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("l.jsonl");
    let path = file.to_str().unwrap();
    for (text, told) in [
        ("", "there is no labelled task in it"),
        ("{\"title\":\"a\",\"label\":\"implement\"}\n{\"title\":\"b\"}\n", "l.jsonl:2: missing field `label`"),
        ("{\"title\":\"a\",\"label\":\"work\"}\n", "l.jsonl:1: label: unknown variant"),
        ("{\"label\":\"implement\"}\n", "l.jsonl:1: "),
        ("nothing\n", "l.jsonl:1: "),
    ] {
        fs::write(&file, text).unwrap();
        let (code, out, err) = run(&["--eval", path], "");
        assert!(code == 65 && out.is_empty() && err.contains(told), "{text}: {code} {err}");
    }
    // A second label is as good, and files may be paths alone.
    fs::write(
        &file,
        r#"{"title":"Analyze the log format","files":["a.rs"],"label":"options","alt":["analysis","explore"]}"#,
    )
    .unwrap();
    assert!(run(&["--eval", path], "").1.starts_with("1 of 1 right"));
}
