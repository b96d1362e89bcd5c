//! `--print-pipe`: the same work as commands for a shell.

use crate::place::Place;
use crate::request::{Backend, Request};

/// The commands, one step each. `jq` puts what was found into the second task, and takes the plan out of its answer.
pub(crate) fn pipes(place: &Place, goal: &str, backend: Backend) -> String {
    let explore = Request::explore(goal).lines(place, goal, None);
    let write = Request::write(goal, backend, "").lines(place, goal, None);
    let (_, task) = write.trim_end().split_once('\n').unwrap_or_default();
    let path = quoted(place.relative());
    format!(
        "# 1. Look around, read-only\n\
         mkdir -p .plan {folder}\n\
         printf %s {explore} |\n  route | codex-exec > .plan/explored.jsonl\n\
         # 2. Write the plan\n\
         jq -c --argjson draft {task} 'if .type == \"task\" then $draft + {{body: ($draft.body + .result.message)}} else . end' .plan/explored.jsonl |\n  \
         route | {stage} > .plan/drafted.jsonl\n\
         # 3. Check it; what is found goes back to 2 as `batch.feedback`\n\
         jq -r 'select(.type == \"task\").result.message' .plan/drafted.jsonl > .plan/draft.md\n\
         plan-parse --check --strict .plan/draft.md && cp -n .plan/draft.md {path}\n",
        folder = quoted(place.relative().rsplit_once('/').map_or(".", |(folder, _)| folder)),
        explore = quoted(&explore),
        task = quoted(task),
        stage = backend.stage(),
    )
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
