//! The fence: what git says has changed, held against what the task declares and against what nobody may touch.
//!
//! Nothing here runs anything of the work, and nothing believes what the agent says of itself.

mod changes;
mod content;
mod declared;
mod findings;
mod job;
mod links;
mod objects;
mod protected;
mod scope;
mod tamper;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use record::{Check, Severity};
use worktree::is_commit_id;

use crate::git::{self, NoGit};
use crate::site::Where;
use crate::task::Task;
use changes::Change;
use content::{Look, Seen};
pub use declared::Declared;
use declared::{Deed, Permit};
use findings::Findings;
pub use findings::line as finding_line;
use links::Links;
pub use protected::{Protected, USUAL};
use scope::Scope;
use tamper::{Looked, Tamper};

/// The kinds of the fence's checks.
const SCOPE: &str = "scope";
/// See [`SCOPE`].
const TAMPER: &str = "tamper";

/// The sandbox of a task that changes nothing.
const READ_ONLY: &str = "read-only";

/// As much of a file is looked at in place; in a commit all of it.
const ON_DISK: u64 = 64 << 20;

/// A piece of work as commits of the repository at `root`.
struct Work<'a> {
    root: &'a Path,
    base: &'a str,
    head: &'a str,
}

/// Holds the work of a task against the fence. `present` is the folder that paths of the plan are relative to; `plan` the
/// path on the plan line.
pub async fn checks(
    protected: &Protected,
    task: &Task,
    place: &Where,
    present: &Path,
    plan: Option<&str>,
) -> Vec<Check> {
    let plan = |root: &Path| {
        let path = task.source.as_deref().or(plan)?;
        protected::plan_path(path, present, root)
    };
    match place {
        Where::Commit { repository, commit, below } => {
            let root = repository.root();
            let fence =
                Fence { protected, task, declared: task.declared(below), plan: plan(root), started: Instant::now() };
            match &task.base {
                Some(base) => fence.between(Work { root, base, head: commit }).await,
                None => fence.of_paths(root, Some(commit)).await,
            }
        }
        Where::InPlace(folder) => {
            let Ok(places) = tree::Places::of(folder) else { return Vec::new() };
            let root = places.root();
            let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
            let fence =
                Fence { protected, task, declared: task.declared(below), plan: plan(root), started: Instant::now() };
            fence.of_paths(root, None).await
        }
    }
}

/// The paths that differ between two commits.
pub async fn changed_paths(root: &Path, base: &str, head: &str) -> Result<Vec<String>, String> {
    if !is_commit_id(base) {
        return Err(format!("result.base is not a full commit id: {base}"));
    }
    let changes = changes::between(root, base, head).await.map_err(|error| error.to_string())?;
    Ok(changes.into_iter().map(|change| change.path).collect())
}

/// A check that could not be made, because of the work.
pub fn impossible(why: &str) -> Check {
    let mut findings = Findings::default();
    findings.error(None, why);
    findings.check(SCOPE, "what was changed is not known", 0.0)
}

/// One task's fence.
struct Fence<'a> {
    protected: &'a Protected,
    task: &'a Task,
    declared: Declared,
    plan: Option<String>,
    started: Instant,
}

