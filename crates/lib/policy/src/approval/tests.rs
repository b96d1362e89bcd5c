use std::fmt::Write;

use proptest::prelude::*;

use super::*;

const PASSED: Case = Case {
    gate: Gate::Result,
    when: Some("pass"),
    interrupted: false,
    manual: false,
    has_options: false,
    sandbox: Some(Sandbox::ReadOnly),
    backend: Some("codex"),
    work_type: Some(WorkType::Analysis),
    changed: Some(&[]),
    rank: Some(1),
};

fn policy(text: &str) -> ApprovalPolicy {
    ApprovalPolicy::parse("p.toml", text).unwrap()
}

fn error(text: &str) -> String {
    ApprovalPolicy::parse("p.toml", text).unwrap_err().to_string()
}

fn approves(text: &str, case: &Case) -> bool {
    policy(text).decide(case).is_some_and(|ruling| ruling.decision == Answer::Approved)
}

#[test]
fn the_first_match_decides_and_no_match_decides_nothing() {
    let rules = policy(
        r#"
        [[rule]]
        when = "fail"
        decision = "denied"
        [[rule]]
        gate = "result"
        when = "pass"
        sandbox = "read-only"
        decision = "approved"
        [[rule]]
        name = "rest"
        gate = ["plan", "result"]
        decision = "denied"
        "#,
    );
    let ruling = rules.decide(&PASSED).unwrap();
    assert_eq!((ruling.decision, ruling.rule.as_str()), (Answer::Approved, "2"));
    let wrote = Case { sandbox: Some(Sandbox::WorkspaceWrite), ..PASSED };
    assert_eq!(rules.decide(&wrote).unwrap().rule, "rest");
    assert_eq!(rules.decide(&Case { gate: Gate::Fallback, ..PASSED }), None);
    assert_eq!(policy("").decide(&PASSED), None);
}

#[test]
fn a_condition_on_what_is_not_known_is_not_met() {
    let unknown =
        Case { when: None, sandbox: None, backend: None, work_type: None, changed: None, rank: None, ..PASSED };
    for condition in [
        "when = \"pass\"",
        "sandbox = \"read-only\"",
        "backend = \"codex\"",
        "work_type = \"analysis\"",
        "paths = \"**\"",
        "max_rank = 9",
    ] {
        let text = format!("[[rule]]\n{condition}\ndecision = \"approved\"");
        assert!(approves(&text, &PASSED), "{condition}");
        assert!(!approves(&text, &unknown), "{condition}");
    }
    assert!(approves("[[rule]]\ndecision = \"approved\"", &unknown));
}

#[test]
fn every_changed_path_must_be_among_the_named_ones() {
    let text = "[[rule]]\npaths = [\"docs/**\", \"*.md\"]\ndecision = \"approved\"";
    let holds = |paths: &[&str]| {
        let changed: Vec<_> = paths.iter().map(ToString::to_string).collect();
        approves(text, &Case { changed: Some(&changed), ..PASSED })
    };
    assert!(holds(&["docs/a/b.txt", "README.md"]));
    assert!(!holds(&["docs/a", "src/lib.rs"]));
    assert!(!holds(&["src/README.md"]));
    assert!(!holds(&["docs/../src/lib.rs"]));
    assert!(!holds(&["/docs/x"]));
}

#[test]
fn where_no_change_is_seen_paths_only_hold_for_who_could_not_write() {
    let text = "[[rule]]\npaths = \"docs/**\"\ndecision = \"approved\"";
    for changed in [None, Some([].as_slice())] {
        let holds = |sandbox| approves(text, &Case { sandbox, changed, ..PASSED });
        assert!(holds(Some(Sandbox::ReadOnly)));
        assert!(!holds(Some(Sandbox::WorkspaceWrite)));
        assert!(!holds(Some(Sandbox::DangerFullAccess)));
        assert!(!holds(None));
    }
}

#[test]
fn rank_is_a_limit() {
    let text = "[[rule]]\nmax_rank = 2\ndecision = \"approved\"";
    assert!(approves(text, &Case { rank: Some(2), ..PASSED }));
    assert!(!approves(text, &Case { rank: Some(3), ..PASSED }));
}

