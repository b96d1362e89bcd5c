//! Which line that came out is which line that went in.

use std::collections::HashMap;

use crate::difference::{Difference, Kind, differences};
use crate::tree::Tree;

/// The account of a run: every line that went in and every line that came out.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Lines that came out once, with what happened to them.
    pub pairs: Vec<Pair>,
    /// Lines that did not come out.
    pub lost: Vec<String>,
    /// Lines that came out more than once.
    pub doubled: Vec<String>,
    /// Lines that nobody sent.
    pub invented: Vec<String>,
    /// Lines that are not an object with a type, and why.
    pub garbage: Vec<(String, String)>,
    /// The first line of another type than `task` that came out before one that was sent earlier.
    pub overtaken: Option<String>,
    /// Whether what came out ends with a line end.
    pub is_terminated: bool,
}

/// One line, before and after.
#[derive(Debug)]
pub struct Pair {
    pub sent: String,
    pub got: String,
    pub differences: Vec<Difference>,
}

/// What makes a line the same line: the contract's identity for tasks; for others their type and our mark.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    Task(String, String),
    Other(String, Option<String>),
}

impl Ledger {
    /// Compares what was sent with what came back.
    pub fn new(sent: &[String], stdout: &[u8]) -> Self {
        let is_terminated = stdout.is_empty() || stdout.ends_with(b"\n");
        let mut ledger = Self { is_terminated, ..Self::default() };
        let mut came: HashMap<Key, Vec<(usize, String)>> = HashMap::new();
        let text = String::from_utf8_lossy(stdout);
        for (at, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            match Tree::read(line).and_then(|tree| key(&tree)) {
                Ok(key) => came.entry(key).or_default().push((at, line.to_owned())),
                Err(why) => ledger.garbage.push((line.to_owned(), why)),
            }
        }
        let mut places = Vec::new();
        for line in sent {
            let Ok(tree) = Tree::read(line) else { continue };
            let Ok(key) = key(&tree) else { continue };
            let is_task = matches!(key, Key::Task(..));
            match came.remove(&key).unwrap_or_default().as_slice() {
                [] => ledger.lost.push(line.clone()),
                [(at, got)] => {
                    ledger.pairs.push(Pair {
                        sent: line.clone(),
                        got: got.clone(),
                        differences: between(line, &tree, got, is_task),
                    });
                    if !is_task {
                        places.push((*at, line));
                    }
                }
                _ => ledger.doubled.push(line.clone()),
            }
        }
        ledger.overtaken = places.windows(2).find(|pair| pair[0].0 > pair[1].0).map(|pair| pair[1].1.clone());
        ledger.invented = came.into_values().flatten().map(|(_, line)| line).collect();
        ledger.invented.sort_unstable();
        ledger
    }

    /// Whether every line came out exactly once.
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty()
    }
}

fn between(line: &str, tree: &Tree, got: &str, is_task: bool) -> Vec<Difference> {
    let Ok(after) = Tree::read(got) else { return Vec::new() };
    let mut found = differences(tree, &after);
    if !is_task && found.is_empty() && line != got {
        found.push(Difference { path: String::new(), kind: Kind::Bytes });
    }
    found
}

fn key(tree: &Tree) -> Result<Key, String> {
    if !matches!(tree, Tree::Object(_)) {
        return Err("not a JSON object".into());
    }
    let kind = tree.get("type").and_then(Tree::text).ok_or("no \"type\"")?;
    if kind == "task" {
        let attempt = match tree.get("batch").and_then(|batch| batch.get("attempt")) {
            Some(Tree::Number(number)) => number.parse::<f64>().unwrap_or_default().to_string(),
            _ => "0".to_owned(),
        };
        return Ok(Key::Task(tree.get("id").and_then(Tree::text).unwrap_or_default(), attempt));
    }
    Ok(Key::Other(kind, tree.get("mark").and_then(Tree::text)))
}
