//! Commits in the user's name.

use std::time::Duration;

use worktree::Repository;

use crate::refusal::Refusal;

/// How long signing may take: somebody may have to type a passphrase, and nobody may be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the user wants commits to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing {
    is_wanted: bool,
}

impl Signing {
    /// As the user's configuration says (`commit.gpgSign`).
    pub fn of(repository: &Repository) -> Result<Self, Refusal> {
        let said = repository.git().call(["config", "--type=bool", "--get", "commit.gpgSign"]).said()?;
        Ok(Self { is_wanted: said.out.starts_with(b"true") })
    }

    /// A commit of this tree on `parent`, by the user.
    pub fn commit(self, repository: &Repository, tree: &str, parent: &str, message: &str) -> Result<String, Refusal> {
        let mut args = vec!["commit-tree", tree, "-p", parent, "-F", "-"];
        if self.is_wanted {
            args.push("-S");
        }
        let call = repository.git().call(args).input(message);
        let call = if self.is_wanted { call.within(PATIENCE) } else { call };
        let said = call.said()?;
        if said.code == Some(0) {
            return Ok(String::from_utf8_lossy(&said.out).trim().to_owned());
        }
        let what = if said.code.is_none() && self.is_wanted { "took too long".into() } else { said.err.clone() };
        Err(Refusal::person(match &said.err {
            _ if self.is_wanted => format!(
                "the commit could not be signed, as commit.gpgSign wants it: {what}; unlock the key, or: git config \
                 commit.gpgSign false"
            ),
            err if err.contains("ident") || err.contains("user.email") || err.contains("user.name") => {
                "git does not know who you are: git config user.name NAME; git config user.email ADDRESS".into()
            }
            _ => said.error("commit-tree").to_string(),
        }))
    }
}
