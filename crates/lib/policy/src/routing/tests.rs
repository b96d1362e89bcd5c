//! The built-in policy and what a file may say over it.

use proptest::prelude::*;
use record::{Action, Route, Sandbox, WorkType};

use super::*;

fn built_in() -> Policy {
    Policy::built_in(Overrides::default()).unwrap()
}

fn over(text: &str) -> Result<Policy, String> {
    Policy::parse("p.toml", text, Overrides::default()).map_err(|error| error.to_string())
}

fn titled(title: &str) -> Task<'_> {
    Task { id: "1".into(), title: title.into(), ..Task::default() }
}

fn with_files<'a>(title: &'a str, paths: &[&'a str]) -> Task<'a> {
    let file = |path: &&'a str| File { path: (*path).into(), action: Some(Action::Modify) };
    Task { files: Some(paths.iter().map(file).collect()), ..titled(title) }
}

fn asking<'a>(title: &'a str, backend: &'a str) -> Task<'a> {
    Task { backend: Some(backend.into()), ..titled(title) }
}

fn stating(work_type: WorkType) -> Task<'static> {
    Task { work_type: Some(work_type), ..titled("Something") }
}

/// The table that the README promises, row by row.
#[test]
fn each_kind_of_work_has_its_row() {
    let policy = built_in();
    let (code, logic, claude) = ("gpt-5.3-codex", "gpt-5.4", "claude-sonnet-4-6");
    let read = Some(Sandbox::ReadOnly);
    for (work_type, backend, models, sandbox, rank) in [
        (WorkType::Explore, "codex", vec![code], read, 10),
        (WorkType::Implement, "codex", vec![code], Some(Sandbox::WorkspaceWrite), 10),
        (WorkType::CodeReview, "codex", vec![code], read, 10),
        (WorkType::LogicReview, "codex", vec![logic], read, 20),
        (WorkType::Analysis, "codex", vec![logic], read, 20),
        (WorkType::Research, "claude", vec![claude], read, 40),
        (WorkType::Options, "codex", vec![code, logic], read, 30),
        (WorkType::Orchestrate, "claude", vec![claude], read, 40),
        (WorkType::Manual, "manual", vec![], None, 0),
    ] {
        let task = stating(work_type);
        let choice = policy.decide(&task);
        assert_eq!((choice.backend, &choice.models, choice.sandbox, choice.rank), (backend, &models, sandbox, rank));
        assert_eq!(choice.effort, (backend == "codex").then_some("xhigh"));
        assert_eq!((choice.work_type, choice.rule), (work_type, "plan"));
        assert_eq!(choice.why, format!("the plan says {}", choice.work_type_name()));
    }
}

#[test]
fn the_rules_tell_kinds_of_work_apart() {
    use WorkType::{Analysis, CodeReview, Explore, Implement, LogicReview, Manual, Options, Orchestrate, Research};
    let policy = built_in();
    for (title, files, wanted) in [
        ("Add a review queue to the dashboard", &[][..], Implement),
        ("Implement the research planner", &[], Implement),
        ("Wire the audit trail into the billing service", &[], Implement),
        ("Fix the options parser", &[], Implement),
        ("Create the decision table type", &["src/decision.rs"], Implement),
        ("Document the public API", &[], Implement),
        ("Write manual pages for all tools", &[], Implement),
        ("Research notebook sidebar", &["src/research/sidebar.tsx", "tests/sidebar.test.tsx"], Implement),
        ("Inventory service", &["src/inventory.rs", "tests/inventory.rs"], Implement),
        ("Evaluate the two caches and replace the slower one", &[], Implement),
        ("Release notes generator", &["src/notes.py"], Implement),
        ("Push notification handler", &["src/push.ts"], Implement),
        ("Select component", &["src/select.vue"], Implement),
        ("Ring buffer", &["src/ring.c"], Implement),
        ("Locate where sessions expire", &[], Explore),
        ("Inventory all feature flags", &[], Explore),
        ("Review existing retry logic", &["src/retry.rs"], Explore),
        ("Audit every call of the legacy API", &["src/api.ts"], Explore),
        ("Task 4: Read the archived design", &["docs/old.md"], Explore),
        ("Research existing pagination code", &[], Explore),
        ("Code review of the storage layer", &[], CodeReview),
        ("Security audit: verify that no token is logged", &[], CodeReview),
        ("Final adversarial review", &[], CodeReview),
        ("Review all unsafe blocks", &["src/ffi.rs"], CodeReview),
        ("Review the design for contradictions", &[], LogicReview),
        ("Threat model for the upload endpoint", &[], LogicReview),
        ("Diagnose the nightly time-outs", &[], Analysis),
        ("Assess whether sharding is worth it", &[], Analysis),
        ("Spike: can the index be memory-mapped", &[], Analysis),
        ("Root cause of the lost updates", &[], Analysis),
        ("Research best practices for key rotation", &[], Research),
        ("Look up the rate limits of the mail provider", &[], Research),
        ("Prior art in incremental parsers", &[], Research),
        ("Should retries be per host?", &[], Options),
        ("Compare queue options", &[], Options),
        ("Choose between SQLite and RocksDB", &[], Options),
        ("Propose three names", &[], Options),
        ("Open a PR", &[], Orchestrate),
        ("Deploy the docs site", &[], Orchestrate),
        ("Decide the deprecation schedule", &[], Orchestrate),
        ("Summarize the findings", &["docs/findings.md"], Orchestrate),
        ("Manual: check the printed label", &[], Manual),
        ("User acceptance testing", &[], Manual),
        ("Get sign-off from the data owner", &[], Manual),
    ] {
        let task = with_files(title, files);
        let choice = policy.decide(&task);
        assert_eq!(choice.work_type, wanted, "{title}: rule {}: {}", choice.rule, choice.why);
    }
}

