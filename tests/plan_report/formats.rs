//! The same run as text, as Markdown, beside another run.

use serde_json::Value;

use crate::harness::Tool;
use crate::runs;

fn made(run: &std::path::Path, args: &[&str]) -> String {
    Tool::ours("plan-report").arg(run).args(args).run().ended(0).out
}

#[test]
fn text_fits_its_columns_and_has_no_colours_in_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = runs::every_state();
    lines.insert(1, runs::done("wide 日本語", &[], 1, 5, "pass", &runs::hostile(), "approved").to_string());
    let run = runs::write(folder.path(), &lines);
    for width in [40_usize, 80, 200] {
        let text = made(&run, &["--format", "text", "--width", &width.to_string()]);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        let table = text.split("What waits for you").next().unwrap();
        // A wide character takes two columns.
        let columns = |line: &str| {
            line.chars()
                .map(|character| if character > '\u{3000}' && character < '\u{ff00}' { 2 } else { 1 })
                .sum::<usize>()
        };
        for line in table.lines().filter(|_| width > 40) {
            assert!(columns(line) <= width, "{line}");
        }
    }
    let text = made(&run, &["--format", "text", "--width", "160"]);
    assert!(text.contains("4 of 10 tasks finished · 2 waiting · 1 failed · 1 interrupted · 1 held · 1 open"), "{text}");
    assert!(text.contains(&format!("decide {} 3 approve\n", run.display())), "{text}");
    assert!(text.contains("2 lines could not be read; the first is line 21"), "{text}");
    assert!(text.contains('█') && text.contains("claude claude-sonnet-4-6"), "{text}");
}

#[test]
fn markdown_is_fit_for_the_description_of_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = runs::every_state();
    let mut odd = runs::done("odd", &[], 1, 5, "pass", &runs::hostile(), "approved");
    odd["title"] = Value::from("a | b\n<!-- @someone fixes #7 https://example.org [x](y)");
    lines.insert(1, odd.to_string());
    let text = made(&runs::write(folder.path(), &lines), &["--format", "md"]);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("| odd | a \\| b␊&lt;!-- @<!-- -->someone fixes #<!-- -->7 https&#58;//example.org \\[x\\](y) | ✓ finished |"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    // What looks like HTML stands in a fenced block alone.
    let outside: Vec<&str> = text.split("```").step_by(2).collect();
    assert!(!outside.concat().contains("<script>"), "{text}");
    let large = made(&runs::write(folder.path(), &runs::large(2000)), &["--format", "md"]);
    assert!(large.len() < 65_536, "{}", large.len());
    assert!(large.contains("are left out here") && large.contains("### What waits"), "{}", &large[large.len() - 500..]);
}

#[test]
fn two_runs_stand_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::create_dir(&old).unwrap();
    std::fs::create_dir(&new).unwrap();
    let old = runs::write(
        &old,
        &[
            runs::done("1", &[], 1, 0, "fail", "a", "").to_string(),
            runs::done("2", &[], 1, 9, "pass", "a", "approved").to_string(),
        ],
    );
    let new = runs::write(
        &new,
        &[runs::done("1", &[], 1, 100, "pass", "a", "approved").to_string(), runs::task("3", &[]).to_string()],
    );
    let compared = |format: &str| {
        let args = ["--diff", "--format", format, "--output", "-"];
        Tool::ours("plan-report").arg(&old).arg(&new).args(&args).run().ended(0).out
    };
    let text = compared("text");
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"));
    assert_eq!(line("calls").split_whitespace().collect::<Vec<_>>(), ["calls", "2", "1", "−1", "(−50%)"]);
    // 1000 + 0 + 100 and 1000 + 9 + 100, with a review of 77 each; then 1100 + 110 and one review.
    assert_eq!(
        line("tokens ").split_whitespace().collect::<Vec<_>>(),
        ["tokens", "2,363", "1,287", "−1,076", "(−46%)"]
    );
    assert!(line("1  ").contains("✗ failed (fail)") && line("1  ").contains("✓ finished (pass)"), "{text}");
    assert!(text.contains("note: 2 of 3 tasks are not the same in both"), "{text}");
    let json: Value = serde_json::from_str(&compared("json")).unwrap();
    assert_eq!((&json["tasks"][0]["two"]["tokens"], &json["tasks"][1]["two"]), (&Value::from(1287), &Value::Null));
    assert!(
        compared("md").contains("| 1 | Title of 1 | ✗ failed (fail) | ✓ finished (pass) | 1,177 | 1,287 |"),
        "{}",
        compared("md")
    );
    assert!(compared("html").contains("Task by task"));
}
