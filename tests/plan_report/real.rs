//! A real run, by the real Codex CLI against a scripted model: its page, and the commands of the documentation on its run file.

use std::fs;
use std::path::{Path, PathBuf};

use mock_models::Script;

use crate::browser::drive;
use crate::harness::{Desk, Tool, bin, repository};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The demo's repository, and its plan done by a whole pipe.
fn demo() -> (Desk, PathBuf) {
    let desk = Desk::new(Script::from_file(&root().join("scripts/demo/model.json")).unwrap());
    let repo = desk.repo().with_file_name("demo");
    let demo = root().join("scripts/demo/repo");
    let files = ["docs/plans/2026-01-15-slugs.md", "package.json", "src/slug.js", "test/slug.test.js"];
    let content: Vec<(&str, String)> =
        files.iter().map(|path| (*path, fs::read_to_string(demo.join(path)).unwrap())).collect();
    let content: Vec<(&str, &str)> = content.iter().map(|(path, text)| (*path, text.as_str())).collect();
    repository(&repo, &content);
    let policy = root().join("scripts/demo/approvals.toml");
    let pipe = format!(
        "RUN=.plan/2026-01-15-slugs/run.jsonl; plan-parse docs/plans/2026-01-15-slugs.md | route | plan-batch --run $RUN --follow |
         codex-exec | verify | approve --run $RUN --policy '{}' | journal $RUN > /dev/null",
        policy.display()
    );
    let done = shell(&desk, &repo, &pipe);
    assert!([0, 20].contains(&done.code), "{done:#?}");
    (desk, repo)
}

fn shell(desk: &Desk, repo: &Path, command: &str) -> crate::harness::Done {
    let path = format!("{}:{}", bin("route").parent().unwrap().display(), std::env::var("PATH").unwrap());
    desk.prepare(Tool::new("bash").args(&["-o", "pipefail", "-c", command])).env("PATH", path).folder(repo).run()
}

/// The commands of every `console` block, each with what it prints.
fn console(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if let (true, Some(command)) = (is_inside, line.strip_prefix("$ ")) {
            found.push((command.to_owned(), String::new()));
        } else if is_inside {
            let (_, printed) = found.last_mut().unwrap();
            printed.push_str(line);
            printed.push('\n');
        }
    }
    found
}

#[test]
fn the_page_of_a_real_run_and_the_documented_replays() {
    let (desk, repo) = demo();
    let done = shell(&desk, &repo, "plan-report .plan/2026-01-15-slugs/run.jsonl docs/plans/2026-01-15-slugs.md");
    assert_eq!((done.code, done.out.as_str()), (0, ".plan/2026-01-15-slugs/run.html\n"), "{done:#?}");
    let page = repo.join(".plan/2026-01-15-slugs/run.html");
    drive("sound", &page);
    drive("accessible", &page);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("slug now replaces each run of other characters"), "the answer is on the page");
    assert!(text.contains("href=\"./logs/"), "so are links to the logs");
    assert!(text.contains("Task 2: Join words"), "and the prompt");

    let asked = desk.server.requests().len();
    let docs = fs::read_to_string(root().join("docs/plan-report.md")).unwrap();
    let commands = console(&docs);
    assert!(commands.len() >= 5, "{commands:#?}");
    for (command, printed) in &commands {
        let done = shell(&desk, &repo, command);
        assert!(done.code == 0 || command.contains("| verify"), "{command}\n{done:#?}");
        assert_eq!(&done.out, printed, "{command}\n{}", done.err);
    }
    assert_eq!(desk.server.requests().len(), asked, "no agent was called");
}
