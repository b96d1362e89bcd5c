//! What the agent may use for a call, and no more.

use std::env;
use std::ffi::OsString;

use process::is_secret_name;
use record::{Sandbox, WorkType};
use serde_json::json;

use crate::Call;

/// Room for the commands of a task, in bytes: they go into arguments of the CLI, each of which may have 128 KiB.
const ROOM: usize = 96 << 10;

/// The tools of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tools {
    /// What happens to what no rule allows: `dontAsk` refuses it, `acceptEdits` lets files in the folder be changed.
    pub mode: &'static str,
    pub names: Vec<&'static str>,
    allow: Vec<String>,
    deny: Vec<String>,
    /// The commands that may be run, for the agent to know.
    commands: Option<Vec<String>>,
}

impl Tools {
    pub fn of(call: &Call) -> Self {
        let web = call.work_type == Some(WorkType::Research);
        let nets: &[&str] = if web { &["WebSearch", "WebFetch"] } else { &[] };
        let (mode, files): (_, &[&str]) = match call.sandbox {
            Sandbox::ReadOnly if web => ("dontAsk", &[]),
            // A review looks at what git knows. The CLI lets only such commands run as read, but also those that the user
            // has allowed for always.
            Sandbox::ReadOnly if call.work_type == Some(WorkType::CodeReview) => {
                ("dontAsk", &["Bash", "Glob", "Grep", "Read"])
            }
            Sandbox::ReadOnly => ("dontAsk", &["Glob", "Grep", "Read"]),
            _ => ("acceptEdits", &["Bash", "Edit", "Glob", "Grep", "Read", "Write"]),
        };
        let mut allow: Vec<String> = nets.iter().map(|name| (*name).to_owned()).collect();
        let mut commands = None;
        match call.sandbox {
            Sandbox::ReadOnly => {}
            Sandbox::WorkspaceWrite => {
                let (rules, named) = rules(&call.commands);
                allow.extend(rules);
                commands = Some(named);
            }
            Sandbox::DangerFullAccess => {
                allow.extend(["Bash", "Read(//**)", "Edit(//**)"].map(str::to_owned));
            }
        }
        // Who reads no files has no use for those that a prompt may name, which the CLI would put in by itself.
        let deny = if files.is_empty() { vec!["Read(//**)".to_owned()] } else { Vec::new() };
        Self { mode, names: [files, nets].concat(), allow, deny, commands }
    }

    /// Rules as the CLI reads them. As JSON they may hold commas and parentheses, which in a flag would end them.
    pub fn settings(&self) -> String {
        let permissions = json!({"allow": self.allow, "deny": self.deny});
        json!({"permissions": permissions, "disableAllHooks": true}).to_string()
    }

    /// What the agent is told of all this, so that it does not try what is refused.
    pub fn told(&self) -> String {
        let mut told = "Nobody can answer questions or grant permissions. What is not allowed is refused.".to_owned();
        match &self.commands {
            None if self.names.contains(&"Bash") && self.mode == "dontAsk" => {
                told.push_str(" You may read the files in this folder and run commands that only read them.");
            }
            None if self.names.contains(&"Read") && self.mode == "dontAsk" => {
                told.push_str(" You may read the files in this folder.");
            }
            None => {}
            Some(commands) => {
                told.push_str(
                    " You may read and change the files in this folder. Of commands that do more than that, only these may \
                     be run, as they are, with further arguments at most:\n",
                );
                for command in commands {
                    told.push_str(command);
                    told.push('\n');
                }
                if commands.is_empty() {
                    told.push_str("(none)\n");
                }
            }
        }
        told
    }
}

/// What an agent with these tools may touch; `None` where its rules decide, and not the tools alone.
pub(super) fn sandbox(tools: &[String]) -> Option<Sandbox> {
    const LOOKING: [&str; 5] = ["Glob", "Grep", "Read", "WebFetch", "WebSearch"];
    let looks = !tools.is_empty() && tools.iter().all(|tool| LOOKING.contains(&tool.as_str()));
    looks.then_some(Sandbox::ReadOnly)
}

/// The rules that let the commands of a task be run, and the commands that they let be run.
fn rules(commands: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut rules, mut named, mut room) = (Vec::new(), Vec::new(), ROOM);
    for command in commands.iter().map(|command| command.trim()) {
        // Two rules, in quotes and brackets.
        let cost = json!(command).to_string().len() * 2 + 24;
        // In a rule `*` and a `:*` at its end stand for anything, and nothing takes that meaning from them.
        let is_plain = !command.is_empty() && !command.contains(['*', '\0']);
        let Some(left) = room.checked_sub(cost).filter(|_| is_plain) else { continue };
        room = left;
        rules.push(format!("Bash({command})"));
        // With more arguments, but not so that `env` or `sh` becomes a way to run anything.
        if command.contains(' ') {
            rules.push(format!("Bash({command} *)"));
        }
        named.push(command.to_owned());
    }
    (rules, named)
}