impl Fence<'_> {
    /// Work that is a commit: git knows everything.
    async fn between(&self, work: Work<'_>) -> Vec<Check> {
        let (mut scope, mut tamper) = (Findings::default(), Findings::default());
        let changes = match self.look_at(&work, &mut scope, &mut tamper).await {
            Ok(changes) => changes,
            Err(error) => {
                scope.error(None, format!("what was changed cannot be found out: {error}"));
                Vec::new()
            }
        };
        self.said(&mut tamper);
        let seconds = self.seconds();
        let summary = match changes.len() {
            0 => "nothing was changed".to_owned(),
            1 => "1 path was changed".to_owned(),
            number => format!("{number} paths were changed"),
        };
        vec![scope.check(SCOPE, &summary, seconds), tamper.check(TAMPER, "", seconds)]
    }

    async fn look_at(
        &self,
        work: &Work<'_>,
        scope: &mut Findings,
        tamper: &mut Findings,
    ) -> Result<Vec<Change>, NoGit> {
        if !is_commit_id(work.base) {
            return Err(NoGit::Refused(format!("result.base is not a full commit id: {}", work.base)));
        }
        let changes = changes::between(work.root, work.base, work.head).await?;
        history(work, tamper).await?;
        let leaving = self.leaving(work.root, work.head, &changes).await?;
        Scope { declared: &self.declared, forbidden: self.forbidden(), leaving: &leaving, doubt: None }
            .judge(&changes, scope);
        let tampering = self.tampering(true);
        tampering.paths(&changes, tamper);
        tampering.texts(&self.texts(work.root, &changes).await?, tamper);
        Ok(changes)
    }

    /// Work of which only the paths are known, if that: in place, or in the commit `head`. Where there is nothing to say,
    /// nothing is said.
    async fn of_paths(&self, root: &Path, head: Option<&str>) -> Vec<Check> {
        let (mut scope, mut tamper) = (Findings::default(), Findings::default());
        self.said(&mut tamper);
        if let Some(paths) = self.task.changed.as_ref().filter(|changed| !changed.is_empty()) {
            let looked = match head {
                Some(head) => self.look_at_paths(root, head, paths, &mut scope, &mut tamper).await,
                None => self.look_in_place(root, paths, &mut scope, &mut tamper).await,
            };
            if let Err(error) = looked {
                scope.error(None, format!("what was changed cannot be looked at: {error}"));
            }
        }
        let summary = match head {
            Some(_) => "judged by result.changed, as there is no result.base",
            None => "judged by result.changed, as the work was done in place",
        };
        let all = [(scope, SCOPE), (tamper, TAMPER)].into_iter().filter(|(findings, _)| !findings.is_empty());
        all.map(|(findings, kind)| findings.check(kind, summary, self.seconds())).collect()
    }

    async fn look_at_paths(
        &self,
        root: &Path,
        head: &str,
        paths: &[String],
        scope: &mut Findings,
        tamper: &mut Findings,
    ) -> Result<(), NoGit> {
        let changes = changes::of_commit(root, head, paths).await?;
        let leaving = self.leaving(root, head, &changes).await?;
        self.judge_paths(&changes, &leaving, None, scope);
        let tampering = self.tampering(!self.declared.only_reads());
        tampering.paths(&changes, tamper);
        tampering.texts(&self.texts(root, &changes).await?, tamper);
        Ok(())
    }

    async fn look_in_place(
        &self,
        root: &Path,
        paths: &[String],
        scope: &mut Findings,
        tamper: &mut Findings,
    ) -> Result<(), NoGit> {
        let changes = self.own(root, changes::in_place(root, paths).await);
        let links = changes.iter().filter(|change| change.new.as_ref().is_some_and(|new| new.mode == changes::LINK));
        let ways = links.map(|change| change.path.as_str()).chain(self.declared.written());
        let leaving: HashMap<String, String> =
            ways.filter_map(|path| Some((path.to_owned(), links::leaves_on_disk(root, path)?))).collect();
        // An agent that could not write has changed nothing; then it was somebody beside it.
        let could_write = self.task.reported_sandbox.as_deref() != Some(READ_ONLY);
        let doubt = Some("work in place: whatever else wrote there meanwhile is taken for the task's");
        self.judge_paths(if could_write { &changes } else { &[] }, &leaving, doubt, scope);
        let tampering = self.tampering(!self.declared.only_reads());
        tampering.paths(&changes, tamper);
        tampering.texts(&self.texts(root, &changes).await?, tamper);
        Ok(())
    }

    /// Where only paths are known, a task that declares no file to write may write any, but those that it names to be
    /// read.
    fn judge_paths(
        &self,
        changes: &[Change],
        leaving: &HashMap<String, String>,
        doubt: Option<&'static str>,
        scope: &mut Findings,
    ) {
        let forbidden = if self.task.sandbox.as_deref() == Some(READ_ONLY) { self.forbidden() } else { None };
        let is_open = forbidden.is_none() && self.declared.only_reads();
        let is_read = |path: &str| self.declared.permit(path, Deed::Written, |_| false) != Permit::Undeclared;
        let judged: Vec<Change> = changes.iter().filter(|change| !is_open || is_read(&change.path)).cloned().collect();
        Scope { declared: &self.declared, forbidden, leaving, doubt }.judge(&judged, scope);
    }

    /// Why the task may change nothing.
    fn forbidden(&self) -> Option<&'static str> {
        match () {
            () if self.task.sandbox.as_deref() == Some(READ_ONLY) => Some("the task was to read only"),
            () if self.task.files.is_empty() => Some("the task declares no files"),
            () if self.declared.only_reads() => Some("the task declares no file to write"),
            () => None,
        }
    }

    /// Files that a program of our own pipe is writing, such as the one that takes our output, are not the agent's.
    fn own(&self, root: &Path, mut changes: Vec<Change>) -> Vec<Change> {
        if changes.iter().any(|change| !self.declared.covers(&change.path)) {
            let written = job::written_below(root);
            changes.retain(|change| !written.contains(&change.path));
        }
        changes
    }

    /// Links that leave the repository: those that were changed, and those on the way to what the task declares.
    async fn leaving(&self, root: &Path, head: &str, changes: &[Change]) -> Result<HashMap<String, String>, NoGit> {
        let is_link = |change: &&Change| change.new.as_ref().is_some_and(|new| new.mode == changes::LINK);
        let mut ways: Vec<String> = changes.iter().filter(is_link).map(|change| change.path.clone()).collect();
        ways.extend(self.declared.written().map(str::to_owned));
        let links = Links::on_the_way(root, head, &ways).await?;
        Ok(ways.into_iter().filter_map(|path| links.leaves(&path).map(|to| (path, to))).collect())
    }

    fn tampering(&self, knows: bool) -> Tamper<'_> {
        Tamper { protected: self.protected, declared: &self.declared, knows, plan: self.plan.as_deref() }
    }

    /// What the executor saw the agent do to git itself.
    fn said(&self, tamper: &mut Findings) {
        for text in &self.task.tampering {
            tamper.error(None, format!("seen by the executor: {text}"));
        }
        // Told, but no failure: many an honest build tool leaves a server of its own behind.
        if self.task.left_behind > 0 {
            let text = format!("the agent left {} process(es) behind, which were ended", self.task.left_behind);
            tamper.add(Severity::Warning, None, None, text);
        }
    }

    /// Looks into all files that have changed, before and after.
    async fn texts<'a>(&self, root: &Path, changes: &'a [Change]) -> Result<Vec<Looked<'a>>, NoGit> {
        let mut looked: Vec<Looked> =
            changes.iter().map(|change| Looked { change, before: Seen::default(), after: Seen::default() }).collect();
        let mut names: Vec<&str> = Vec::new();
        let mut whose: Vec<(usize, bool)> = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            for (side, is_new) in [(&change.old, false), (&change.new, true)] {
                let Some(side) = side.as_ref().filter(|side| side.is_file()) else { continue };
                if let Some(object) = &side.object {
                    names.push(object);
                    whose.push((at, is_new));
                } else if let Some(seen) = on_disk(&root.join(&change.path)) {
                    looked[at].after = seen;
                }
            }
        }
        let mut look = Look::default();
        objects::read(root, &names, |number, piece| match (piece, whose.get(number)) {
            (Some(piece), _) => look.push(piece),
            (None, Some((at, is_new))) => {
                let seen = std::mem::take(&mut look).finish();
                if *is_new {
                    looked[*at].after = seen;
                } else {
                    looked[*at].before = seen;
                }
            }
            (None, None) => {}
        })
        .await?;
        Ok(looked)
    }

    fn seconds(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
    }
}