#[test]
fn interrupted_work_is_only_matched_by_a_rule_that_says_so() {
    let interrupted = Case { interrupted: true, when: None, gate: Gate::Plan, ..PASSED };
    assert!(!approves("[[rule]]\ndecision = \"approved\"", &interrupted));
    assert!(!approves(
        "[[rule]]\nwhen = \"pass\"\ndecision = \"approved\"",
        &Case { when: Some("pass"), ..interrupted }
    ));
    let named = "[[rule]]\nwhen = \"interrupted\"\ndecision = \"approved\"";
    assert!(approves(named, &interrupted));
    assert!(!approves(named, &PASSED));
    assert!(!approves(named, &Case { when: Some("interrupted"), ..PASSED }));
}

#[test]
fn manual_work_is_only_approved_by_a_rule_that_names_it() {
    let manual =
        Case { manual: true, when: None, backend: Some("manual"), work_type: Some(WorkType::Manual), ..PASSED };
    assert!(!approves("[[rule]]\ngate = \"result\"\ndecision = \"approved\"", &manual));
    assert!(approves("[[rule]]\nbackend = \"manual\"\ndecision = \"approved\"", &manual));
    assert!(approves("[[rule]]\nwork_type = \"manual\"\ndecision = \"approved\"", &manual));
    assert!(approves("[[rule]]\ngate = \"plan\"\ndecision = \"approved\"", &Case { gate: Gate::Plan, ..manual }));
}

#[test]
fn no_rule_chooses_between_answers() {
    let several = Case { has_options: true, work_type: Some(WorkType::Options), ..PASSED };
    for decision in ["approved", "denied"] {
        let rules = policy(&format!("[[rule]]\nwork_type = \"options\"\ndecision = \"{decision}\""));
        assert_eq!(rules.decide(&several), None);
        assert!(rules.decide(&Case { gate: Gate::Plan, ..several }).is_some());
    }
}

#[test]
fn mistakes_are_told_with_their_place_and_a_remedy() {
    let unknown = error("[[rule]]\ndecision = \"approved\"\ngates = \"plan\"\n");
    assert!(unknown.starts_with("p.toml:3:1: unknown field `gates`, expected one of `name`, `gate`"), "{unknown}");
    let table = error("[[rules]]\ndecision = \"approved\"\n");
    assert!(table.starts_with("p.toml:1:3: unknown field `rules`, expected `rule`"), "{table}");
    let gate = error("[[rule]]\ndecision = \"approved\"\ngate = [\"plan\", \"end\"]");
    assert_eq!(gate, "p.toml:3:17: unknown value `end`, expected one of `plan`, `fallback`, `result`");
    let decision = error("[[rule]]\ndecision = \"approve\"");
    assert_eq!(decision, "p.toml:2:12: unknown value `approve`, expected `approved` or `denied`");
    assert_eq!(error("\n[[rule]]\ngate = \"plan\""), "p.toml:2:1: a rule needs `decision`: \"approved\" or \"denied\"");
    let when = error("[[rule]]\nwhen = \"passed\"\ndecision = \"denied\"");
    assert!(when.starts_with("p.toml:2:8: unknown `when` \"passed\": expected `pass`"), "{when}");
    let rank = error("[[rule]]\nmax_rank = -1\ndecision = \"denied\"");
    assert!(rank.starts_with("p.toml:2:12: "), "{rank}");
    let number = error("[[rule]]\nbackend = 7\ndecision = \"denied\"");
    assert!(number.starts_with("p.toml:2:11: ") && number.contains("a string or a list of strings"), "{number}");
    let glob = error("[[rule]]\npaths = [\"a\", \"[\"]\ndecision = \"denied\"");
    assert!(glob.starts_with("p.toml:2:15: not a path pattern"), "{glob}");
    for key in ["gate", "when", "sandbox", "backend", "work_type", "paths"] {
        let empty = error(&format!("[[rule]]\n{key} = []\ndecision = \"approved\""));
        let column = key.len() + 4;
        let remedy = format!("an empty `{key}` says nothing: leave `{key}` out or fill it in");
        assert_eq!(empty, format!("p.toml:2:{column}: {remedy}"));
    }
    let syntax = error("[[rule]\n");
    assert!(syntax.starts_with("p.toml:1:"), "{syntax}");
}

