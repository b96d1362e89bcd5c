//! Claude Code (`@anthropic-ai/claude-code`), headless, from its release 2.1.197 to that of today (2.1.330).
//!
//! What is said here of its behaviour was measured against these releases. Its own exit code says little (0, 1 or a
//! signal) and its word `success` less: it is there on every error of the service. A call is a success only when nothing
//! in its events speaks against it.

mod attachments;
mod check;
mod classify;
mod models;
mod reader;
mod session;
mod tools;

use std::ffi::OsString;
use std::path::PathBuf;

use process::{Job, Output, StartError, Stop, run};
use record::{Class, Sandbox};

pub use check::{Doctor, FLAGS};

use crate::uuid::is_uuid;
use crate::{Agent, Call, Effort, Report, Secrets};
use classify::{End, classify};
use reader::Reader;
use tools::Tools;

/// The longest prompt that the CLI takes, in bytes: what is beyond 10 MB on its stdin is refused.
const LONGEST_PROMPT: usize = 10_000_000;

/// Claude Code.
#[derive(Clone, Debug)]
pub struct Claude {
    program: OsString,
    secrets: Secrets,
    sessions: Option<PathBuf>,
    refusals_count: bool,
}

impl Claude {
    /// The CLI at `program`, a name on PATH or a path. Its own configuration and login are what it finds by itself.
    pub fn new(program: impl Into<OsString>) -> Self {
        let secrets = Secrets::of_environment();
        Self { program: program.into(), secrets, sessions: session::folder(), refusals_count: true }
    }

    /// Whether an attempt fails when the agent was refused a tool. It does, unless told otherwise: it could not do what
    /// it wanted to.
    #[must_use]
    pub fn refusals_count(self, refusals_count: bool) -> Self {
        Self { refusals_count, ..self }
    }

    fn job(&self, call: &Call) -> Job {
        let tools = Tools::of(call);
        let mut job = Job::new(&self.program).args(["-p", "--output-format", "stream-json", "--verbose"]);
        // A long answer is one event; without its parts it would look like a stall.
        job = job.args(["--include-partial-messages"]);
        // The user's hooks, plugins, servers, commands and memory stay out; login and choice of service stay in.
        job = job.args(["--safe-mode", "--disable-slash-commands", "--strict-mcp-config"]);
        // What a repository wants to allow itself is not asked for.
        job = job.args(["--setting-sources", "user"]);
        job = job.args(["--model", &call.model]).args(["--permission-mode", tools.mode]);
        job = job.args(["--tools".to_owned(), tools.names.join(",")]).args(["--settings".to_owned(), tools.settings()]);
        job = job.args(["--append-system-prompt".to_owned(), tools.told()]);
        if let Some(effort) = &call.effort {
            job = job.args(["--effort", named(effort)]);
        }
        if let (Some(thread), Some(sessions)) = (&call.resume, &self.sessions) {
            job = job.args(["--resume".into(), session::name(sessions, thread, &call.folder)]);
        }
        // The prompt by stdin: behind a flag with several values it would be taken for one of them.
        job.input = attachments::defuse(&call.prompt, &call.folder).into_bytes();
        job.folder.clone_from(&call.folder);
        job.env = tools::environment();
        job.output = Output::Apart;
        job.limits = call.limits;
        job
    }
}

/// The CLI has five of the efforts; of the others, the nearest.
fn named(effort: &Effort) -> &'static str {
    match effort.name() {
        "none" | "minimal" => "low",
        "ultra" => "max",
        name => name,
    }
}

impl Agent for Claude {
    fn backend(&self) -> &'static str {
        "claude"
    }

    fn remedy(&self, class: Class) -> Option<&'static str> {
        match class {
            Class::ModelUnavailable => {
                Some("name a model that your login has, by its full name: in the policy or with --model")
            }
            Class::Auth => Some("log in (claude auth login) or set ANTHROPIC_API_KEY"),
            _ => None,
        }
    }

    fn can_resume(&self, thread: &str) -> Result<(), String> {
        let why = |why: &str| format!("conversation {} {why}", self.secrets.remove(thread.to_owned()));
        if !is_uuid(thread) {
            return Err(why("has no name that Claude Code could know"));
        }
        match &self.sessions {
            Some(folder) if session::find(folder, thread).is_some() => Ok(()),
            Some(folder) => Err(why(&format!("is not among those in {}", folder.display()))),
            None => Err(why("cannot be looked for without a home folder: set CLAUDE_CONFIG_DIR")),
        }
    }

    async fn call(&self, mut call: Call, stop: Stop) -> Report {
        let length = call.prompt.len();
        if length > LONGEST_PROMPT {
            let why = format!("the prompt has {length} bytes, Claude Code takes {LONGEST_PROMPT}");
            return Report { failure: Some((Class::ContextWindow, why)), ..Report::default() };
        }
        let job = self.job(&call);
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
        let tools = Tools::of(&call);
        let end = End {
            outcome,
            seen: &seen,
            limits: &call.limits,
            model: &call.model,
            tools: &tools,
            refusals_count: self.refusals_count,
        };
        let failure = classify(&end);
        Report {
            lost: call.resume.is_some() && is_lost(&end),
            failure: failure.map(|(class, evidence)| (class, self.secrets.remove(evidence))),
            message: seen.message().map(|message| self.secrets.remove(message)),
            usage: seen.usage(),
            thread: seen.session.map(|session| self.secrets.remove(session)),
            // It has no sandbox, but says which tools it has.
            sandbox: tools::sandbox(&seen.tools),
            rate_limit: seen.rate_limit,
            failed_actions: seen.failed_actions,
            acted: seen.acted,
            left_behind: outcome.stayed(),
            time: outcome.time,
        }
    }

    async fn check(&self, _: Sandbox, stop: Stop) -> Result<(), (Class, String)> {
        check::ready(&self.program, &stop).await
    }
}

/// Whether a conversation that was to be continued did not come up: it was another one, or the CLI refused before anybody
/// was asked.
fn is_lost(end: &End) -> bool {
    let refused = match &end.seen.result {
        Some(result) => result["subtype"] == "error_during_execution" && result["num_turns"] == 0,
        None => matches!(end.outcome.end, process::End::Exited(1)),
    };
    end.seen.strayed || (refused && end.seen.models.is_empty() && end.outcome.cut.is_none())
}
