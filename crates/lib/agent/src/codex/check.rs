//! Whether the CLI that is there can do what we need.

use std::ffi::OsStr;

use process::{Stop, Stopper};
use record::{Class, Sandbox};

use crate::ask::{self, Answer, last_line, words};

/// What every call uses of `codex exec`, by the words of its help. All releases from 0.98 to 0.169 have them. 0.20 has all
/// flags, but no `resume`, and its events are of another form.
pub const FLAGS: [&str; 7] = ["--json", "--skip-git-repo-check", "--sandbox", "--cd", "--model", "--config", "resume"];

const INSTALL: &str = "install the Codex CLI (npm install -g @openai/codex) or set CODEX_BIN";

/// What is known of a CLI before it is used.
#[derive(Clone, Debug, Default)]
pub struct Doctor {
    /// `codex --version`.
    pub version: Option<String>,
    /// The flags that we need and the CLI does not have.
    pub lacking: Vec<&'static str>,
    /// What `codex login status` says; advice only, because other ways of authentication do not show in it.
    pub login: Option<String>,
    /// Whether a sandboxed command runs here; `None` when the CLI could not be asked.
    pub sandbox_works: Option<bool>,
    /// What keeps the CLI from being used.
    pub problem: Option<(Class, String)>,
}

impl Doctor {
    /// Examines the CLI at `program`.
    pub async fn examine(program: &OsStr) -> Self {
        let mut doctor = Self::default();
        let (_stopper, stop) = Stopper::new();
        let version = match ask(program, &["--version"], &stop).await {
            Ok(answer) => answer,
            Err(problem) => return Self { problem: Some(problem), ..doctor },
        };
        doctor.version = last_line(&version.out).map(str::to_owned);
        match help(program, &stop).await {
            Ok(lacking) => doctor.lacking = lacking.unwrap_or_default(),
            Err(problem) => return Self { problem: Some(problem), ..doctor },
        }
        doctor.problem = lacks(&doctor.lacking);
        if let Ok(login) = ask(program, &["login", "status"], &stop).await {
            // Told on stderr, after any warnings; a key is shown in part after a dash, which is nobody's business.
            let told = last_line(&login.err).or_else(|| last_line(&login.out));
            doctor.login = told.map(|told| told.split(" - ").next().unwrap_or(told).to_owned());
        }
        if let Ok(probe) = probe(program, &stop).await {
            doctor.sandbox_works = Some(probe.is_none());
            doctor.problem = doctor.problem.or(probe);
        }
        doctor
    }
}

/// What has to hold before the first task is started: the CLI is there, has our flags, and its sandbox works.
pub(super) async fn ready(program: &OsStr, sandbox: Sandbox, stop: &Stop) -> Result<(), (Class, String)> {
    match help(program, stop).await? {
        // A wrapper that does not pass `--help` on: its own exit status will tell when it is called.
        None => return Ok(()),
        Some(lacking) => lacks(&lacking).map_or(Ok(()), Err)?,
    }
    if sandbox == Sandbox::DangerFullAccess {
        return Ok(());
    }
    probe(program, stop).await?.map_or(Ok(()), Err)
}

fn lacks(lacking: &[&str]) -> Option<(Class, String)> {
    let why = || format!("this Codex CLI has no {}: update it (npm install -g @openai/codex)", lacking.join(", "));
    (!lacking.is_empty()).then(|| (Class::Unsupported, why()))
}

/// The flags that are lacking; `None` when what came back is no help text.
async fn help(program: &OsStr, stop: &Stop) -> Result<Option<Vec<&'static str>>, (Class, String)> {
    let help = ask(program, &["exec", "--help"], stop).await?;
    if !help.out.contains("Usage:") {
        return Ok(None);
    }
    let words = words(&help.out);
    Ok(Some(FLAGS.into_iter().filter(|flag| !words.contains(flag)).collect()))
}

async fn ask(program: &OsStr, args: &[&str], stop: &Stop) -> Result<Answer, (Class, String)> {
    ask::ask(program, args, stop, INSTALL).await
}

/// Runs `true` in the CLI's own sandbox: without one, it reports success for commands that never ran.
async fn probe(program: &OsStr, stop: &Stop) -> Result<Option<(Class, String)>, (Class, String)> {
    // Since 0.146, and before.
    for form in [&["sandbox", "-P", ":read-only", "--", "true"][..], &["sandbox", platform(), "--", "true"][..]] {
        let answer = ask(program, form, stop).await?;
        match answer.exit {
            Some(0) => return Ok(None),
            // Not a form that this release knows.
            Some(2 | 101) => {}
            _ => {
                let said = last_line(&answer.err).unwrap_or("nothing").to_owned();
                let why = format!("the sandbox of the Codex CLI does not work on this machine; it says: {said}");
                return Ok(Some((Class::Unsupported, why)));
            }
        }
    }
    // Neither form is known: then nothing is known of the sandbox.
    Ok(None)
}

const fn platform() -> &'static str {
    if cfg!(target_os = "macos") { "macos" } else { "linux" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_whole_words_of_the_help() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (_stopper, stop) = Stopper::new();
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("codex");
        std::fs::write(&program, "#!/bin/sh\necho 'Usage: x'; echo '  -s, --sandbox <M>  --json-schema  --skip-git-repo-check'; echo '-C, --cd=<DIR> -m, --model [M]'\n").unwrap();
        let mut mode = std::fs::metadata(&program).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let lacking = runtime.block_on(help(program.as_os_str(), &stop)).unwrap().unwrap();
        assert_eq!(lacking, ["--json", "--config", "resume"]);
        let (class, why) = runtime.block_on(ready("/no/such/codex".as_ref(), Sandbox::ReadOnly, &stop)).unwrap_err();
        assert_eq!(class, Class::Missing);
        assert!(why.contains("CODEX_BIN"), "{why}");
    }
}
