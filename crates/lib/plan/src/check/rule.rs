//! The table of defects. Codes are stable: scripts may name them.

use serde::Serialize;

/// How bad a defect is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan cannot be executed as it is.
    Error,
    /// Something is missing or unclear.
    Warning,
}

/// One kind of defect.
#[derive(Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its stable code.
    pub code: &'static str,
    /// How bad it is without `--strict`.
    pub severity: Severity,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

macro_rules! rules {
    ($($name:ident $code:literal $severity:ident $meaning:literal $remedy:literal)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Rule =
                Rule { code: $code, severity: Severity::$severity, meaning: $meaning, remedy: $remedy };
        )*
        /// Every rule, in the order of the codes.
        #[cfg(test)]
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    NO_TASKS "P001" Error "the document has no tasks" "begin each task with a heading like `### Task 1: Title`"
    DUPLICATE_ID "P002" Error "two tasks have the same number" "give one of them a number of its own"
    UNKNOWN_NEED "P003" Error "a task waits for one that is not in the plan" "correct the number, or add the task"
    CYCLE "P004" Error "tasks wait for each other in a circle" "remove one of the `Depends on` entries of the circle"
    HIDDEN_TASKS "P005" Error "a fence that is never closed hides tasks" "close the fence in front of the next task"
    PATH_OUTSIDE "P006" Error "a path leaves the repository" "write it relative to the repository's root, without `..`, `~` or a leading `/`"
    OPEN_FENCE "P007" Warning "a fence is never closed" "add the closing fence"
    UNREADABLE_RECORD "P008" Error "a Record fence cannot be read" "write one JSON object there, with the fields of a task line, or remove it"
    NO_OBJECTIVE "P010" Warning "a task has no objective" "add `**Objective:**` with one sentence"
    NO_FILES "P011" Warning "a task names no files" "add `**Files:**` with a list of paths, or `**Files:** none`"
    NO_COMMANDS "P012" Warning "a task has no commands" "add `**Commands:**` with what to run, or `**Commands:** none`"
    NO_DONE "P013" Warning "a task has no done criteria" "add `**Done when:**` with a list of criteria"
    NO_BACKEND "P014" Warning "a task is not routed to a backend" "add `**Backend:** codex`, `claude` or `manual`"
    NO_ESTIMATE "P015" Warning "a task has no estimate" "add `**Estimate:** 3 min`"
    ESTIMATE_SIZE "P016" Warning "an estimate is not within 2 to 5 minutes" "split the task, or join it with its neighbour"
    NO_TITLE "P017" Warning "a task has no title" "write it behind the number: `### Task 1: Title`"
    UNCLEAR_BACKEND "P020" Warning "a backend is not known, or several are named" "begin the value with `codex`, `claude` or `manual`, a model behind a colon"
    UNCLEAR_WORK_TYPE "P021" Warning "a work type is not known" "use explore, implement, code_review, logic_review, analysis, research, options, orchestrate or manual"
    UNCLEAR_NEEDS "P022" Warning "a dependency does not name a task" "write `Task 2`, `Tasks 1, 2 and 4`, `1-3` or `none`"
    UNCLEAR_ESTIMATE "P023" Warning "an estimate is not a time" "write a number with a unit, like `3 min`"
    UNCLEAR_FILES "P024" Warning "a list of files has no concrete path" "name each file with its path from the repository's root"
    PROSE_COMMAND "P025" Warning "prose stands where commands should be, and is not run" "put commands between backticks, or write `**Commands:** none`"
    GIVEN_TWICE "P026" Warning "a field that has one value is given twice" "keep the one that is meant"
    OPEN_QUOTE "P027" Warning "a quote in a command is never closed" "close the quote, or put a backslash before it"
    NEAR_LABEL "P028" Warning "a label is nearly one that is known, and is not read" "write the label as docs/plan-format.md has it"
    NO_SUMMARY "P030" Warning "the plan has no routing summary" "add a section `## Routing summary` with a table of tasks, work types and backends"
    SUMMARY_MISSING "P031" Warning "the routing summary lacks a task" "add a row for it"
    SUMMARY_EXTRA "P032" Error "the routing summary has a row for a task that is not in the plan" "correct the number, or remove the row"
    SUMMARY_BACKEND "P033" Error "the routing summary and a task disagree about the backend" "make the two say the same"
    SUMMARY_WORK_TYPE "P034" Error "the routing summary and a task disagree about the work type" "make the two say the same"
    NO_GOAL "P035" Warning "the plan has no goal" "add `**Goal:**` with one sentence before the first task"
    GAP "P040" Warning "a command has a gap to fill in" "write the value, or take the command out"
    PUSHES "P041" Warning "a command pushes to another repository" "leave it to a person; or say that it is meant: `**Allow:** P041`"
    DEPLOYS "P042" Warning "a command publishes or deploys" "leave it to a person; or say that it is meant: `**Allow:** P042`"
    DELETES "P043" Warning "a command deletes without a way back" "name single files; or say that it is meant: `**Allow:** P043`"
    ROOT "P044" Warning "a command runs as another user" "do without; or say that it is meant: `**Allow:** P044`"
    PIPE_TO_SHELL "P045" Warning "a command runs what it fetches from the network" "fetch, look, and run in two steps; or say that it is meant: `**Allow:** P045`"
    COMMAND_OUTSIDE "P046" Warning "a command works on a path outside the repository" "use a path in the repository; or say that it is meant: `**Allow:** P046`"
    SECRET "P047" Warning "a command names a secret" "take it from the environment of the person who runs the plan; or say that it is meant: `**Allow:** P047`"
    LARGE_TASK "P048" Warning "a task is very large" "split it; or say that it is meant: `**Allow:** P048`"
    OVERLAP "P049" Warning "two tasks change the same file, and neither waits for the other" "add `**Depends on:**` to the later one; or say that it is meant: `**Allow:** P049`"
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(RULES.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
