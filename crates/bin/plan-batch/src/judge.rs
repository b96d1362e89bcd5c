//! What is to be done with a task, from the plan and the run file. Pure.

use record::{DecisionStatus, Gate};

use crate::item::{Item, is_later};
use crate::ledger::{Known, Last};
use crate::outcome::How;

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
    /// It has failed, and nobody is asked about it: a person may have it tried again, as said.
    Failed(String),
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
    /// `decide RUN ID` for this task, ready to be pasted.
    pub decide: &'a dyn Fn() -> String,
}

/// So often a task is released that others hold up, before it is somebody's fault.
const HOLDS: u32 = 3;

pub(crate) fn judge(item: &Item, known: &Known, bench: &Bench) -> State {
    if item.is_checked || known.is_finished() {
        return State::Finished;
    }
    if known.out.is_some() && bench.releases > 0 {
        return State::Out;
    }
    let decide = bench.decide;
    let plan = item.plan(known);
    match plan {
        Some((DecisionStatus::Denied, _)) => {
            let decide = decide();
            return State::Stuck(format!("denied at gate plan: change the plan, or: {decide} approve --gate plan"));
        }
        Some((DecisionStatus::Pending, _)) => {
            return State::Stuck(format!("pending at gate plan: {} approve --gate plan", decide()));
        }
        _ => {}
    }
    if let Some(out) = &known.out {
        if let Some(line) = &known.asked_line {
            let why = Some("it was done, and had not come out when the pipe ended");
            return State::Open(Again { line: Some(line.clone()), why, ..Again::default() });
        }
        let is_agreed = matches!(plan, Some((DecisionStatus::Approved, at)) if is_later(&at, &out.at));
        let may_have_written = || out.may_have_written.unwrap_or_else(|| item.outing().may_write);
        if is_agreed || known.may_begin_again() || !may_have_written() {
            return State::Open(Again { why: Some("it was interrupted"), ..Again::default() });
        }
        return State::Stuck(format!(
            "was begun and never came out, so it may have left half of its work in the tree: look at it, then: {} retry",
            decide()
        ));
    }
    match &known.last {
        None if known.is_edited => State::Open(Again { why: Some("it has changed in the plan"), ..Again::default() }),
        None => State::Open(Again::default()),
        Some(last) => after(known, last, bench),
    }
}

/// It has come out and is not finished.
fn after(known: &Known, last: &Last, bench: &Bench) -> State {
    let decide = || (bench.decide)();
    let is_here = bench.releases > 0;
    let newest = known.said(Gate::Result).or_else(|| known.said(Gate::Fallback));
    let status = newest.as_ref().map(|said| said.status);
    let note = newest.as_ref().and_then(|said| said.note.as_deref());
    let open = |why| State::Open(Again { why: Some(why), ..Again::default() });
    let better = |note: Option<&str>| {
        let parts: Vec<&str> = note.into_iter().chain(last.feedback.as_deref()).collect();
        let feedback = Some(parts.join("\n")).filter(|text| !text.is_empty());
        // What failed before it was done is begun afresh, and so is what does not fit on the branch: from the same base
        // it never would.
        let goes_on = matches!(last.how, How::Unproven | How::Done) && !last.is_conflict;
        let (thread, head) = if goes_on { (last.thread.clone(), last.head().map(str::to_owned)) } else { (None, None) };
        State::Open(Again { feedback, thread, head, line: None, why: Some("it is tried again") })
    };
    if status == Some(DecisionStatus::Retry) {
        return better(note);
    }
    if status == Some(DecisionStatus::Denied) {
        let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
        return State::Stuck(format!("denied{note}: to have it done again: {} retry", decide()));
    }
    let has_tries = known.spent < bench.attempts;
    let is_asked = is_here && last.asked == Some(Gate::Result);
    match last.how {
        How::Held if bench.releases >= HOLDS => State::Stuck("is held up again and again".into()),
        How::Held => open("it was held up"),
        How::Cancelled if is_here => State::Stuck(format!("was cancelled: {} retry", decide())),
        How::Cancelled => open("it was cancelled"),
        How::Budget if is_here => State::Stuck(format!(
            "was not done, because what may be spent is used up: allow more and run the same command again, or: {} retry",
            decide()
        )),
        How::Budget => open("what could be spent had been used up"),
        How::Failed if status == Some(DecisionStatus::Approved) && !is_here => open("another backend may take over"),
        How::Failed if is_here || !has_tries => {
            let class = last.class.as_deref().map(|class| format!(" ({class})")).unwrap_or_default();
            let text = format!("failed{class}: to have it tried again: {} retry", decide());
            if last.asked == Some(Gate::Fallback) {
                let other = format!("{} approve --gate fallback", decide());
                State::Stuck(format!("{text}; to let another backend do it: {other}"))
            } else {
                State::Failed(text)
            }
        }
        How::Failed => open("it had failed"),
        How::Unproven if has_tries && status.is_none() => better(None),
        How::Unproven if last.is_conflict => State::Stuck(format!(
            "does not fit on the branch any more: to have it done again from there: {} retry",
            decide()
        )),
        How::Unproven => State::Stuck(format!(
            "is not proven after {} tries: to have it tried again: {} retry{}",
            known.spent,
            decide(),
            if is_asked { format!("; to take it as it is: {} approve", decide()) } else { String::new() }
        )),
        How::Done if !is_here => State::Open(Again {
            line: last.line.clone(),
            why: Some("it is done and waits for an answer or for land"),
            ..Again::default()
        }),
        How::Done if status == Some(DecisionStatus::Approved) => {
            State::Stuck("is approved and has not landed: is land in the pipe?".into())
        }
        How::Done if is_asked => State::Stuck(format!("is done and not approved: {} approve", decide())),
        How::Done => State::Stuck("is done, and nobody was asked to approve it: is approve in the pipe?".into()),
        How::Untouched if is_asked => {
            State::Stuck(format!("is for a person to do: once it is done: {} approve", decide()))
        }
        How::Untouched if is_here => State::Stuck(
            "came back undone: is the executor in the pipe that its route names, and approve for work of a person?"
                .into(),
        ),
        How::Untouched => open("nobody had done it"),
    }
}
