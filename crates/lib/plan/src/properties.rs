//! What holds for every input, tried on inputs that nobody thought of: 256 of each kind, or as many as `PROPTEST_CASES`
//! says. `PROPTEST_CASES=20000 cargo test -p plan properties` takes some minutes.

use proptest::prelude::*;

use crate::check;
use crate::input::Input;
use crate::parsed::Parsed;
use crate::tick;
use crate::write;

/// Lines that mean something to the parser, in any order.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,2}".prop_map(|number| format!("### Task {number}: title ✅")),
        "[0-9]".prop_map(|number| format!("**Depends on:** Tasks {number}-9, {number} and 1")),
        "[a-z]{1,5}".prop_map(|name| format!("- Create: `src/{name}.rs:1-2` (new), `../{name}`")),
        "[ x~]".prop_map(|mark| format!("- [{mark}] **Step 1: run `cargo test`**")),
        "[ x~v]".prop_map(|mark| format!("- [{mark}]* 1.1 a `b/c.rs`")),
        "[0-9]".prop_map(|number| format!("- [ ] {number}. Title <!-- id: {number} --> (abc1234)")),
        "[0-9]".prop_map(|number| format!("- [x] T00{number} [P] [US1] in `src/a.rs`")),
        "[0-9]".prop_map(|number| format!("  - [ ] T01{number} below another")),
        "[0-9]".prop_map(|number| format!("## {number}. Group")),
        Just("## Phase 2: b".to_owned()),
        Just("  - [ ] ".to_owned()),
        Just("- [ ] ".to_owned()),
        Just("## To-dos".to_owned()),
        Just("## Validation Commands\n\n- `make`".to_owned()),
        Just("**Checkpoint**: all pass".to_owned()),
        Just("**Files:**".to_owned()),
        Just("**Commands:** `a` and `b`".to_owned()),
        Just("Run: `cargo test`\nExpected: FAIL".to_owned()),
        Just("**Backend:** codex + claude".to_owned()),
        Just("## Routing summary\n\n| Task | Backend |\n|-|-|\n| 1 | codex |".to_owned()),
        Just("```markdown".to_owned()),
        Just("```bash".to_owned()),
        Just("```".to_owned()),
        Just("<!--".to_owned()),
        Just("-->".to_owned()),
        Just("---".to_owned()),
        Just(String::new()),
        "(> |    |- |)\\PC{0,40}".prop_map(|text| text),
    ]
}

fn document() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 0..40), prop_oneof![Just("\n"), Just("\r\n")])
        .prop_map(|(lines, end)| lines.join(end))
}

fn input(text: &str) -> Input {
    Input::new("p.md", text.as_bytes().to_vec()).unwrap()
}

