//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Bring approved changes into the branch, one commit per task
///
/// Reads tasks from stdin, one JSON object per line. A task whose result was approved and was done on commits of its own
/// (result.head) lands: what lies between result.base and result.head is merged into the branch that you are on, as one
/// commit, and your files are brought along. Everything else passes unchanged.
///
/// Only what was approved lands: the newest decision at gate result must be a yes, for the task as it is now and for this
/// very change. A file that you have changed and not committed is never touched: the task is refused then, and nothing
/// has happened. A change that does not fit leaves nothing behind but its branch.
#[derive(Clone, Debug, Parser)]
#[command(name = "land", version, after_help = AFTER, max_term_width = 120)]
pub(crate) struct Args {
    /// The run file: what has landed is on disk there before its task is passed on
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,

    /// Bring changes into the files only, as git apply does: no commit, nothing staged
    #[arg(long)]
    pub apply: bool,

    /// What runs the checks again when something else has landed since the work began: a command that reads a task and
    /// writes it with a verdict [default: verify]
    #[arg(long, value_name = "CMD")]
    pub verify: Option<String>,
}

const AFTER: &str = "\
Fields of a task that are read:
  id, digest       needed
  result.base, result.head
                   the change; without a head there is nothing to land
  decisions        the newest one at gate result must approve the change
  title, objective, result.message, result.backend, result.model
                   go into the message of the commit
  batch.number, source.line
                   the order among tasks that wait at the same time
  needs            a task that needs one which was refused is refused too
Added: landed {status merged, conflict or nothing; commit; conflicts, the
files; checks, those that fail on the merged result}.

To undo a task: git revert COMMIT. Hooks of the repository are not run. A
commit is signed when commit.gpgSign is set.

Exit codes: 0 everything that was approved is in; 1 RUN or the repository cannot be used; 20 something did not land and \
needs a person (told on stderr); 2 usage; 65 bad input; 130, 143 stopped by a signal.

Examples:
  plan-parse PLAN.md | route | codex-exec --isolate worktree | verify | approve | land
  land --run RUN < approved.jsonl
  land --apply < approved.jsonl && git diff
  git log --format='%h %s (%(trailers:key=Task,valueonly,separator=))'
";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
