//! One task after the other into the branch.

use std::collections::HashSet;
use std::env;
use std::path::{Path, PathBuf};

use change::{LandedCommit, Trailers};
use record::{Landed, LandedLine, LandedStatus, Record, now, to_line};
use stage::{Exit, tell};
use worktree::Repository;

use crate::NAME;
use crate::applied::Applied;
use crate::args::Args;
use crate::collision::{collisions, refuse};
use crate::merge::{Merged, merge};
use crate::recheck::recheck;
use crate::refusal::Refusal;
use crate::signing::Signing;
use crate::task::Work;
use crate::touched::touched;
use crate::transfer::{Intent, Transferred, Turn};

/// So often the branch may move under our hands before we give up.
const TRIES: u32 = 20;

pub(crate) struct Lander {
    args: Args,
    folder: PathBuf,
    repository: Result<Repository, Refusal>,
    /// The branch that we were started on.
    branch: Option<String>,
    signing: Option<Signing>,
    /// What the branch says has landed, as of this commit.
    known: Option<(String, Vec<LandedCommit>)>,
    /// The plan line, and the plan's path from it.
    plan: Option<String>,
    path: Option<String>,
    /// Tasks that were to land and did not.
    refused: HashSet<String>,
}

/// The tip of the user's branch.
struct Tip {
    branch: String,
    commit: String,
    tree: String,
}

impl Lander {
    /// Looks at where we are; what is wrong with it is told once something is to land.
    pub fn new(args: Args) -> Self {
        let folder = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let repository = Repository::open(&folder).map_err(Refusal::from);
        let branch = repository.as_ref().ok().and_then(|repository| {
            let said = repository.git().call(["symbolic-ref", "--quiet", "HEAD"]).said().ok()?;
            Some(String::from_utf8_lossy(&said.out).trim().to_owned()).filter(|branch| !branch.is_empty())
        });
        Self {
            args,
            folder,
            repository,
            branch,
            signing: None,
            known: None,
            plan: None,
            path: None,
            refused: HashSet::new(),
        }
    }

    /// Notes the plan that tasks come from.
    pub fn plan(&mut self, record: &Record) {
        self.plan = Some(record.as_str().to_owned());
        self.path = record.text("path").map(std::borrow::Cow::into_owned);
    }

    /// Lands a task: the record is given what became of it, unless it was refused.
    pub async fn land(&mut self, record: &mut Record, work: &Work) -> Exit {
        match self.try_to(record, work).await {
            Ok(exit) => exit,
            Err(refusal) => {
                self.refused.insert(work.id.clone());
                tell(NAME, &format!("task {}: does not land: {}", work.id, refusal.why));
                refusal.exit
            }
        }
    }

    async fn try_to(&mut self, record: &mut Record, work: &Work) -> Result<Exit, Refusal> {
        if let Some(need) = work.needs.iter().find(|need| self.refused.contains(*need)) {
            return Err(Refusal::person(format!("it needs task {need}, which has not landed")));
        }
        let repository = self.repository.clone()?;
        let digest = change::digest(repository.top(), &work.base, &work.head);
        let digest = digest.map_err(|error| Refusal::person(format!("its change cannot be read: {error}")))?;
        if work.approved.as_ref().is_some_and(|approved| *approved != digest) {
            if work.may_be_tried_again {
                return Ok(Exit::Ok);
            }
            return Err(Refusal::person("what was approved is another change than this one: have it approved again"));
        }
        let landed = self.bring_in(&repository, record, work, &digest).await?;
        self.settle(&repository, record, work, &digest, &landed)
    }

