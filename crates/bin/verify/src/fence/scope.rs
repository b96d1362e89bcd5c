//! Whether all that has changed is what the task declares.

use std::collections::{HashMap, HashSet};

use record::Severity;

use super::changes::{Change, GITLINK, LINK};
use super::declared::{Declared, Deed, Permit};
use super::findings::Findings;

/// What the fence is held against.
pub struct Scope<'a> {
    /// What the task may change.
    pub declared: &'a Declared,
    /// Why it may change nothing at all, whatever it declares.
    pub forbidden: Option<&'static str>,
    /// Where links of the new state lead that leave the repository, by their paths; declared paths too.
    pub leaving: &'a HashMap<String, String>,
    /// What to say of a path that nobody declared, besides that.
    pub doubt: Option<&'static str>,
}

impl Scope<'_> {
    /// Adds what is wrong with the changes.
    pub fn judge(&self, changes: &[Change], findings: &mut Findings) {
        let files: HashSet<&str> = changes
            .iter()
            .filter(|change| change.old.as_ref().is_some_and(super::changes::Side::is_file))
            .map(|change| change.path.as_str())
            .collect();
        let moved = Moved::of(changes);
        for change in changes {
            let path = Some(change.path.as_str());
            if let Some(why) = self.forbidden {
                findings.error(path, format!("{}, though {why}{}", done(change), moved.whence(change)));
                continue;
            }
            let permit = match () {
                // What is no text can only be meant by a folder or a glob.
                () if !change.is_text && self.declared.names(&change.path) => Permit::Undeclared,
                () => self.declared.permit(&change.path, change.deed, |path| files.contains(path)),
            };
            match permit {
                Permit::Undeclared => {
                    let doubt = self.doubt.map(|doubt| format!(" ({doubt})")).unwrap_or_default();
                    let how = format!("{}{}", done(change), moved.whence(change));
                    findings.error(path, format!("{how}, and the task does not declare it{doubt}"));
                }
                Permit::No(why) => {
                    findings.error(path, format!("{}{}: {why}", done(change), moved.whence(change)));
                }
                Permit::WithRemark(what) => findings.add(Severity::Note, path, None, what),
                Permit::Yes => {}
            }
            self.nested(change, findings);
        }
        let mut leaving: Vec<_> = self.leaving.iter().collect();
        leaving.sort_unstable();
        for (path, to) in leaving {
            findings.error(Some(path.as_str()), format!("a symbolic link leads from here {to}"));
        }
    }

    /// What is inside another repository is no part of the commit, so nobody could look at it.
    fn nested(&self, change: &Change, findings: &mut Findings) {
        let is_link = |side: &Option<super::changes::Side>| side.as_ref().is_some_and(|side| side.mode == GITLINK);
        if !is_link(&change.new) {
            return;
        }
        let path = Some(change.path.as_str());
        if !is_link(&change.old) {
            findings.error(path, "is another repository inside this one: its files are no part of the work");
        } else if !self.declared.names(change.path.trim_end_matches('/')) {
            findings.error(path, "is a submodule, and the task does not name it");
        }
    }
}

/// What happened to a path, in words.
fn done(change: &Change) -> String {
    let mode = |at: &Option<super::changes::Side>| at.as_ref().map_or(0, |side| side.mode);
    let (old, new) = (mode(&change.old), mode(&change.new));
    let is_same = matches!((&change.old, &change.new), (Some(old), Some(new)) if old.object.is_some() && old.object == new.object);
    match change.deed {
        Deed::Added if new == LINK => "a symbolic link was made".into(),
        Deed::Added => "was made".into(),
        Deed::Deleted => "was deleted".into(),
        Deed::Modified if is_same => format!("its mode was changed from {old:o} to {new:o}"),
        Deed::Modified if old & 0o170_000 != new & 0o170_000 => format!("was made {} of {}", kind(new), kind(old)),
        Deed::Modified => "was changed".into(),
        Deed::Written => "was written".into(),
        Deed::Gone => "was changed, and is gone".into(),
    }
}

fn kind(mode: u32) -> &'static str {
    match mode & 0o170_000 {
        LINK => "a symbolic link",
        GITLINK => "a submodule",
        _ => "a file",
    }
}

/// Files that are gone from one path and there at another.
struct Moved<'a>(HashMap<&'a str, &'a str>);

impl<'a> Moved<'a> {
    fn of(changes: &'a [Change]) -> Self {
        let gone = changes.iter().filter(|change| change.deed == Deed::Deleted);
        let object = |change: &'a Change| change.old.as_ref()?.object.as_deref();
        Self(gone.filter_map(|change| Some((object(change)?, change.path.as_str()))).collect())
    }

    fn whence(&self, change: &Change) -> String {
        let object = change.new.as_ref().and_then(|new| new.object.as_deref());
        let from = object.filter(|_| change.deed == Deed::Added).and_then(|object| self.0.get(object));
        from.map(|from| format!(" (moved from {from})")).unwrap_or_default()
    }
}
