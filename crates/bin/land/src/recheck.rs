//! The task's checks once more, on what the branch would be.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use process::{Job, Observer, Progress, Stopper, Stream};
use record::{Check, CheckStatus, Record, Verdict};
use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::task::Work;

/// The program that checks, when the user names no other.
const VERIFY: &str = "verify";

/// Runs the checks of a task on a commit; those that fail there and did not fail on the work alone.
///
/// The checking program is a stage: it gets the plan line and the task with that commit as its result, and writes the
/// task with a verdict.
pub(crate) async fn recheck(
    command: Option<&str>,
    plan: Option<&str>,
    task: &Record,
    work: &Work,
    (base, head): (&str, &str),
    folder: &Path,
) -> Result<Vec<Check>, Refusal> {
    let line = line(task, base, head).map_err(|error| Refusal::failed(format!("cannot be checked again: {error}")))?;
    let mut job = match command {
        Some(command) => Job::new("sh").args(["-c", command]),
        None => Job::new(program(VERIFY)),
    };
    let name = command.unwrap_or(VERIFY);
    folder.clone_into(&mut job.folder);
    job.input = plan.iter().copied().chain([&*line]).map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    let mut said = Said::default();
    let (_stopper, stop) = Stopper::new();
    let outcome = process::run(&job, &mut said, stop).await;
    let failed = |why: String| Refusal::failed(format!("could not be checked again after the merge: {name}: {why}"));
    let outcome = outcome.map_err(|error| failed(error.to_string()))?;
    let verdict = said.verdict(&work.id).ok_or_else(|| {
        let last = String::from_utf8_lossy(&said.err);
        let last = last.lines().last().unwrap_or("no verdict came back").trim().to_owned();
        failed(format!("{:?}: {last}", outcome.end))
    })?;
    let was_failing =
        |check: &Check| work.failing.iter().any(|(kind, name)| *kind == check.kind && *name == check.name);
    let failing = verdict.checks.into_iter().filter(|check| check.status == CheckStatus::Fail);
    Ok(failing.filter(|check| !was_failing(check)).collect())
}

/// The task as if its work had been done on the branch as it is now, and had not been judged.
fn line(task: &Record, base: &str, head: &str) -> Result<String, String> {
    let mut fields: Map<String, Value> = serde_json::from_str(task.as_str()).map_err(|error| error.to_string())?;
    for judged in ["verdict", "decisions", "landed"] {
        fields.remove(judged);
    }
    if let Some(Value::Object(result)) = fields.get_mut("result") {
        result.remove("workdir");
        result.insert("base".into(), base.into());
        result.insert("head".into(), head.into());
    }
    serde_json::to_string(&fields).map_err(|error| error.to_string())
}

/// A program of this house: beside the running one first, then on PATH.
fn program(name: &str) -> OsString {
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    beside.filter(|path| path.is_file()).map_or_else(|| name.into(), PathBuf::into_os_string)
}

#[derive(Default)]
struct Said {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Observer for Said {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> Progress {
        match stream {
            Stream::Out => self.out.extend_from_slice(bytes),
            Stream::Err => {
                // Only the end of it is ever told.
                self.err.extend_from_slice(bytes);
                let surplus = self.err.len().saturating_sub(MOST);
                self.err.drain(..surplus);
            }
        }
        Progress::Made
    }
}

const MOST: usize = 16 << 10;

impl Said {
    fn verdict(&self, id: &str) -> Option<Verdict> {
        let text = String::from_utf8_lossy(&self.out);
        let lines = text.lines().filter_map(|line| Record::parse(line).ok());
        let mut of_task = lines.filter(|line| line.kind() == "task" && line.text("id").as_deref() == Some(id));
        serde_json::from_str(of_task.next()?.get("verdict")?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_checked_is_the_merged_commit_and_nothing_that_was_said_before() {
        let task = r#"{"type":"task","id":"1","n":1.50,"result":{"status":"ok","base":"b","head":"h","workdir":"/x"},"verdict":{"status":"pass"},"decisions":[]}"#;
        let line = line(&Record::parse(task).unwrap(), "B", "H").unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["result"], serde_json::json!({"status": "ok", "base": "B", "head": "H"}));
        assert!(value.get("verdict").is_none() && value.get("decisions").is_none());
    }
}