    async fn bring_in(
        &mut self,
        repository: &Repository,
        record: &Record,
        work: &Work,
        digest: &str,
    ) -> Result<Landed, Refusal> {
        let told = |text: &str| tell(NAME, &format!("task {}: {text}", work.id));
        // What an earlier one has left in the middle would be taken for the user's own.
        drop(Turn::wait(repository, &told).await?);
        let mut checked: Option<(String, String)> = None;
        for _ in 0..TRIES {
            let tip = self.tip(repository)?;
            if let Some(commit) = self.landed_before(repository, &tip, work, digest)? {
                return Ok(landed(LandedStatus::Merged, Some(commit)));
            }
            let ours = if self.args.apply { repository.snapshot()?.commit } else { tip.commit.clone() };
            let tree = match self.merged(repository, work, &ours, &tip)? {
                Merged::Tree(tree) => tree,
                Merged::Conflict(files) => {
                    return Ok(Landed { conflicts: files, ..landed(LandedStatus::Conflict, None) });
                }
            };
            let is_there = if self.args.apply { tree_of(repository, &ours)? == tree } else { tip.tree == tree };
            if is_there {
                return Ok(landed(LandedStatus::Nothing, None));
            }
            let new = if self.args.apply {
                repository.git().call(["commit-tree", &tree, "-p", &ours, "-m", "To be applied"]).aside().text()?
            } else {
                let signing = self.signing(repository)?;
                signing.commit(repository, &tree, &tip.commit, &self.message(work, digest))?
            };
            let state = (ours.clone(), tree);
            if checked.as_ref() != Some(&state) {
                if let Some((base, head)) = self.checked_on(repository, work, &tip, (&ours, &new), &state.1)? {
                    let (command, plan) = (self.args.verify.as_deref(), self.plan.as_deref());
                    let failing = recheck(command, plan, record, work, (&base, &head), &self.folder).await?;
                    if !failing.is_empty() {
                        return Ok(Landed { checks: failing, ..landed(LandedStatus::Conflict, None) });
                    }
                }
                checked = Some(state);
            }
            let branch = (!self.args.apply).then(|| tip.branch.clone());
            let intent = Intent { old: ours, new: new.clone(), branch };
            let turn = Turn::wait(repository, &told).await?;
            let mut applied = self.args.apply.then(|| Applied::read(&repository.top().join(".plan")));
            if turn.transfer(&intent, applied.as_mut()).await? == Transferred::Done {
                let commit = (!self.args.apply).then_some(new);
                let trailers = self.trailers(work, digest);
                if let (Some(commit), Some((at, known))) = (&commit, &mut self.known) {
                    at.clone_from(commit);
                    known.push(LandedCommit { commit: commit.clone(), trailers });
                }
                return Ok(landed(LandedStatus::Merged, commit));
            }
        }
        Err(Refusal::person("the branch moves all the time: run the same again when it is quiet"))
    }

    /// The tip of the branch that we were started on, when nothing there is in the middle of something.
    fn tip(&mut self, repository: &Repository) -> Result<Tip, Refusal> {
        let git = repository.git();
        for (file, what, way_out) in [
            ("MERGE_HEAD", "a merge", "git merge --abort"),
            ("CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --abort"),
            ("REVERT_HEAD", "a revert", "git revert --abort"),
            ("rebase-merge", "a rebase", "git rebase --abort"),
            ("rebase-apply", "a rebase", "git rebase --abort"),
        ] {
            if git.git_dir().join(file).exists() {
                return Err(Refusal::person(format!(
                    "{what} is in progress: finish it, or {way_out}; then run the same again"
                )));
            }
        }
        let said = git.call(["rev-parse", "HEAD^{commit}", "HEAD^{tree}", "--symbolic-full-name", "HEAD"]).said()?;
        let text = String::from_utf8_lossy(&said.out).into_owned();
        let [commit, tree, branch] = text.lines().collect::<Vec<_>>()[..] else {
            repository.head()?;
            return Err(said.error("rev-parse").into());
        };
        if branch == "HEAD" && !self.args.apply {
            return Err(Refusal::person(
                "you are on no branch (HEAD is detached): git switch BRANCH, then run the same again",
            ));
        }
        let began_on = self.branch.get_or_insert_with(|| branch.to_owned());
        if *began_on != branch && !self.args.apply {
            let short = |name: &str| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
            let (then, now) = (short(began_on), short(branch));
            return Err(Refusal::person(format!(
                "land was started on {then}, and you are on {now} now: git switch {then}"
            )));
        }
        Ok(Tip { branch: branch.to_owned(), commit: commit.to_owned(), tree: tree.to_owned() })
    }

    /// The commit in which this very change is in the branch already.
    fn landed_before(
        &mut self,
        repository: &Repository,
        tip: &Tip,
        work: &Work,
        digest: &str,
    ) -> Result<Option<String>, Refusal> {
        if self.known.as_ref().is_none_or(|(at, _)| *at != tip.commit) {
            let known = change::landed(repository.top());
            let known = known.map_err(|error| Refusal::failed(format!("the branch cannot be read: {error}")))?;
            self.known = Some((tip.commit.clone(), known));
        }
        let known = self.known.iter().flat_map(|(_, known)| known);
        let mut same = known.filter(|it| {
            it.trailers.is_for(&work.id, &work.digest) && it.trailers.diff_digest.as_deref() == Some(digest)
        });
        Ok(same.next().map(|it| it.commit.clone()))
    }

    fn merged(&self, repository: &Repository, work: &Work, ours: &str, tip: &Tip) -> Result<Merged, Refusal> {
        if work.base == ours {
            return tree_of(repository, &work.head).map(Merged::Tree);
        }
        let merged = merge(repository.git(), &work.base, ours, &work.head)?;
        let Merged::Conflict(_) = &merged else { return Ok(merged) };
        // A file that the user is about to change is no conflict with what has landed.
        if !self.args.apply && ours == tip.commit {
            let aside = repository.aside()?;
            let touched = touched(repository.git(), &work.base, &work.head)?;
            refuse(&collisions(repository.git(), &aside.index(), &touched)?)?;
        }
        Ok(merged)
    }

