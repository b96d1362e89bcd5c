//! The loop in plain shell, and the targets for a Makefile.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, quick};
use crate::harness::{Tool, bin};

fn three() -> Bench {
    Bench::new(&[quick("1", &["a.txt"], &[]), quick("2", &["b.txt"], &["1"]), quick("3", &[], &["1"])])
}

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name).display().to_string()
}

fn path() -> String {
    format!("{}:{}", bin("plan-run").parent().unwrap().display(), std::env::var("PATH").unwrap())
}

#[test]
fn the_loop_is_fifteen_lines_of_shell() {
    let text = fs::read_to_string(script("run-plan.sh")).unwrap();
    assert!(text.lines().count() <= 16, "{text}");
    let bench = three();
    let run = || bench.prepare(Tool::new(script("run-plan.sh"))).arg("plan.md").env("PATH", path());
    let asks = run().run().ended(20);
    assert!(asks.err.contains("pending at gate plan"), "{}", asks.err);
    run().env("TRUST", "../trust.toml").run().ended(0);
    assert_eq!(bench.log().len(), 6);
    // Again there is nothing to do, and plan-run finds the same memory.
    run().env("TRUST", "../trust.toml").run().ended(0);
    bench.trusting().arg("plan.md").run().ended(0);
    assert_eq!(bench.log().len(), 6);
}

#[test]
fn plans_are_targets_of_a_makefile() {
    let bench = three();
    let root = bench.root();
    fs::create_dir_all(root.join("docs/plans")).unwrap();
    fs::rename(root.join("plan.md"), root.join("docs/plans/one.md")).unwrap();
    fs::write(root.join("docs/plans/two.md"), "# Nothing\n").unwrap();
    fs::write(root.join("Makefile"), format!("all: ;\ninclude {}\n", script("plan.mk"))).unwrap();
    let make = |target: &str| {
        let flags = "PLAN_RUN_FLAGS=--approve-policy ../trust.toml";
        bench.prepare(Tool::new("make")).args(&["-s", target, flags]).env("PATH", path()).run()
    };
    assert!(make("plan-check-one").ended(0).err.contains("one.md"), "it is checked");
    make("plan-check").ended(2);
    let table = make("plan-table-one").ended(0).out;
    assert!(table.contains("| 1 ") && table.contains("codex"), "{table}");
    assert!(make("plan-resume").ended(0).out.contains("docs/plans/one.md: not begun"));
    make("plan-run-one").ended(0);
    assert_eq!(bench.log().len(), 6);
    let resumed = make("plan-resume-one").ended(0);
    assert!(resumed.err.contains("3 of 3 tasks finished"), "{}", resumed.err);
    assert_eq!(bench.log().len(), 6);
}
