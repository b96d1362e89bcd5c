//! The Codex CLI (`@openai/codex`), from its releases of spring 2026 (0.98) to that of today (0.169).
//!
//! What is said here of its behaviour was measured against these releases.

mod check;
mod classify;
mod reader;
mod session;
mod usage;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use process::{Job, Output, StartError, Stop, run};
use record::{Class, Sandbox};

pub use check::{Doctor, FLAGS};

use crate::uuid::is_uuid;
use crate::{Agent, Call, Effort, Report, Secrets};
use classify::{End, classify};
use reader::Reader;
use usage::since;

/// The longest prompt that the CLI takes, in characters; a longer one is refused by it with an exit code of 1.
const LONGEST_PROMPT: usize = 1 << 20;

/// How hard its models think when nobody says otherwise.
const EFFORT: &str = "xhigh";

/// The Codex CLI.
#[derive(Clone, Debug)]
pub struct Codex {
    program: OsString,
    secrets: Secrets,
    sessions: Option<PathBuf>,
    schema: Option<PathBuf>,
}

impl Codex {
    /// The CLI at `program`, a name on PATH or a path. Its own configuration and login are what it finds by itself
    /// (`CODEX_HOME`).
    pub fn new(program: impl Into<OsString>) -> Self {
        let (secrets, sessions) = (Secrets::of_environment(), session::folder());
        Self { program: program.into(), secrets, sessions, schema: None }
    }

    /// Asks for answers that have the form of the JSON Schema in this file. The CLI hands it on to the service, and does
    /// not check the answer itself.
    #[must_use]
    pub fn answering(mut self, schema: &Path) -> Self {
        self.schema = Some(schema.to_owned());
        self
    }

    fn job(&self, call: &Call) -> Job {
        let mut job = Job::new(&self.program).args(["exec", "--json", "--skip-git-repo-check"]);
        let sandbox = ["--sandbox", call.sandbox.name()];
        job =
            job.args(sandbox).args(["-C".as_ref(), call.folder.as_os_str()]).args([format!("--model={}", call.model)]);
        let effort = call.effort.as_ref().map_or(EFFORT, Effort::name);
        job = job.args(["-c".to_owned(), format!("model_reasoning_effort=\"{effort}\"")]);
        // Without the first, 0.169 waits for a network that is down for ever. The second keeps keys out of the
        // environment of the commands that the model runs. A release that does not know one of them ignores it.
        job = job.args(["-c", "features.unbounded_connection_retries=false"]);
        job = job.args(["-c", "shell_environment_policy.ignore_default_excludes=false"]);
        if let Some(schema) = &self.schema {
            job = job.args(["--output-schema".as_ref(), schema.as_os_str()]);
        }
        // All flags stand before `resume`, which has none of `--sandbox` and `-C` itself; what it does not get is not taken
        // over from the conversation: without them it would be read-only, in whatever folder we are in.
        if let Some(thread) = &call.resume {
            job = job.args(["resume", thread.as_str()]);
        }
        // The prompt by stdin: an argument may have 128 KiB at most and shows in `ps`, and a stdin that is not given
        // would be read to its end.
        job = job.args(["-"]);
        job.input = call.prompt.clone().into_bytes();
        job.folder.clone_from(&call.folder);
        job.output = Output::Apart;
        job.limits = call.limits;
        job
    }
}

