//! The conversation at the terminal: one question at a time, on a thread of its own, so that lines go on passing.

use std::io::{self, PipeReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use change::Change;
use policy::routing::Target;
use record::Gate;
use stage::terminal::{Reply, Talk, Terminal};
use stage::{Error, Shown};
use tokio::sync::mpsc::UnboundedSender;

use crate::exhibit::{self, Heading};
use crate::interrupted::Interrupted;
use crate::page::Page;
use crate::pager::Pager;
use crate::sheet::Sheet;

/// A question for the person.
pub(crate) struct Question {
    pub number: u64,
    pub gate: Gate,
    pub heading: Heading,
    /// One task, or all tasks of the plan.
    pub tasks: Vec<(Arc<Sheet>, Change)>,
    /// The one task was begun already, and nobody knows what it has left behind.
    pub interrupted: Option<Interrupted>,
    pub target: Target,
    /// Its other end is closed when the question is no longer open.
    pub cancel: PipeReader,
}

/// What the person has said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    Approve {
        note: Option<String>,
        choice: Option<usize>,
    },
    Deny {
        note: Option<String>,
    },
    Retry {
        note: Option<String>,
    },
    /// Nothing more will be answered; why, when it was not the person's wish.
    Quit(Option<String>),
}

/// Where questions go.
pub(crate) struct Conversation {
    questions: Sender<Question>,
    pager: Pager,
    is_over: Arc<AtomicBool>,
    /// Nothing ever comes; its other end goes with the thread.
    thread: Receiver<()>,
}

/// How long the thread may take to leave the terminal in order.
const LEAVING: Duration = Duration::from_millis(500);

impl Conversation {
    /// Starts to ask at `terminal`; each answer is sent with its question's number.
    pub fn start(terminal: Terminal, answers: UnboundedSender<(u64, Word)>) -> Result<Self, Error> {
        let (questions, queue) = mpsc::channel::<Question>();
        let pager = Pager::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let asker = Asker { terminal, pager: pager.clone(), is_over: is_over.clone() };
        let (alive, thread) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("conversation".into())
            .spawn(move || {
                let _alive = alive;
                for question in queue {
                    if asker.is_over() {
                        return;
                    }
                    let word = asker.ask(&question).unwrap_or_else(|error| {
                        Some(Word::Quit(Some(format!("the terminal cannot be used: {error}"))))
                    });
                    // When nobody waits for the answer any more, the process is about to end.
                    let Some(word) = word else { continue };
                    // Whoever has left is not shown the questions that are in the queue still.
                    let has_left = matches!(word, Word::Quit(_));
                    if answers.send((question.number, word)).is_err() || has_left {
                        return;
                    }
                }
            })
            .map_err(|error| Error::system("cannot start a thread", error))?;
        Ok(Self { questions, pager, is_over, thread })
    }

    /// Puts a question in the queue.
    pub fn put(&self, question: Question) {
        // The thread only ends when this value does.
        let _ = self.questions.send(question);
    }

    /// No question is asked any more. One that is open is to be called off after this, not before.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Waits until nothing more is said to the person. A pager must have been ended.
    pub fn leave(self) {
        self.end();
        drop(self.questions);
        // Another tool may have the terminal for long, and then nothing of ours stands there.
        let _ = self.thread.recv_timeout(LEAVING);
    }

    /// What has to be ended before the process may end at once.
    pub fn pager(&self) -> Pager {
        self.pager.clone()
    }
}

struct Asker {
    terminal: Terminal,
    pager: Pager,
    is_over: Arc<AtomicBool>,
}

/// A text of more lines is cut, unless a pager shows it.
const MOST: usize = 400;

impl Asker {
    /// Asks until there is an answer; `None` when the question has been answered elsewhere.
    fn ask(&self, question: &Question) -> io::Result<Option<Word>> {
        if is_called_off(&question.cancel)? {
            return Ok(None);
        }
        let mut talk = self.terminal.take()?;
        // It may have been answered while somebody else had the terminal.
        if self.is_over() || is_called_off(&question.cancel)? {
            return Ok(None);
        }
        talk.say(&self.overview(question))?;
        talk.forget_typed();
        let sheet = question.sheet();
        let prompt = exhibit::prompt(question.gate, sheet, question.tasks.len(), &question.target);
        loop {
            let line = match talk.ask(&prompt, &question.cancel)? {
                Reply::Line(line) => line,
                Reply::End => {
                    talk.break_line()?;
                    return Ok(Some(Word::Quit(None)));
                }
                Reply::Cancelled => return self.call_off(&mut talk),
            };
            match understood(&line, question) {
                Said::Word(word) => return Ok(Some(word)),
                Said::AskNote => {
                    match talk.ask("what should be different? (one line; Enter goes back) ", &question.cancel)? {
                        Reply::Line(note) if note.trim().is_empty() => {}
                        Reply::Line(note) => return Ok(Some(Word::Retry { note: tidy(&note) })),
                        Reply::End => talk.break_line()?,
                        Reply::Cancelled => return self.call_off(&mut talk),
                    }
                }
                Said::Look(look) => self.look(look, question, &mut talk)?,
                Said::Nothing(hint) => talk.say(&format!("{}\n", Shown(hint).lines()))?,
                Said::Empty => {}
            }
        }
    }