    /// On what the checks have to pass once more, and the commit before it; `None` when they have passed on just that.
    ///
    /// What the user had not committed was there when they passed, so it is there when they run again.
    fn checked_on(
        &self,
        repository: &Repository,
        work: &Work,
        tip: &Tip,
        (ours, new): (&str, &str),
        tree: &str,
    ) -> Result<Option<(String, String)>, Refusal> {
        let git = repository.git();
        if tree_of(repository, &work.head)? == *tree {
            return Ok(None);
        }
        let merged = Some((ours.to_owned(), new.to_owned()));
        if self.args.apply || git.call(["merge-base", "--is-ancestor", &work.base, &tip.commit]).said()?.code == Some(0)
        {
            return Ok(merged);
        }
        if repository.commit(&format!("{}^", work.base))?.as_deref() == Some(&*tip.commit) {
            return Ok(None);
        }
        let now = repository.snapshot()?.commit;
        match merge(git, &work.base, &now, &work.head)? {
            Merged::Tree(tree) => {
                let with = git.call(["commit-tree", &tree, "-p", &now, "-m", "To be checked"]).aside().text()?;
                Ok(Some((now, with)))
            }
            Merged::Conflict(_) => Ok(merged),
        }
    }

    fn signing(&mut self, repository: &Repository) -> Result<Signing, Refusal> {
        match self.signing {
            Some(signing) => Ok(signing),
            None => Ok(*self.signing.insert(Signing::of(repository)?)),
        }
    }

    fn trailers(&self, work: &Work, digest: &str) -> Trailers {
        Trailers {
            plan: self.path.as_deref().and_then(|path| self.in_repository(path)),
            task: work.id.clone(),
            task_digest: work.digest.clone(),
            diff_digest: Some(digest.to_owned()),
            backend: work.backend.clone(),
            model: work.model.clone(),
        }
    }

    fn message(&self, work: &Work, digest: &str) -> String {
        let title = if work.title.trim().is_empty() { &work.objective } else { &work.title };
        let objective = if work.objective.trim() == title.trim() { "" } else { &work.objective };
        // The first paragraph of an answer says what was done.
        let answer = work.message.trim().split("\n\n").next().unwrap_or_default();
        self.trailers(work, digest).message(title, &[objective, answer])
    }

    /// The plan's path from the top of the repository; of a plan elsewhere only its name.
    fn in_repository(&self, path: &str) -> Option<String> {
        if path == "-" {
            return None;
        }
        let full = self.folder.join(path);
        let full = full.canonicalize().unwrap_or(full);
        let top = self.repository.as_ref().ok()?.top();
        let name = full.strip_prefix(top).ok().or_else(|| full.file_name().map(Path::new));
        name.map(|name| name.display().to_string())
    }

    /// What became of the task, on disk and on its line.
    fn settle(
        &mut self,
        repository: &Repository,
        record: &mut Record,
        work: &Work,
        digest: &str,
        landed: &Landed,
    ) -> Result<Exit, Refusal> {
        let mut exit = Exit::Ok;
        if let Some(run) = &self.args.run {
            let line = LandedLine {
                id: work.id.clone(),
                status: landed.status,
                commit: landed.commit.clone(),
                conflicts: landed.conflicts.clone(),
                task_digest: work.digest.clone(),
                diff_digest: digest.to_owned(),
                at: now(),
            };
            let written = to_line(&line).map_err(|error| error.to_string());
            if let Err(error) = written.and_then(|line| run::append(run, &[line]).map_err(|error| error.to_string())) {
                tell(NAME, &format!("task {}: what became of it could not be written down: {error}", work.id));
                exit = exit.or(Exit::Failed);
            }
        }
        record.set("landed", landed).map_err(|error| Refusal::failed(error.to_string()))?;
        let branches = branches(repository, &work.head)?;
        if landed.status == LandedStatus::Conflict {
            self.refused.insert(work.id.clone());
            let why = match (&landed.conflicts[..], &landed.checks[..]) {
                ([], checks) => {
                    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
                    format!("on the merged result these checks fail: {}", names.join(", "))
                }
                (files, _) => format!("conflicts with what has landed since it began: {}", files.join(", ")),
            };
            let kept = branches.first().map_or(&*work.head, String::as_str);
            tell(NAME, &format!("task {}: does not land: {why}; nothing was changed, the work is in {kept}", work.id));
            return Ok(exit.or(Exit::NeedsDecision));
        }
        for branch in branches {
            repository.remove_branch(&branch, &work.head)?;
        }
        Ok(exit)
    }
}

/// The branches that were made for an attempt with this head.
fn branches(repository: &Repository, head: &str) -> Result<Vec<String>, Refusal> {
    let list = ["for-each-ref", "--format=%(refname:lstrip=2)", "--points-at", head, "refs/heads/plan-and-execute/"];
    Ok(repository.git().text(list)?.lines().map(str::to_owned).collect())
}

fn tree_of(repository: &Repository, commit: &str) -> Result<String, Refusal> {
    Ok(repository.git().text(["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{tree}}")])?)
}

fn landed(status: LandedStatus, commit: Option<String>) -> Landed {
    Landed { status, commit, conflicts: Vec::new(), checks: Vec::new() }
}
