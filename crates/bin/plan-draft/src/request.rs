//! What the agents are asked: two tasks, as lines like those of any plan.

use serde::Serialize;
use serde_json::json;

use crate::place::Place;
use crate::template;

/// The rules that a plan has to keep, for whoever writes one.
const RULES: &str = "\
Answer with the plan itself, from its first heading to its last line, as Markdown, and with nothing before or after it.

- Small tasks: each can be done in 2 to 5 minutes, changes few files, and leaves the repository in order.
- Every task has all fields of the example. `Commands` are what has to run to see that it works, each on its own line \
between backticks; where there is nothing to run, `none`. Criteria that a command can decide name it between backticks.
- Paths are relative to the root of the repository. Create and Test name new files, Modify and Read files that are there.
- `Depends on` names the tasks that must be finished first; tasks that do not depend on each other can run at once, and \
change no file in common.
- Work types: explore, implement, code review, logic review, analysis, research, options, orchestrate, manual. Backends: \
codex for everything that reads or writes this repository; claude for research on the web and for decisions; manual for \
what only a person can do.
- The table under `Routing summary` has one row for each task, in order, and says the same as the tasks.
- The last task looks at the whole change.
";

/// The whole stream for one task.
pub(crate) struct Request {
    pub id: &'static str,
    pub title: String,
    pub objective: String,
    pub work_type: &'static str,
    pub backend: &'static str,
    pub output: &'static str,
    pub body: String,
}

/// Why an answer is asked for again, and in which conversation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Again {
    pub number: u64,
    pub attempt: u64,
    pub feedback: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl Request {
    /// A look around before anything is planned; by the cheaper backend, read-only.
    pub fn explore(goal: &str) -> Self {
        Self {
            id: "explore",
            title: format!("Look around for a plan: {goal}"),
            objective: format!("Find out what somebody has to know who plans this: {goal}"),
            work_type: "explore",
            backend: "codex",
            output: "A summary with file:line: what the repository is and how it is laid out; the files, functions and tests that \
                     this will touch; how it is built, tested and linted (the exact commands); conventions to keep; risks.",
            body: String::new(),
        }
    }

    /// The plan, by somebody who has been told what was found.
    pub fn write(goal: &str, backend: Backend, found: &str) -> Self {
        let (name, work_type) = match backend {
            Backend::Claude => ("claude", "orchestrate"),
            Backend::Codex => ("codex", "analysis"),
        };
        let example = template::filled("Title of the plan", "One sentence.");
        Self {
            id: "draft",
            title: format!("Write the plan: {goal}"),
            objective: format!("Write the implementation plan for this: {goal}"),
            work_type,
            backend: name,
            output: "The whole plan as Markdown, and nothing else.",
            body: format!(
                "{RULES}\nAn example of the form:\n\n{example}\nWhat was found in the repository:\n\n{found}"
            ),
        }
    }

    /// The lines: a plan, so that logs find their folder, and the task.
    pub fn lines(&self, place: &Place, goal: &str, again: Option<&Again>) -> String {
        let plan = json!({
            "type": "plan", "v": 1, "path": place.relative(), "title": goal, "goal": goal, "digest": "", "tasks": 1,
            "format": "plan-and-execute",
        });
        let mut task = json!({
            "type": "task", "id": self.id, "title": self.title, "objective": self.objective, "files": [], "commands": [],
            "done": [], "needs": [], "backend": self.backend, "work_type": self.work_type, "checked": false,
            "output": self.output, "body": self.body,
            "source": {"path": place.relative(), "line": 1, "end_line": 1}, "digest": "",
        });
        if let Some(again) = again {
            task["batch"] = json!(again);
        }
        format!("{plan}\n{task}\n")
    }
}

/// Who writes the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Backend {
    Claude,
    Codex,
}

impl Backend {
    /// The stage that does its tasks.
    pub fn stage(self) -> &'static str {
        match self {
            Self::Claude => "claude-exec",
            Self::Codex => "codex-exec",
        }
    }
}