    /// The question has been answered elsewhere, or nothing is asked any more.
    fn call_off(&self, talk: &mut Talk) -> io::Result<Option<Word>> {
        talk.break_line()?;
        if !self.is_over() {
            talk.say("(no longer asked)\n")?;
        }
        Ok(None)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn page(&self) -> Page {
        Page::new(self.terminal.size().0, Terminal::has_colour())
    }

    fn overview(&self, question: &Question) -> String {
        let mut page = self.page();
        match (question.gate, question.tasks.first()) {
            (_, Some((sheet, _))) if let Some(begun) = &question.interrupted => {
                exhibit::interrupted(&mut page, sheet, begun, change::uncommitted(Path::new(".")));
            }
            (Gate::Fallback, Some((sheet, change))) => exhibit::fallback(&mut page, sheet, change, &question.target),
            (Gate::Result, Some((sheet, change))) => exhibit::result(&mut page, sheet, change),
            _ => exhibit::plan(&mut page, &question.heading, &question.sheets(), 100),
        }
        format!("\n{}", page.into_text())
    }

    fn look(&self, look: Look, question: &Question, talk: &mut Talk) -> io::Result<()> {
        let (brief, full) = (self.rendered(look, question, MOST), || self.rendered(look, question, usize::MAX));
        let is_long = brief.lines().count() + 2 > self.terminal.size().1;
        if is_long && self.pager.show(full(), &self.terminal.handle()?) {
            return Ok(());
        }
        talk.say(&brief)
    }

    fn rendered(&self, look: Look, question: &Question, most: usize) -> String {
        let mut page = self.page();
        match (look, question.sheet()) {
            (Look::Diff, None) => exhibit::whole_plan(&mut page, &question.heading, &question.sheets(), most),
            (Look::Diff, Some(_)) if question.interrupted.is_some() => shown(&mut page, left_behind(), most),
            (Look::Diff, Some(sheet)) => diff(&mut page, sheet, most),
            (Look::Message, Some(sheet)) => exhibit::message(&mut page, sheet, most),
            (Look::Output, Some(sheet)) => exhibit::output(&mut page, sheet, most),
            (Look::Message | Look::Output, None) => page.plain("nothing has run yet"),
        }
        page.into_text()
    }
}

fn diff(page: &mut Page, sheet: &Sheet, most: usize) {
    let diff = sheet.result.as_ref().map(|result| change::diff(&result.work()));
    shown(page, diff.transpose().map(Option::flatten), most);
}

/// All that differs from the last commit here.
fn left_behind() -> io::Result<Option<change::Diff>> {
    let changed = change::uncommitted(Path::new("."))?.into_iter().map(|(_, path)| path).collect();
    change::diff(&change::Work { changed: Some(changed), ..Default::default() })
}

fn shown(page: &mut Page, diff: io::Result<Option<change::Diff>>, most: usize) {
    match diff {
        Ok(None) => page.plain("there is no change to look at"),
        Err(error) => page.plain(&format!("the change cannot be shown: {error}")),
        Ok(Some(diff)) if diff.text.is_empty() => page.plain("there is no difference"),
        Ok(Some(diff)) => {
            page.diff(&diff.text, most, &format!(": set PAGER, or run {}", diff.command));
            if diff.is_cut {
                page.plain(&format!("… and more, too long to show: {}", diff.command));
            }
        }
    }
}

impl Question {
    /// The task, when the question is about one.
    fn sheet(&self) -> Option<&Sheet> {
        let is_whole_plan = self.gate == Gate::Plan && self.interrupted.is_none();
        if is_whole_plan { None } else { self.tasks.first().map(|(sheet, _)| &**sheet) }
    }

    fn sheets(&self) -> Vec<&Sheet> {
        self.tasks.iter().map(|(sheet, _)| &**sheet).collect()
    }

    fn is_unreadable(&self) -> bool {
        self.tasks.iter().any(|(_, change)| matches!(change, Change::Unreadable(_)))
    }
}

fn is_called_off(cancel: &PipeReader) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut ends = [PollFd::new(cancel, PollFlags::IN)];
    poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(!ends[0].revents().is_empty())
}

/// What a typed line means.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    Word(Word),
    AskNote,
    Look(Look),
    Nothing(String),
    Empty,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    Diff,
    Message,
    Output,
}

const HELP: &str = "\
a, approve [NOTE]   yes; only the whole word takes a note
d, deny [NOTE]      no
r, retry [NOTE]     try again; the note tells the next attempt what should be different (not at gate plan)
v, view             the diff (at gate plan: the whole plan), in $PAGER when it is long
m, message          everything the agent said
o, output           what the checks printed, and where the logs are
q, quit             answer nothing more: what is open is passed on as pending (Ctrl-D too)";