#[test]
fn the_reason_names_what_was_seen() {
    let policy = built_in();
    let task = titled("Diagnose it");
    let choice = policy.decide(&task);
    assert_eq!(
        (choice.rule, &*choice.why),
        ("analysis", "reasoning, no code to write: the title begins with 'diagnos'")
    );
    let task = titled("Ring buffer");
    let choice = policy.decide(&task);
    assert_eq!((choice.rule, &*choice.why), ("default", "nothing in the task says otherwise"));
}

#[test]
fn the_plan_chooses_a_backend_that_the_policy_allows() {
    let policy = built_in();
    let choose = |task: &Task| policy.decide(task).route();
    let route = choose(&asking("Add a flag", "claude"));
    assert_eq!((&*route.backend, &*route.models[0], route.rank), ("claude", "claude-sonnet-4-6", 40));
    // Who does it changes nothing about what may be touched.
    assert_eq!((route.sandbox, route.effort), (Some(Sandbox::WorkspaceWrite), None));
    assert!(route.why.ends_with("; the plan asks for claude"), "{}", route.why);

    let route = choose(&asking("Add a flag", "codex:gpt-9"));
    assert_eq!((&*route.models, route.rank), (&["gpt-9".to_owned()][..], 20));
    let route = choose(&asking("Add a flag", "codex:gpt-5.4"));
    assert_eq!((&*route.models, route.rank), (&["gpt-5.4".to_owned()][..], 20));
    let route = choose(&asking("Add a flag", "codex:logic"));
    assert_eq!((&*route.models, route.rank), (&["gpt-5.4".to_owned()][..], 20));
    let route = choose(&asking("Add a flag", "codex"));
    assert_eq!((&*route.models, route.rank), (&["gpt-5.3-codex".to_owned()][..], 10));

    let route = choose(&asking("Add a flag", "manual"));
    assert_eq!((route.work_type, &*route.backend, route.sandbox), (WorkType::Manual, "manual", None));
    assert!(route.models.is_empty());
    let route = choose(&Task { work_type: Some(WorkType::Implement), ..asking("Add a flag", "manual") });
    assert_eq!((route.work_type, &*route.backend, route.rank), (WorkType::Implement, "manual", 0));
}

#[test]
fn a_wish_that_the_policy_refuses_is_told() {
    let policy = built_in();
    for (backend, says) in
        [("codex", "does not allow"), ("codex:gpt-5.4", "does not allow"), ("gemini", "no such backend")]
    {
        let task = asking("Decide the schedule", backend);
        let choice = policy.decide(&task);
        assert_eq!((choice.work_type, choice.backend), (WorkType::Orchestrate, "claude"));
        assert!(choice.why.contains(backend), "{}", choice.why);
        let refused = choice.refused.unwrap();
        assert!(refused.contains(says) && refused.contains(backend), "{refused}");
    }
    let task = Task { work_type: Some(WorkType::Manual), ..asking("Add a flag", "codex") };
    assert_eq!(policy.decide(&task).backend, "manual", "a human step stays one");
}

#[test]
fn an_override_changes_codex_and_nobody_else() {
    let overrides = Overrides {
        model: Some("m".into()),
        code: Some("c".into()),
        logic: Some("l".into()),
        effort: Some("low".into()),
    };
    let without_model = Overrides { model: None, ..overrides.clone() };
    let models = |overrides: &Overrides, work_type| {
        let policy = Policy::built_in(overrides.clone()).unwrap();
        let task = stating(work_type);
        let route = policy.decide(&task).route();
        (route.models.join("+"), route.effort)
    };
    let low = Some("low".to_owned());
    assert_eq!(models(&without_model, WorkType::Implement), ("c".into(), low.clone()));
    assert_eq!(models(&without_model, WorkType::Analysis), ("l".into(), low.clone()));
    assert_eq!(models(&overrides, WorkType::Analysis), ("m".into(), low.clone()));
    assert_eq!(models(&overrides, WorkType::Options), ("c+l".into(), low), "never a pair");
    assert_eq!(models(&overrides, WorkType::Research), ("claude-sonnet-4-6".into(), None));
    assert_eq!(models(&overrides, WorkType::Manual), (String::new(), None));
}