/// The work has to stand on what it was given.
async fn history(work: &Work<'_>, tamper: &mut Findings) -> Result<(), NoGit> {
    let Work { root, base, head } = *work;
    let parents = git::answer(root, &["rev-list", "--parents", "--max-count=1", head]).await?;
    let parents = String::from_utf8_lossy(&parents).into_owned();
    let parents: Vec<&str> = parents.split_whitespace().skip(1).collect();
    if head == base || parents == [base] {
        return Ok(());
    }
    match git::answer(root, &["merge-base", "--is-ancestor", base, head]).await {
        Ok(_) => tamper.add(Severity::Note, None, None, "the work is more than one commit on its base"),
        Err(NoGit::Refused(_)) => {
            let short = base.get(..12).unwrap_or(base);
            tamper.error(None, format!("the history was rewritten: the work does not stand on its base {short}"));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// A regular file, nothing that would keep us waiting.
fn on_disk(path: &Path) -> Option<Seen> {
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    let mut file = File::open(path).ok().filter(|_| is_file)?.take(ON_DISK);
    let (mut look, mut piece) = (Look::default(), vec![0; 64 << 10]);
    while let Ok(read @ 1..) = file.read(&mut piece) {
        look.push(&piece[..read]);
    }
    Some(look.finish())
}