fn understood(line: &str, question: &Question) -> Said {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let note = tidy(rest);
    let options = question.sheet().map_or(0, |sheet| sheet.options().len());
    if let Ok(choice) = word.parse::<usize>()
        && (1..=options).contains(&choice)
    {
        return approve(question, note, Some(choice));
    }
    // A single letter with more behind it is more likely the begin of a sentence than an answer.
    let word = word.to_lowercase();
    let alone = |letter: &str| word == letter && note.is_none();
    match word.as_str() {
        "" => Said::Empty,
        "approve" | "yes" => approve(question, note, None),
        _ if alone("a") || alone("y") => approve(question, None, None),
        "d" | "deny" | "no" => Said::Word(Word::Deny { note }),
        _ if alone("n") => Said::Word(Word::Deny { note }),
        "r" | "retry" if question.interrupted.is_some() => {
            Said::Nothing("to have it begun again on what it has left: a; to keep it from being begun: d".into())
        }
        "r" | "retry" if question.gate == Gate::Plan => {
            Said::Nothing("nothing has run yet: deny, change the plan and start again".into())
        }
        "r" | "retry" if note.is_none() => Said::AskNote,
        "r" | "retry" => Said::Word(Word::Retry { note }),
        "q" | "quit" | "exit" if note.is_none() => Said::Word(Word::Quit(None)),
        "v" | "view" | "diff" if note.is_none() => Said::Look(Look::Diff),
        "m" | "message" if note.is_none() => Said::Look(Look::Message),
        "o" | "output" if note.is_none() => Said::Look(Look::Output),
        "?" | "h" | "help" => Said::Nothing(HELP.into()),
        "a" | "y" => Said::Nothing("that is not an approval: only the whole word takes a note (approve NOTE)".into()),
        _ => Said::Nothing("not understood; ? tells what can be said".into()),
    }
}

fn approve(question: &Question, note: Option<String>, choice: Option<usize>) -> Said {
    if question.is_unreadable() {
        return Said::Nothing("git cannot show the change, so it cannot be approved: deny, retry or quit".into());
    }
    let options = question.sheet().map_or(0, |sheet| sheet.options().len());
    if question.gate == Gate::Result && options > 0 && choice.is_none() {
        return Said::Nothing(format!("say which answer: a number from 1 to {options}"));
    }
    Said::Word(Word::Approve { note, choice })
}

fn tidy(note: &str) -> Option<String> {
    let note = note.trim();
    (!note.is_empty()).then(|| note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(gate: Gate, fields: &str, change: Change) -> Question {
        let sheet = serde_json::from_str(&format!(r#"{{"id":"1","digest":"d"{fields}}}"#)).unwrap();
        let target = Target { backend: "claude".into(), model: "m".into(), rank: None, is_routed: false };
        let tasks = vec![(Arc::new(sheet), change)];
        let (cancel, _) = io::pipe().unwrap();
        Question { number: 1, gate, heading: Heading::default(), tasks, interrupted: None, target, cancel }
    }

    #[test]
    fn only_clear_words_approve() {
        let question = question(Gate::Result, "", Change::None);
        let yes = |note: Option<&str>| Said::Word(Word::Approve { note: note.map(Into::into), choice: None });
        assert_eq!(understood("a", &question), yes(None));
        assert_eq!(understood("  approve  ", &question), yes(None));
        assert_eq!(understood("approve fine so far", &question), yes(Some("fine so far")));
        assert_eq!(understood("", &question), Said::Empty);
        for unclear in ["a test is missing", "add", "1", "y not", "ok", "A b", "\u{1b}[A"] {
            assert!(matches!(understood(unclear, &question), Said::Nothing(_)), "{unclear}");
        }
        assert_eq!(understood("d", &question), Said::Word(Word::Deny { note: None }));
        assert_eq!(understood("r", &question), Said::AskNote);
        assert_eq!(
            understood("r tests please", &question),
            Said::Word(Word::Retry { note: Some("tests please".into()) })
        );
    }

    #[test]
    fn of_several_answers_one_has_to_be_chosen() {
        let question = question(Gate::Result, r#","result":{"options":[{"model":"a"},{"model":"b"}]}"#, Change::None);
        assert!(matches!(understood("a", &question), Said::Nothing(_)));
        assert!(matches!(understood("3", &question), Said::Nothing(_)));
        assert_eq!(understood("2", &question), Said::Word(Word::Approve { note: None, choice: Some(2) }));
    }

    #[test]
    fn what_cannot_be_seen_cannot_be_approved() {
        let question = question(Gate::Result, "", Change::Unreadable("gone".into()));
        assert!(matches!(understood("a", &question), Said::Nothing(_)));
        assert!(matches!(understood("d", &question), Said::Word(_)));
    }
}
