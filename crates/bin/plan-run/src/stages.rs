//! The stages of the pipe: this table is the only place that knows them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::args::Options;

/// A stage of the pipe.
#[derive(Debug)]
pub(crate) struct Stage {
    /// What it is called, also as a flag of ours.
    pub name: &'static str,
    /// The program that does it.
    pub program: &'static str,
    /// With which arguments.
    pub arguments: fn(&Job, &mut Words),
}

/// Everything that the arguments of stages depend on.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub plan: &'a Path,
    pub run: &'a Path,
    /// The root of the tree, unless that is where we are.
    pub root: Option<PathBuf>,
    pub options: &'a Options,
    /// Whether each task is worked on in a worktree of its own.
    pub has_worktrees: bool,
    /// Whether all executors are ours, so that they do what they are told.
    pub has_our_executors: bool,
}

/// In the order of the pipe.
pub(crate) const STAGES: [Stage; 11] = [
    Stage { name: "plan-parse", program: "plan-parse", arguments: |job, words| words.path(job.plan) },
    Stage {
        name: "route",
        program: "route",
        arguments: |job, words| words.flag("--policy", job.options.policy.as_ref()),
    },
    Stage { name: "approve-plan", program: "approve", arguments: |job, words| approve("plan", job, words) },
    Stage { name: PLAN_BATCH, program: "plan-batch", arguments: plan_batch },
    Stage { name: "codex-exec", program: "codex-exec", arguments: executor },
    Stage { name: "approve-fallback", program: "approve", arguments: |job, words| approve("fallback", job, words) },
    Stage { name: "claude-exec", program: "claude-exec", arguments: executor },
    Stage { name: "verify", program: "verify", arguments: verify },
    Stage { name: "approve", program: "approve", arguments: |job, words| approve("result", job, words) },
    Stage { name: "land", program: "land", arguments: land },
    Stage { name: JOURNAL, program: "journal", arguments: |job, words| words.path(job.run) },
];

/// The stage that keeps tasks back until it is their turn.
pub(crate) const PLAN_BATCH: &str = "plan-batch";
/// The stage that owns the run file.
pub(crate) const JOURNAL: &str = "journal";

/// Whether the stage asks on the terminal, and so has to stay in the terminal's foreground group.
pub(crate) fn asks(stage: &str) -> bool {
    stage == "approve" || stage.starts_with("approve-")
}

/// Whether the stage runs agents.
pub(crate) fn is_executor(stage: &str) -> bool {
    stage.ends_with("-exec")
}

fn approve(gate: &str, job: &Job, words: &mut Words) {
    if gate != "result" {
        words.flag("--gate", Some(gate));
    }
    words.flag("--policy", job.options.approve_policy.as_ref());
    if gate == "fallback" {
        words.flag("--routing", job.options.policy.as_ref());
    }
    words.flag("--run", Some(job.run));
}

fn plan_batch(job: &Job, words: &mut Words) {
    let options = job.options;
    words.flag("--run", Some(job.run));
    words.word("--follow");
    if options.rolling {
        words.word("--rolling");
    }
    // That is a promise about the executors, and a command of the user has made none.
    if job.has_worktrees && job.has_our_executors {
        words.flag("--isolate", Some("worktree"));
    }
    words.flag("--size", options.size.map(|size| size.to_string()));
    words.flag("--attempts", options.attempts.map(|attempts| attempts.to_string()));
    words.flag("--max-tokens", options.max_tokens.map(|most| most.to_string()));
    words.flag("--max-attempts", options.max_attempts.map(|most| most.to_string()));
    words.flag("--quiet", options.quiet.map(|quiet| quiet.to_string()));
}

fn verify(job: &Job, words: &mut Words) {
    words.flag("--workdir", job.root.as_ref());
    if job.options.review {
        words.word("--review");
    }
}

fn land(job: &Job, words: &mut Words) {
    words.flag("--run", Some(job.run));
    if job.options.apply {
        words.word("--apply");
    }
}

fn executor(job: &Job, words: &mut Words) {
    let options = job.options;
    // Whoever wants larger batches wants them done at once.
    words.flag("--jobs", options.jobs.or(options.size.filter(|size| *size > 3)).map(|jobs| jobs.to_string()));
    if job.has_worktrees {
        words.flag("--isolate", Some("worktree"));
    }
    words.flag("--setup", options.setup.as_ref());
    for path in &options.include {
        words.flag("--include", Some(path));
    }
    words.flag("--timeout", options.timeout.as_ref());
    words.flag("--stall", options.stall.as_ref());
    words.flag("--wait-for-reset", options.wait_for_reset.as_ref());
    // What was spent before is known to plan-batch only; within a batch it is the executors that must stop.
    words.flag("--max-tokens", options.max_tokens.map(|most| most.to_string()));
    words.flag("--max-attempts", options.max_attempts.map(|most| most.to_string()));
    words.flag("--max-task-tokens", options.max_task_tokens.map(|most| most.to_string()));
    words.flag("--max-task-attempts", options.max_task_attempts.map(|most| most.to_string()));
}

/// The words of a command.
#[derive(Debug, Default)]
pub(crate) struct Words(pub Vec<OsString>);

impl Words {
    fn word(&mut self, word: &str) {
        self.0.push(word.into());
    }

    /// A flag and its value, if there is one.
    fn flag(&mut self, flag: &str, value: Option<impl Into<OsString>>) {
        if let Some(value) = value {
            let value = value.into();
            // A value that looks like a flag is none.
            if value.as_encoded_bytes().starts_with(b"-") {
                let mut joined = OsString::from(flag);
                joined.push("=");
                joined.push(value);
                self.0.push(joined);
            } else {
                self.0.extend([flag.into(), value]);
            }
        }
    }

    /// A file that is no flag, whatever it is called.
    fn path(&mut self, path: &Path) {
        if path.as_os_str().as_encoded_bytes().starts_with(b"-") && path != Path::new("-") {
            self.word("--");
        }
        self.0.push(path.into());
    }
}