#[test]
fn a_rule_that_can_never_approve_is_told() {
    let silent = policy("[[rule]]\ngate = \"fallback\"\ndecision = \"approved\"");
    assert_eq!(silent.warnings().len(), 1);
    assert!(silent.warnings()[0].starts_with("p.toml:1:1: rule 1 approves nothing"), "{:?}", silent.warnings());
    assert!(
        policy("[[rule]]\ngate = \"fallback\"\nbackend = \"claude\"\ndecision = \"approved\"").warnings().is_empty()
    );
}

/// A rule as a test writes it: each part may be left out.
#[derive(Clone, Debug)]
struct Written {
    gates: Vec<&'static str>,
    backends: Vec<&'static str>,
    when: Option<&'static str>,
    max_rank: Option<u32>,
    approved: bool,
}

impl Written {
    fn text(&self) -> String {
        let mut text = String::from("[[rule]]\n");
        if !self.gates.is_empty() {
            writeln!(text, "gate = {:?}", self.gates).unwrap();
        }
        if !self.backends.is_empty() {
            writeln!(text, "backend = {:?}", self.backends).unwrap();
        }
        if let Some(when) = self.when {
            writeln!(text, "when = {when:?}").unwrap();
        }
        if let Some(rank) = self.max_rank {
            writeln!(text, "max_rank = {rank}").unwrap();
        }
        text + if self.approved { "decision = \"approved\"\n" } else { "decision = \"denied\"\n" }
    }
}

fn written() -> impl Strategy<Value = Written> {
    (
        proptest::sample::subsequence(vec!["plan", "fallback", "result"], 0..=3),
        proptest::sample::subsequence(vec!["codex", "claude", "mine"], 0..=2),
        proptest::option::of(proptest::sample::select(vec!["pass", "fail", "rate_limited", "interrupted"])),
        proptest::option::of(0_u32..4),
        any::<bool>(),
    )
        .prop_map(|(gates, backends, when, max_rank, approved)| Written {
            gates,
            backends,
            when,
            max_rank,
            approved,
        })
}

fn case() -> impl Strategy<Value = Case<'static>> {
    (
        proptest::sample::select(vec![Gate::Plan, Gate::Fallback, Gate::Result]),
        proptest::option::of(proptest::sample::select(vec!["pass", "fail", "rate_limited"])),
        proptest::option::of(proptest::sample::select(vec!["codex", "claude", "mine"])),
        proptest::option::of(0_u32..4),
        any::<bool>(),
    )
        .prop_map(|(gate, when, backend, rank, interrupted)| Case {
            gate,
            when,
            interrupted,
            backend,
            rank,
            ..PASSED
        })
}

proptest! {
    #[test]
    fn an_unspecific_rule_never_approves_a_fallback(rules in proptest::collection::vec(written(), 0..6), case in case()) {
        let text: String = rules.iter().map(Written::text).collect();
        let fallback = Case { gate: Gate::Fallback, ..case };
        if let Some(ruling) = policy(&text).decide(&fallback)
            && ruling.decision == Answer::Approved
        {
            let number: usize = ruling.rule.parse().unwrap();
            let rule = &rules[number - 1];
            prop_assert!(rule.gates.contains(&"fallback") && rule.backends.contains(&fallback.backend.unwrap()));
        }
    }

    #[test]
    fn the_first_rule_that_would_decide_alone_decides(rules in proptest::collection::vec(written(), 1..6), case in case()) {
        let together: String = rules.iter().map(Written::text).collect();
        let alone = rules.iter().position(|rule| policy(&rule.text()).decide(&case).is_some());
        let decided = policy(&together).decide(&case);
        prop_assert_eq!(decided.as_ref().map(|ruling| ruling.rule.clone()), alone.map(|at| (at + 1).to_string()));
        if let (Some(decided), Some(at)) = (decided, alone) {
            prop_assert_eq!(decided.decision == Answer::Approved, rules[at].approved);
        }
    }
}
