//! What is to be done with a task, from the plan and the run file. Pure.

use record::{DecisionStatus, Gate};

use crate::item::{Item, is_later};
use crate::ledger::{How, Known, Last};

/// What is to be done with a task.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Nothing.
    Finished,
    /// It is in the pipe.
    Out,
    /// It may go out once its needs are finished.
    Open(Again),
    /// A person has to do something first: what is the matter, and what would go on.
    Stuck(String),
}

/// With what a task goes out.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Again {
    pub feedback: Option<String>,
    pub thread: Option<String>,
    pub head: Option<String>,
    /// The work on it is done; the line that has it goes out again.
    pub line: Option<Box<str>>,
    /// Why it goes out again, for people.
    pub why: Option<&'static str>,
}

/// What the judgement depends on beside the task.
pub(crate) struct Bench<'a> {
    /// How often this process has released the task.
    pub releases: u32,
    pub attempts: u64,
    /// Whether the task writes to the tree.
    pub writes: bool,
    /// `decide RUN ID` for this task, ready to be pasted.
    pub decide: &'a str,
}

/// So often a task is released that others hold up, before it is somebody's fault.
const HOLDS: u32 = 3;

pub(crate) fn judge(item: &Item, known: &Known, bench: &Bench) -> State {
    if item.is_checked || known.last.as_ref().is_some_and(|last| is_finished(known, last)) {
        return State::Finished;
    }
    let decide = bench.decide;
    let plan = item.plan(known);
    match plan {
        Some((DecisionStatus::Denied, _)) => {
            return State::Stuck(format!("denied at gate plan: change the plan, or: {decide} approve --gate plan"));
        }
        Some((DecisionStatus::Pending, _)) => {
            return State::Stuck(format!("pending at gate plan: {decide} approve --gate plan"));
        }
        _ => {}
    }
    if let Some(out) = &known.out {
        let is_agreed = matches!(plan, Some((DecisionStatus::Approved, at)) if is_later(at, &out.at));
        return match bench.releases {
            0 if !bench.writes || known.may_begin_again() || is_agreed => {
                State::Open(Again { why: Some("it was interrupted"), ..Again::default() })
            }
            0 => State::Stuck(format!(
                "was begun and never came out, so it may have left half of its work in the tree: look at it, then: \
                 {decide} retry"
            )),
            _ => State::Out,
        };
    }
    match &known.last {
        None if known.is_edited => State::Open(Again { why: Some("it has changed in the plan"), ..Again::default() }),
        None => State::Open(Again::default()),
        Some(last) => after(known, last, bench),
    }
}

fn is_finished(known: &Known, last: &Last) -> bool {
    let is_approved = known.said(Gate::Result).is_some_and(|said| said.status == DecisionStatus::Approved);
    let is_work = !matches!(last.how, How::Held | How::Cancelled | How::Failed);
    known.out.is_none() && is_approved && is_work && (last.head.is_none() || last.has_landed)
}

/// It has come out and is not finished.
fn after(known: &Known, last: &Last, bench: &Bench) -> State {
    let decide = bench.decide;
    let is_here = bench.releases > 0;
    let newest = known.said(Gate::Result).or_else(|| known.said(Gate::Fallback));
    let status = newest.map(|said| said.status);
    let open = |why| State::Open(Again { why: Some(why), ..Again::default() });
    let better = |note: Option<&str>| {
        let parts: Vec<&str> = note.into_iter().chain(last.feedback.as_deref()).collect();
        let feedback = Some(parts.join("\n")).filter(|text| !text.is_empty());
        // What failed before it was done is begun afresh.
        let goes_on = matches!(last.how, How::Unproven | How::Done);
        let (thread, head) = if goes_on { (last.thread.clone(), last.head.clone()) } else { (None, None) };
        State::Open(Again { feedback, thread, head, line: None, why: Some("it is tried again") })
    };
    if status == Some(DecisionStatus::Retry) {
        return better(newest.and_then(|said| said.note.as_deref()));
    }
    if status == Some(DecisionStatus::Denied) {
        let note = newest.and_then(|said| said.note.as_deref()).map(|note| format!(" ({note})")).unwrap_or_default();
        return State::Stuck(format!("denied{note}: to have it done again: {decide} retry"));
    }
    let has_tries = known.spent < bench.attempts;
    match last.how {
        How::Held if bench.releases >= HOLDS => State::Stuck("is held up again and again".into()),
        How::Held => open("it was held up"),
        How::Cancelled if is_here => State::Stuck(format!("was cancelled: {decide} retry")),
        How::Cancelled => open("it was cancelled"),
        How::Failed if status == Some(DecisionStatus::Approved) && !is_here => open("another backend may take over"),
        How::Failed if is_here || !has_tries => State::Stuck(format!(
            "failed: to have it tried again: {decide} retry; or, if approve asked about a fallback: {decide} approve \
             --gate fallback"
        )),
        How::Failed => open("it had failed"),
        How::Unproven if has_tries && status.is_none() => better(None),
        How::Unproven => State::Stuck(format!("is not proven after {} tries: {decide} retry", known.spent)),
        How::Done if !is_here => State::Open(Again {
            line: last.line.clone(),
            why: Some("it is done and waits for an answer or for land"),
            ..Again::default()
        }),
        How::Done if status == Some(DecisionStatus::Approved) => {
            State::Stuck("is approved and has not landed: is land in the pipe?".into())
        }
        How::Done => State::Stuck(format!("is done and not approved: {decide} approve")),
        How::Untouched if is_here => {
            State::Stuck(format!("came back undone and unapproved: nobody in the pipe does it; or: {decide} approve"))
        }
        How::Untouched => open("nobody had done it"),
    }
}