#[test]
fn a_file_is_laid_over_the_built_in_table_key_by_key() {
    let policy = over(
        "[model]\ncode = \"fast\"\n[work_type.explore]\nmodels = [\"logic\"]\n[backend.mine]\nmodels = [\"m\"]\n[rank]\nmine = 7\n\
         [work_type.research]\nallow = [\"mine\"]\n\
         [[rule]]\nname = \"ours\"\nwork_type = \"manual\"\nstarts = [\"add\"]\n\
         [[rule]]\nname = \"default\"\nwork_type = \"explore\"\n",
    )
    .unwrap();
    let explore = stating(WorkType::Explore);
    let route = policy.decide(&explore).route();
    assert_eq!((&*route.backend, &*route.models[0], route.sandbox), ("codex", "gpt-5.4", Some(Sandbox::ReadOnly)));
    assert_eq!(policy.decide(&stating(WorkType::Implement)).models, ["fast"]);
    assert_eq!(policy.decide(&titled("Add a flag")).rule, "ours");
    assert_eq!(policy.decide(&titled("Decide it")).rule, "decision", "a rule stays in the place of its name");
    assert_eq!(policy.decide(&titled("Ring buffer")).work_type, WorkType::Explore);
    let mine = Task { work_type: Some(WorkType::Research), ..asking("x", "mine") };
    let route = policy.decide(&mine).route();
    assert_eq!((&*route.backend, &*route.models[0], route.rank), ("mine", "m", 7));
}

#[test]
fn a_file_may_take_the_place_of_the_table() {
    let error = over("extends = false\n").err().unwrap();
    assert!(error.starts_with("p.toml: [work_type.explore] is missing"), "{error}");
    let whole = format!("extends = false\n{BUILT_IN}");
    let (replaced, extended) = (over(&whole).unwrap(), over(BUILT_IN).unwrap());
    for title in ["Add it", "Review it", "Decide it", "Nothing known"] {
        let task = titled(title);
        assert_eq!(replaced.decide(&task), built_in().decide(&task));
        assert_eq!(extended.decide(&task), built_in().decide(&task));
    }
}

#[test]
fn a_slip_in_a_file_is_told_with_its_place() {
    let rule = "[[rule]]\nname = \"r\"\nwork_type = \"manual\"\n";
    for (text, place, says) in [
        ("[models]\n", "p.toml:1:2", "unknown field `models`"),
        ("\n[model]\n  code = 5\n", "p.toml:3:10", "invalid type"),
        ("[work_type.explor]\n", "p.toml:1:12", "unknown variant `explor`"),
        (
            "[work_type.explore]\nbackend = \"codec\"\n",
            "p.toml:2:11",
            "no backend \"codec\": there are claude, codex, manual",
        ),
        ("[work_type.explore]\nallow = [\"codex\", \"x\"]\n", "p.toml:2:19", "no backend \"x\""),
        ("[work_type.explore]\nsandbox = \"read_only\"\n", "p.toml:2:11", "unknown variant"),
        ("[work_type.explore]\nsandbox = \"danger-full-access\"\n", "p.toml:2:11", "cannot take the sandbox away"),
        ("[work_type.explore]\neffort = \"huge\"\n", "p.toml:2:10", "effort \"huge\" is none of none, minimal"),
        ("[backend.codex]\neffort = \"XHIGH\"\n", "p.toml:2:10", "effort \"XHIGH\""),
        ("[model]\ncode = \" \"\n", "p.toml:2:8", "a model's name is empty"),
        ("[backend.mine]\ncommand = []\n", "p.toml:2:11", "an empty command"),
        ("[backend.mine]\n", "p.toml", "[rank] has no mine"),
        ("[fallback]\nbackend = \"x\"\n", "p.toml:2:11", "no backend \"x\""),
        ("x = \u{0}", "p.toml:1:5", ""),
        (&format!("{rule}verb = [\"x\"]\n"), "p.toml:4:1", "unknown field `verb`"),
        (&format!("{rule}{rule}"), "p.toml:5:8", "there are two rules \"r\""),
        (rule, "p.toml:2:8", "rule \"r\" has no condition and takes every task from the rules behind it"),
        (&format!("{rule}starts = [\"a*b\"]\n"), "p.toml:4:11", "a * may only stand at the end"),
        (&format!("{rule}title = [\"\"]\n"), "p.toml:4:10", "a phrase is empty"),
        (&format!("{rule}files = [\"rust\"]\n"), "p.toml:4:10", "unknown variant `rust`"),
    ] {
        let error = over(text).err().unwrap_or_else(|| panic!("{text} is taken"));
        let (found, reason) = error.split_once(": ").unwrap();
        assert_eq!(found, place, "{text}\n{error}");
        assert!(reason.contains(says) && !reason.contains('\n'), "{text}\n{error}");
    }
    let mut many = String::new();
    for number in 0..300 {
        many += &rule.replace("\"r\"", &format!("\"r{number}\""));
        many += "starts = [\"word\"]\n";
    }
    assert!(over(&many).err().unwrap().contains("256 are the most"));
}