impl Agent for Codex {
    fn backend(&self) -> &'static str {
        "codex"
    }

    fn remedy(&self, class: Class) -> Option<&'static str> {
        match class {
            Class::ModelUnavailable => {
                Some("name a model that your login has: set CODEX_MODEL_CODE or CODEX_MODEL_LOGIC and route again")
            }
            Class::Auth => Some("log in (codex login) or set the key that your provider wants"),
            _ => None,
        }
    }

    fn can_resume(&self, thread: &str) -> Result<(), String> {
        let why = |why: &str| format!("conversation {} {why}", self.secrets.remove(thread.to_owned()));
        // The CLI takes anything else for the name of a conversation, finds none, and begins a new one.
        if !is_uuid(thread) {
            return Err(why("has no name that the Codex CLI could know"));
        }
        // Up to 0.116 it begins a new one also when there is none of this name.
        match &self.sessions {
            Some(folder) if session::find(folder, thread).is_some() => Ok(()),
            Some(folder) => Err(why(&format!("is not among those in {}", folder.display()))),
            None => Err(why("cannot be looked for without a home folder: set CODEX_HOME")),
        }
    }

    fn keeps_out_of(&self, folder: &Path, sandbox: Sandbox) -> bool {
        // By default its sandbox leaves the folders for temporary files open.
        let open = [Some("/tmp".into()), std::env::var_os("TMPDIR")].into_iter().flatten().map(PathBuf::from);
        let is_in = |open: PathBuf| folder.starts_with(open.canonicalize().unwrap_or(open));
        match sandbox {
            Sandbox::ReadOnly => true,
            Sandbox::WorkspaceWrite => !open.into_iter().any(is_in),
            Sandbox::DangerFullAccess => false,
        }
    }

    async fn call(&self, mut call: Call, stop: Stop) -> Report {
        let length = call.prompt.chars().count();
        if length > LONGEST_PROMPT {
            let why = format!("the prompt has {length} characters, the Codex CLI takes {LONGEST_PROMPT}");
            return Report { failure: Some((Class::ContextWindow, why)), ..Report::default() };
        }
        let job = self.job(&call);
        let before = match (&self.sessions, &call.resume) {
            (Some(folder), Some(thread)) => session::mark(folder, thread),
            _ => session::Mark::default(),
        };
        let mut reader = Reader::new(call.log.take(), self.secrets.clone(), call.resume.clone());
        let outcome = match run(&job, &mut reader, stop).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let class = match error {
                    StartError::Missing(_) => Class::Missing,
                    StartError::NoFolder(_) => Class::Other,
                    StartError::System { .. } => Class::Unsupported,
                };
                return Report { failure: Some((class, error.to_string())), ..Report::default() };
            }
        };
        let seen = reader.finish();
        let before = if seen.strayed { session::Mark::default() } else { before };
        let session = match (&self.sessions, &seen.thread) {
            (Some(folder), Some(thread)) => session::read(folder, thread, &before),
            _ => session::Session::default(),
        };
        let end = End { outcome, seen: &seen, session: &session, limits: &call.limits };
        let failure = classify(&end).or_else(|| too_much(call.sandbox, session.sandbox));
        Report {
            lost: call.resume.is_some() && is_lost(&end),
            failure: failure.map(|(class, evidence)| (class, self.secrets.remove(evidence))),
            message: seen.message.map(|message| self.secrets.remove(message)),
            thread: seen.thread.map(|thread| self.secrets.remove(thread)),
            sandbox: session.sandbox,
            usage: seen.usage.or(session.usage).and_then(|usage| since(usage, before.usage)),
            rate_limit: session.rate_limit,
            failed_actions: seen.failed_actions,
            acted: seen.acted || session.acted,
            left_behind: outcome.stayed(),
            time: outcome.time,
        }
    }

    async fn check(&self, sandbox: Sandbox, stop: Stop) -> Result<(), (Class, String)> {
        check::ready(&self.program, sandbox, &stop).await
    }
}

/// Whether a conversation that was to be continued did not come up: the CLI began another one, or refused before any
/// event. What is missing or was ended by us would be no better with a new one.
fn is_lost(end: &End) -> bool {
    let refused = end.seen.events == 0 && matches!(end.outcome.end, process::End::Exited(1 | 2));
    end.seen.strayed || (refused && end.outcome.cut.is_none())
}

/// A turn in a wider sandbox than was asked for is no success, whatever came of it.
fn too_much(asked: Sandbox, in_force: Option<Sandbox>) -> Option<(Class, String)> {
    let in_force = in_force.filter(|in_force| width(*in_force) > width(asked))?;
    let why = format!("turn_context: the sandbox was {}, not {} as asked for", in_force.name(), asked.name());
    Some((Class::Unsupported, why))
}

fn width(sandbox: Sandbox) -> u8 {
    match sandbox {
        Sandbox::ReadOnly => 0,
        Sandbox::WorkspaceWrite => 1,
        Sandbox::DangerFullAccess => 2,
    }
}
