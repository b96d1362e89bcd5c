//! Pages in a real headless Chromium: clicked, driven by keys, inspected by axe-core. `drive.mjs` holds the steps.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::harness::{Done, Tool};
use crate::runs;

/// The folder with the browser and what drives it; installed at first use.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup-browser");
        let output = Command::new(script).stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "scripts/setup-browser failed; its message is above");
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().into()
    })
}

/// Opens a page and goes through the steps of this name; fails with what the steps found.
pub fn drive(steps: &str, page: &Path) -> Done {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_report/drive.mjs");
    let home = tempfile::tempdir().unwrap();
    let node = Tool::new("node").arg(script).arg(steps).arg(page).env("BROWSER", folder()).env("HOME", home.path());
    let done = node.run();
    assert_eq!(done.code, 0, "{steps}: {}\n{}", done.out, done.err);
    done
}

fn page(folder: &Path, lines: &[String]) -> PathBuf {
    let run = runs::write(folder, lines);
    Tool::ours("plan-report").arg(&run).run().ended(0);
    run.with_extension("html")
}

#[test]
fn a_page_with_every_state_can_be_used_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path(), &runs::every_state());
    drive("sound", &page);
    drive("accessible", &page);
    drive("keyboard", &page);
}

#[test]
fn the_table_sorts_filters_and_folds_by_clicks() {
    let folder = tempfile::tempdir().unwrap();
    drive("clicks", &page(folder.path(), &runs::every_state()));
}

#[test]
fn what_an_agent_says_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut odd = runs::done("odd", &["odd"], 1, 5, "fail", &runs::hostile(), "denied");
    for field in ["title", "objective", "body"] {
        odd[field] = runs::hostile().into();
    }
    odd["id"] = "<script>window.harmed = 3</script>\" onclick=\"window.harmed = 4".into();
    odd["verdict"]["checks"][0]["tail"] = runs::hostile().into();
    odd["verdict"]["checks"][0]["log"] = "javascript:window.harmed=5".into();
    odd["verdict"]["checks"][1]["findings"][0]["text"] = runs::hostile().into();
    odd["result"]["attempts"][0]["model"] = runs::hostile().into();
    odd["route"]["why"] = runs::hostile().into();
    odd["decisions"][0]["note"] = runs::hostile().into();
    let plan = serde_json::json!({"type": "plan", "title": runs::hostile(), "goal": "</style><script>window.harmed = 6</script>"});
    let mut lines = runs::every_state();
    lines.splice(0..1, [plan.to_string(), odd.to_string()]);
    let page = page(folder.path(), &lines);
    // A megabyte was said in a dozen places.
    let size = std::fs::metadata(&page).unwrap().len();
    assert!(size < 2_000_000, "{size}");
    drive("sound", &page);
    drive("hostile", &page);
    drive("accessible", &page);
}

/// Seconds of a processor, which do not depend on who else is at work on the machine.
fn processor_seconds(command: &str) -> f64 {
    let timed = format!("TIMEFORMAT='%U %S'; time {command} > /dev/null");
    let done = Tool::new("bash").args(&["-c", &timed]).run().ended(0);
    done.err.split_whitespace().map(|seconds| seconds.parse::<f64>().unwrap()).sum()
}

#[test]
fn a_thousand_tasks_take_less_than_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::large(1000));
    let built = processor_seconds(&format!("{} {}", crate::harness::bin("plan-report").display(), run.display()));
    assert!(built < 1.0, "the page took {built} s");
    let page = run.with_extension("html");
    drive("sound", &page);
    let told = drive("speed", &page).out;
    let usable: f64 = told.trim().parse().unwrap();
    assert!(usable < 1.0, "it could be used after {usable} s");
}

#[test]
fn two_runs_beside_each_other_are_a_sound_page() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::write(folder.path(), &runs::every_state());
    let page = folder.path().join("both.html");
    Tool::ours("plan-report")
        .arg("--diff")
        .arg(&run)
        .arg(&run)
        .args(&["--format", "html", "-o"])
        .arg(&page)
        .run()
        .ended(0);
    drive("accessible", &page);
}
