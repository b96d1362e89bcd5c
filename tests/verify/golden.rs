//! A whole stream, byte for byte but for times and the place of the tree.

use crate::tree::Tree;

/// Replaces the numbers after `"seconds":`, which differ from run to run.
fn without_times(text: &str) -> String {
    let mut parts = text.split("\"seconds\":");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let number = part.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap();
        assert!(part[..number].parse::<f64>().is_ok(), "{part}");
        plain.push_str("\"seconds\":0");
        plain.push_str(&part[number..]);
    }
    plain
}

#[test]
fn the_golden_stream() {
    let tree = Tree::new();
    let ran = tree.run(&["--sandbox", "none"], include_str!("golden/in.jsonl"));
    let out = without_times(&ran.out).replace(tree.root.to_str().unwrap(), "[ROOT]");
    // Tasks that are no concern of ours pass the others; among themselves they keep their order.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines.join("\n")
    };
    assert_eq!(sorted(&out), sorted(include_str!("golden/out.jsonl")), "{}", ran.err);
    assert_eq!(ran.code, Some(1));
}
