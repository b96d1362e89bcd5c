//! The README's pipes, run word by word in the demo's repository; and the demo itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Desk, Tool, bin, git, repository};
use mock_models::Script;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of every `console` block, each with the lines that continue it.
fn console(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(command.to_owned());
        } else if let Some(more) = line.strip_prefix("> ").filter(|_| inside) {
            let command = commands.last_mut().unwrap();
            command.push('\n');
            command.push_str(more);
        }
    }
    commands
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner)).unwrap().flatten() {
            let path = inner.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                found.push((path.to_str().unwrap().to_owned(), fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_pipe_of_the_readme_works() {
    let script = Script::from_file(&root().join("scripts/demo/model.json")).unwrap();
    let desk = Desk::new(script);
    let repo = desk.repo().with_file_name("demo");
    let mut content = files(&root().join("scripts/demo/repo"));
    for (path, text) in files(&root().join("scripts/examples")) {
        content.push((format!("scripts/examples/{path}"), text));
    }
    let content: Vec<(&str, &str)> = content.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repository(&repo, &content);

    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let commands = console(&readme);
    assert!(commands.len() >= 10, "the blocks are found: {commands:#?}");
    let path = format!("{}:{}", bin("route").parent().unwrap().display(), std::env::var("PATH").unwrap());
    for command in &commands {
        let tool =
            desk.prepare(Tool::new("bash").args(&["-o", "pipefail", "-c", command])).env("PATH", &path).folder(&repo);
        let done = tool.run();
        assert_eq!(done.code, 0, "{command}\n{}\n{}", done.out, done.err);
        let quiet = command.contains('>') || command.contains("--check") || command.contains("mkdir");
        assert_eq!(done.out.is_empty(), quiet, "{command}\n{}", done.out);
    }
    let lines = fs::read_to_string(repo.join(".plan/run.jsonl")).unwrap();
    assert_eq!(lines.matches("\"status\":\"approved\",\"by\":\"policy:proven\"").count(), 3, "{lines}");
    assert!(
        fs::read_to_string(repo.join("src/slug.js")).unwrap().contains("/[^a-z0-9]+/g"),
        "the agent has changed the file"
    );
}

#[test]
fn the_demo_goes_from_a_goal_to_a_commit() {
    let tools = bin("route").parent().unwrap().to_owned();
    if !tools.join("mock-models").exists() {
        // Tests of this package alone do not build it.
        let profile: &[&str] = if tools.ends_with("release") { &["--release"] } else { &[] };
        let cargo = Command::new(env!("CARGO")).args(["build", "-q", "-p", "mock-models"]).args(profile).status();
        assert!(cargo.unwrap().success());
    }
    let place = tempfile::tempdir().unwrap();
    let demo = Tool::new(root().join("scripts/demo/run")).arg(place.path()).env("DEMO_BIN", &tools);
    let done = demo.env("DEMO_AGENTS", mock_models::agents::folder().unwrap()).run().ended(0);
    assert!(done.err.contains("plan-run: 3 of 3 tasks finished, 8,962 tokens (codex);"), "{}", done.err);
    let repo = place.path().join("repo");
    let log = git(&repo, &["log", "--format=%s/%(trailers:key=Task,valueonly)"]);
    let commits: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(commits, ["Join words by exactly one hyphen/2", "A plan/", "A slug function with a fault/"]);
    assert_eq!(git(&repo, &["status", "--porcelain"]), "");
    let (before, after) = done.out.split_once("plan-run --approve-policy").unwrap();
    assert!(before.contains("fail 2") && after.contains("fail 0") && after.contains("Review the change"), "{done:?}");
    Tool::new("node").args(&["--test", "test/"]).folder(&repo).run().ended(0);
}

#[test]
fn the_readme_names_every_tool_and_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let pages = fs::read_to_string(root().join("examples/docs.rs")).unwrap();
    for name in manifest.lines().filter_map(|line| line.strip_prefix("path = \"crates/bin/")?.split('/').next()) {
        assert!(readme.contains(&format!("| `{name}` |")), "{name} has no line in the README");
        assert!(pages.contains(&format!("(\"{name}\", ")), "{name} has no man page");
    }
    for page in readme.split("](docs/").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root().join("docs").join(page).exists(), "docs/{page}");
    }
}