fn digests(text: &str) -> Vec<(String, String)> {
    let input = input(text);
    let parsed = Parsed::read(&input, None);
    (0..parsed.drafts.len()).map(|index| parsed.task(index)).map(|task| (task.title, task.digest)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_can_be_read_and_places_are_right(text in prop_oneof![document(), any::<String>()]) {
        let input = input(&text);
        let parsed = Parsed::read(&input, None);
        let text = parsed.document.text;
        let lines = text.matches('\n').count() as u64 + 1;
        let mut last_end = 0;
        for index in 0..parsed.drafts.len() {
            let draft = &parsed.drafts[index];
            prop_assert!(draft.body.start >= last_end && draft.body.end <= text.len() && draft.body.start < draft.body.end);
            last_end = draft.body.end;
            let task = parsed.task(index);
            prop_assert_eq!(&task.body, &text[draft.body.clone()]);
            prop_assert!(task.source.line >= 1 && task.source.line <= task.source.end_line && task.source.end_line <= lines);
            prop_assert!(!task.title.contains('\n') && !task.objective.contains('\n'));
        }
        let mut start = 0;
        for defect in check::all(&parsed) {
            prop_assert!(defect.place.start >= start && defect.place.start <= defect.place.end && defect.place.end <= text.len());
            start = defect.place.start;
        }
    }

    #[test]
    fn a_digest_does_not_see_ticks_or_blank_lines(text in document(), blanks in 1..4_usize) {
        // Ticks inside fences and comments are content; outside they are state.
        let text = text.replace("```", "").replace("<!--", "");
        let ticked = text.replace("- [ ] ", "- [x] ");
        let moved = text.replace("### Task", &format!("{}### Task", "\n".repeat(blanks)));
        let before = digests(&text);
        prop_assert_eq!(&digests(&ticked), &before);
        prop_assert_eq!(&digests(&moved), &before);
    }

    #[test]
    fn ids_are_unique_or_told(text in document()) {
        let input = input(&text);
        let parsed = Parsed::read(&input, None);
        let distinct: std::collections::HashSet<&String> = parsed.names.ids.iter().collect();
        prop_assert_eq!(distinct.len() + parsed.names.duplicates.len(), parsed.names.ids.len());
    }

    #[test]
    fn ticking_changes_boxes_only_and_once(text in document(), chosen in any::<u64>()) {
        let before = input(&text);
        let parsed = Parsed::read(&before, None);
        let wanted = |index: usize| chosen >> (index % 64) & 1 == 1;
        let ticked = tick::tick(&parsed, &wanted);
        let other: Vec<(char, char)> =
            before.text().chars().zip(ticked.text.chars()).filter(|(one, other)| one != other).collect();
        prop_assert_eq!(before.text().len(), ticked.text.len());
        prop_assert!(other.iter().all(|(one, other)| " -~/>!?".contains(*one) && *other == 'x'), "{:?}", other);
        let after = input(&ticked.text);
        let again = Parsed::read(&after, None);
        prop_assert_eq!(again.format, parsed.format);
        prop_assert_eq!(again.drafts.len(), parsed.drafts.len());
        for index in 0..parsed.drafts.len() {
            let (one, other) = (parsed.task(index), again.task(index));
            let expected = one.checked || ticked.tasks.contains(&index);
            prop_assert_eq!(other.checked, expected, "{}", one.id);
            prop_assert_eq!(one.digest, other.digest);
            prop_assert_eq!((one.id, one.title, one.source), (other.id, other.title, other.source));
        }
        prop_assert_eq!(&tick::tick(&again, &wanted).text, &ticked.text);
    }

    #[test]
    fn a_plan_of_ours_says_the_same(text in document()) {
        let before = input(&text);
        let parsed = Parsed::read(&before, None);
        // Nothing is written of a plan that stops.
        if check::structure(&parsed).is_empty() {
            let written = input(&write::write(&parsed));
            let read = Parsed::read(&written, None);
            prop_assert_eq!(check::structure(&read).len(), 0, "{}", written.text());
            prop_assert_eq!(read.format, Some(crate::dialect::OURS));
            prop_assert_eq!(read.drafts.len(), parsed.drafts.len(), "{}", written.text());
            let fields = |task: &record::Task| {
                let value = serde_json::to_value(task).unwrap();
                write::TASK_FIELDS.map(|field| (field, value.get(field).cloned()))
            };
            for index in 0..parsed.drafts.len() {
                prop_assert_eq!(fields(&read.task(index)), fields(&parsed.task(index)), "{}", written.text());
            }
            prop_assert_eq!((read.plan().title, read.plan().goal), (parsed.plan().title, parsed.plan().goal));
        }
    }

    #[test]
    fn a_closed_fence_has_no_tasks(lines in prop::collection::vec(line(), 0..20)) {
        let content: Vec<String> = lines.iter().map(|line| line.replace('`', "'").replace('~', "-")).collect();
        let text = format!("# Plan\n\n````text\n{}\n````\n\n### Task 1: only this\n", content.join("\n"));
        prop_assert_eq!(digests(&text).len(), 1);
    }
}

#[test]
fn a_digest_sees_the_work() {
    let base = "# P\n\n### Task 1: t\n\n- [ ] **Step 1: do it**\n\n```sh\n- [ ] a\n```\n";
    for (from, to) in [("do it", "do that"), ("Task 1: t", "Task 1: u"), ("- [ ] a", "- [x] a")] {
        assert_ne!(digests(base), digests(&base.replace(from, to)), "{from}");
    }
    // Its number, its ticks, its line ends are not work.
    for (from, to) in [("Task 1", "Task 7"), ("- [ ] **", "- [x] **"), ("\n", "\r\n"), ("1: t", "1: t (DONE)")] {
        assert_eq!(digests(base), digests(&base.replace(from, to)), "{from}");
    }
}

#[test]
fn a_label_in_a_criterion_stays_a_text() {
    let text = "- [x] T000 in `src/a.rs`\n<!-- x -->\n**Checkpoint**: all pass\n**Depends on:** Tasks 0-9, 0 and 1\n";
    let before = input(text);
    let parsed = Parsed::read(&before, None);
    let written = input(&write::write(&parsed));
    let read = Parsed::read(&written, None);
    assert!(check::structure(&read).is_empty(), "{}", written.text());
    assert_eq!(read.task(0).done, parsed.task(0).done, "{}", written.text());
    assert!(!read.task(0).done.is_empty());
}
