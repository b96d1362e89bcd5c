//! What the same commands did on the commit from before the work.

use std::path::{Path, PathBuf};

use record::{Baseline, Check, CheckStatus};
use serde::{Deserialize, Serialize};
use tree::{Folder, Places};

use crate::git;
use crate::task::Planned;
use crate::words::tell;

/// More outcomes than this are forgotten, all of them at once: some hundred bytes each.
const REMEMBERED: usize = 10_000;
/// No outcome is longer than this, in bytes.
const LONGEST: u64 = 1 << 10;
/// To be raised whenever an outcome from before says something else than one of today.
const VERSION: &str = "1";

/// How a command came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// Whether it passed.
    pub passed: bool,
    /// Its exit code; `None` when a signal or the clock ended it.
    pub exit: Option<i32>,
}

impl Outcome {
    /// Of a check that was run; `None` when it was not.
    pub fn of(check: &Check) -> Option<Self> {
        (check.status != CheckStatus::Skipped)
            .then_some(Self { passed: check.status == CheckStatus::Pass, exit: check.exit })
    }
}

/// A commit to compare with, and what is known of it.
pub struct Base {
    /// The commit.
    pub commit: String,
    /// The repository.
    pub repository: Places,
    /// The folder of the work below its top.
    pub below: PathBuf,
    files: String,
    cache: Option<Folder>,
    /// Whether the work has changed no file.
    pub is_same: bool,
}

impl Base {
    /// Looks at the base of a commit.
    pub async fn new(repository: &Places, base: &str, head: &str, below: &Path) -> Result<Self, String> {
        let root = repository.root();
        let files = async |commit: &str| {
            let name = format!("{commit}^{{tree}}");
            let said = git::answer(root, &["rev-parse", "--verify", "--end-of-options", &name]).await;
            said.map(|said| String::from_utf8_lossy(&said).trim().to_owned()).map_err(|error| error.to_string())
        };
        let before = files(base).await?;
        let is_same = files(head).await? == before;
        let cache = repository.baseline().inspect_err(|error| tell(&format!("nothing is remembered: {error}"))).ok();
        if let Some(cache) = &cache {
            forget(cache);
        }
        Ok(Self {
            commit: base.to_owned(),
            repository: repository.clone(),
            below: below.to_owned(),
            files: before,
            cache,
            is_same,
        })
    }

    /// What stands for a command on these files, run like this. Whatever else it may depend on (the network, the clock,
    /// what is installed) is not known to us.
    pub fn key(&self, command: &str, how: &[&str]) -> String {
        let below = self.below.to_string_lossy();
        let parts = [VERSION, &self.files, &*below, command];
        record::digest(parts.iter().chain(how).map(|part| part.as_bytes()))
    }

    /// What is remembered.
    pub fn remembered(&self, key: &str) -> Option<Outcome> {
        serde_json::from_slice(&self.cache.as_ref()?.read(key, LONGEST).ok()?).ok()
    }

    /// Remembers it. Several may do so at once, and what a killed process leaves undone is done again.
    pub fn remember(&self, key: &str, outcome: Outcome) {
        let Some(cache) = &self.cache else { return };
        let written = serde_json::to_vec(&outcome).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|text| cache.replace(key, &text)) {
            tell(&format!("{}: nothing can be remembered: {error}", cache.path().display()));
        }
    }
}

fn forget(cache: &Folder) {
    let names = cache.names().unwrap_or_default();
    if names.len() > REMEMBERED {
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            // Another may have been quicker.
            let _ = cache.remove(name);
        }
    }
}

/// What the outcomes say together: `now` on the work, `again` when that failed and was run a second time, `before` on the
/// base.
pub fn mark(
    planned: &Planned,
    now: Outcome,
    again: Option<Outcome>,
    before: Option<Outcome>,
    is_same: bool,
) -> Option<Baseline> {
    let differs = |other: Option<Outcome>| other.is_some_and(|other| other.passed != now.passed);
    match (now.passed, before) {
        _ if differs(again) || is_same && differs(before) => Some(Baseline::Flaky),
        (false, Some(Outcome { passed: false, .. })) => Some(Baseline::AlreadyFailing),
        (true, Some(Outcome { passed: true, .. })) if planned.is_open => Some(Baseline::CannotFail),
        _ => None,
    }
}

/// The same for people.
pub fn explain(mark: Option<Baseline>, now: Outcome, before: Option<Outcome>) -> Option<&'static str> {
    match (mark, now.passed, before.map(|before| before.passed)) {
        (Some(Baseline::AlreadyFailing), ..) => Some("already failing: it failed before the work too"),
        (Some(Baseline::CannotFail), ..) => Some("cannot fail: it passed before the work too, so it does not show it"),
        (Some(Baseline::Flaky), ..) => Some("flaky: it came out differently when it was run twice on the same files"),
        (None, false, Some(true)) => Some("it passed before the work"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_say_something_together() {
        let outcome = |passed| Outcome { passed, exit: Some(i32::from(!passed)) };
        let (good, bad) = (outcome(true), outcome(false));
        let open = Planned { kind: "done", command: "x".into(), is_open: true };
        let other = Planned { is_open: false, ..open.clone() };
        for (now, again, before, is_same, of_open, of_other) in [
            (bad, Some(bad), Some(bad), false, Some(Baseline::AlreadyFailing), Some(Baseline::AlreadyFailing)),
            (bad, Some(bad), Some(good), false, None, None),
            (bad, Some(good), Some(bad), false, Some(Baseline::Flaky), Some(Baseline::Flaky)),
            (bad, Some(bad), Some(good), true, Some(Baseline::Flaky), Some(Baseline::Flaky)),
            (good, None, Some(good), false, Some(Baseline::CannotFail), None),
            (good, None, Some(bad), false, None, None),
            (good, None, Some(bad), true, Some(Baseline::Flaky), Some(Baseline::Flaky)),
            (good, None, None, false, None, None),
            (bad, None, None, false, None, None),
        ] {
            assert_eq!(mark(&open, now, again, before, is_same), of_open, "{now:?} {again:?} {before:?} {is_same}");
            assert_eq!(mark(&other, now, again, before, is_same), of_other, "{now:?} {again:?} {before:?} {is_same}");
        }
    }
}