#[test]
fn the_fallback_is_the_policys_and_only_for_its_kinds_of_work() {
    let fallback = Fallback { backend: "claude".into(), model: "claude-sonnet-4-6".into(), rank: 40 };
    assert_eq!(built_in().fallback(WorkType::Implement), Some(&fallback));
    assert_eq!(built_in().fallback(WorkType::Research), None);
    let policy = over("[fallback]\nbackend = \"codex\"\nmodel = \"gpt-9\"\nwork_types = [\"research\"]\n").unwrap();
    let fallback = Fallback { backend: "codex".into(), model: "gpt-9".into(), rank: 20 };
    assert_eq!(policy.fallback(WorkType::Research), Some(&fallback));
    assert_eq!(policy.fallback(WorkType::Implement), None);
}

#[test]
fn a_retired_model_is_known_as_long_as_it_is_in_use() {
    let names = |policy: Policy| policy.retired().iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(built_in()), ["code", "logic"]);
    let overrides = Overrides { code: Some("new".into()), model: Some("gpt-5.4".into()), ..Overrides::default() };
    assert_eq!(names(Policy::built_in(overrides).unwrap()), ["logic", "model"]);
    assert_eq!(names(over("[model]\nlogic = \"new\"\n").unwrap()), ["code"]);
}

fn any_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "add",
        "Review",
        "audit",
        "research",
        "vs",
        "or",
        "manual",
        "`",
        "*",
        "?",
        ":",
        "\u{2014}",
        "Task 3",
        "[P]",
        "\u{e9}",
        "\u{7814}\u{7a76}",
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(WORDS), 0..8).prop_map(|words| words.join(" "))
    ]
}

proptest! {
    #[test]
    fn any_task_gets_one_route_that_keeps_the_contract(
        title in any_text(),
        objective in prop::option::of(any_text()),
        paths in prop::collection::vec("[a-z./é]{0,12}", 0..4),
        command in prop::option::of(any_text()),
        backend in prop::option::of(prop_oneof![Just("codex".to_owned()), Just("claude:x".to_owned()), any_text()]),
        stated in prop::option::of(0..9_usize),
    ) {
        let task = Task {
            title: title.into(),
            objective: objective.map(Text::from),
            files: Some(paths.into_iter().map(|path| File { path: path.into(), action: None }).collect()),
            commands: command.map(|command| vec![command.into()]),
            backend: backend.map(Text::from),
            work_type: stated.map(|number| check::WORK_TYPES[number].0),
            ..Task::default()
        };
        let (policy, again) = (built_in(), built_in());
        let choice = policy.decide(&task);
        prop_assert_eq!(&choice, &again.decide(&task), "the same task, the same route");
        let mut buffer = String::new();
        let route: Route = serde_json::from_str(choice.to_json(&mut buffer)).unwrap();
        prop_assert_eq!(&route, &choice.route());
        prop_assert_eq!(&buffer, &serde_json::to_string(&route).unwrap(), "in the contract's order");
        prop_assert!(!route.rule.is_empty() && !route.why.is_empty());
        prop_assert_eq!(route.models.is_empty(), route.backend == "manual");
        prop_assert_eq!(route.sandbox.is_none(), route.backend == "manual");
        if let Some(stated) = task.work_type {
            prop_assert_eq!(route.work_type, stated);
        }
        if route.work_type != WorkType::Implement {
            prop_assert_ne!(route.sandbox, Some(Sandbox::WorkspaceWrite), "only work on code may write");
        }
        if matches!(route.work_type, WorkType::Orchestrate | WorkType::Manual) {
            prop_assert_ne!(&*route.backend, "codex");
        }
    }

    #[test]
    fn any_text_is_a_policy_or_told_with_its_place(text in any::<String>()) {
        if let Err(error) = over(&text) {
            prop_assert!(error.starts_with("p.toml:"), "{}", error);
        }
    }
}