/// Variables for the CLI: it tries again once (a limit's reset shows only then), keeps no task in the background beyond
/// its answer, and stays the release that it is. Secrets that are not its own are not handed on to it, since the commands
/// that it runs would get them; those for its login it needs.
pub(super) fn environment() -> Vec<(OsString, Option<OsString>)> {
    let set =
        [("CLAUDE_CODE_MAX_RETRIES", "1"), ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"), ("DISABLE_AUTOUPDATER", "1")];
    let set = set.into_iter().filter(|(name, _)| env::var_os(name).is_none());
    let foreign = env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(|name| is_secret_name(name) && !is_for_login(name)));
    set.map(|(name, value)| (name.into(), Some(value.into()))).chain(foreign.map(|name| (name, None))).collect()
}

/// Whether a variable belongs to one of the ways in which the CLI reaches its models.
fn is_for_login(name: &str) -> bool {
    const OWN: [&str; 8] = ["ANTHROPIC_", "CLAUDE_", "AWS_", "GOOGLE_", "GCLOUD_", "CLOUD_ML_", "VERTEX_", "AZURE_"];
    OWN.iter().any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use process::Limits;

    use super::*;

    fn tools(work_type: Option<WorkType>, sandbox: Sandbox, commands: &[&str]) -> Tools {
        Tools::of(&Call {
            prompt: String::new(),
            resume: None,
            model: "m".into(),
            effort: None,
            sandbox,
            work_type,
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
            folder: PathBuf::from("/"),
            limits: Limits { total: None, stall: None, grace: Duration::ZERO },
            log: None,
        })
    }

    #[test]
    fn research_looks_at_the_web_and_at_nothing_else() {
        let tools = tools(Some(WorkType::Research), Sandbox::ReadOnly, &["make test"]);
        assert_eq!((tools.mode, tools.names.as_slice()), ("dontAsk", &["WebSearch", "WebFetch"][..]));
        assert_eq!(
            tools.settings(),
            r#"{"disableAllHooks":true,"permissions":{"allow":["WebSearch","WebFetch"],"deny":["Read(//**)"]}}"#
        );
    }

    #[test]
    fn readers_change_nothing() {
        let tools = tools(Some(WorkType::CodeReview), Sandbox::ReadOnly, &["make test"]);
        assert_eq!((tools.mode, tools.names.as_slice()), ("dontAsk", &["Bash", "Glob", "Grep", "Read"][..]));
        assert!(tools.allow.is_empty() && tools.deny.is_empty());
        let names = |work_type| self::tools(work_type, Sandbox::ReadOnly, &[]).names;
        assert_eq!(
            (names(Some(WorkType::Explore)), names(None)),
            (vec!["Glob", "Grep", "Read"], vec!["Glob", "Grep", "Read"])
        );
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(sandbox(&owned(&["Read", "WebFetch"])), Some(Sandbox::ReadOnly));
        assert_eq!((sandbox(&owned(&["Read", "Bash"])), sandbox(&[])), (None, None));
    }

    #[test]
    fn writers_run_the_commands_of_their_task() {
        let commands = ["cargo test -p x", "make", "rm -rf *", "npm run a:*", "echo \"a, (b)\" && true"];
        let tools = tools(None, Sandbox::WorkspaceWrite, &commands);
        assert_eq!(tools.mode, "acceptEdits");
        let echo = "echo \"a, (b)\" && true";
        let rules = ["Bash(cargo test -p x)", "Bash(cargo test -p x *)", "Bash(make)"].map(str::to_owned);
        assert_eq!(tools.allow, [&rules[..], &[format!("Bash({echo})"), format!("Bash({echo} *)")]].concat());
        assert!(tools.told().contains("\ncargo test -p x\nmake\necho"), "{}", tools.told());
        assert!(!tools.told().contains("rm -rf"));
    }

    #[test]
    fn many_commands_fit_into_an_argument() {
        let long = "x ".repeat(ROOM);
        let many: Vec<&str> = std::iter::once(long.as_str()).chain(std::iter::repeat_n("a \"\n\" b", 9000)).collect();
        let tools = tools(None, Sandbox::WorkspaceWrite, &many);
        assert!(tools.settings().len() < 128 << 10 && tools.told().len() < 128 << 10);
        assert!(tools.allow.len() > 1000);
    }

    #[test]
    fn secrets_of_others_stay_here() {
        assert!(is_for_login("ANTHROPIC_API_KEY") && is_for_login("AWS_SECRET_ACCESS_KEY"));
        assert!(!is_for_login("GITHUB_TOKEN") && !is_for_login("OPENAI_API_KEY"));
    }
}
