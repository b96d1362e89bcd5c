//! The desk where everything meets: lines, rules, decisions, questions and answers.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::fs;
use std::io::{self, PipeWriter};
use std::time::Duration;

use change::Change;
use policy::approval::{Answer, ApprovalPolicy};
use policy::routing::{Target, Targets};
use record::{Decision, DecisionLine, DecisionStatus, Gate, Record, now, to_line};
use serde::Deserialize;
use stage::terminal::{Terminal, person};
use stage::{Error, Exit, Input, Intake, Outlet, tell};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{MissedTickBehavior, interval};
use tree::Places;

use crate::args::Args;
use crate::book::Book;
use crate::conversation::{Conversation, Question, Word};
use crate::exhibit::Heading;
use crate::item::Item;
use crate::pending::{self, Undone};
use crate::place::Place;
use crate::sheet::Sheet;
use crate::study::Study;

const NAME: &str = "approve";
/// How soon a decision in the run file is noticed while a question is open.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Desk {
    gate: Gate,
    policy: ApprovalPolicy,
    targets: Targets,
    /// `CODEX_FAIL_CLOSED=0`: fallbacks that the routing policy names need no question.
    is_fail_open: bool,
    waits: bool,
    book: Book,
    conversation: Option<Conversation>,
    /// Nobody is asked any more: the person has left, or a signal came.
    left: Option<&'static str>,
    outlet: Outlet,
    heading: Heading,
    /// Questions that are open, by number.
    open: BTreeMap<u64, Open>,
    asked: u64,
    /// At gate `plan`: everything since the first task that has to be asked about, in its order.
    held: VecDeque<Held>,
    pending: Vec<String>,
    /// Questions that the run file does not hold yet, as lines.
    questions: Vec<String>,
    /// Tasks that were sent back and that nobody tries again by himself.
    sent_back: Vec<String>,
    /// At gate `result`: tasks that have no result.
    undone: Undone,
    exit: Exit,
    /// What is told at the end, so as not to run into a question.
    notes: Vec<String>,
    answers: UnboundedReceiver<(u64, Word)>,
    studied: UnboundedReceiver<Item>,
    study: Study,
    studying: usize,
}

struct Open {
    /// Decisions in the run file before this mark are older than the question.
    since: u64,
    /// At gate `plan` all lines wait behind a question, also when it is about one task alone: its id.
    about: Option<String>,
    held: VecDeque<Held>,
    /// Closing it calls the question off.
    _cancel: Option<PipeWriter>,
}

impl Open {
    fn is_about(&self, item: &Item) -> bool {
        !item.needs_nobody() && self.about.as_ref().is_none_or(|id| *id == item.sheet.id)
    }
}

enum Held {
    Line(Record),
    Item(Box<Item>),
    Decided(Record),
}

impl Held {
    fn item(&self) -> Option<&Item> {
        if let Self::Item(item) = self { Some(item) } else { None }
    }

    /// A task that somebody has to decide about.
    fn undecided(&self) -> Option<&Item> {
        self.item().filter(|item| !item.needs_nobody())
    }
}

/// What is shown of the plan.
#[derive(Deserialize)]
struct PlanLine {
    title: Option<String>,
    path: Option<String>,
    goal: Option<String>,
}

impl Desk {
    /// Reads the policies and the run file, and looks for a terminal.
    pub fn open(args: &Args) -> Result<Self, Error> {
        let policy = policy(args)?;
        let mut book = Book::new(args.gate, args.run.as_deref());
        if let Some(run) = &args.run {
            // At the head of a pipe nobody else may have made it yet.
            let made = Places::make_for(run);
            made.map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
        }
        if let Some(folder) = args.run.as_deref().and_then(|run| run.parent())
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(Error::Usage(format!(
                "--run: {}: no such folder; make it, or let RUN lie below .plan/",
                folder.display()
            )));
        }
        book.refresh().map_err(Error::Document)?;
        let (answer, answers) = mpsc::unbounded_channel();
        let (done, studied) = mpsc::unbounded_channel();
        let terminal = if args.no_terminal { None } else { Terminal::open().ok() };
        let conversation = terminal.map(|terminal| Conversation::start(terminal, answer)).transpose()?;
        Ok(Self {
            gate: args.gate,
            policy,
            targets: targets(args)?,
            is_fail_open: env::var_os("CODEX_FAIL_CLOSED").is_some_and(|value| value == "0"),
            waits: args.wait,
            book,
            conversation,
            left: None,
            outlet: Outlet::stdout(),
            heading: Heading::default(),
            open: BTreeMap::new(),
            asked: 0,
            held: VecDeque::new(),
            pending: Vec::new(),
            questions: Vec::new(),
            sent_back: Vec::new(),
            undone: Undone::default(),
            exit: Exit::Ok,
            notes: Vec::new(),
            answers,
            studied,
            study: Study::new(done),
            studying: 0,
        })
    }

    /// Works to the end of input and until every question is settled.
    pub async fn work(mut self) -> Result<Exit, Error> {
        let gate = self.gate;
        let mut intake = Intake::checking(move |record| {
            if Place::of(record)?.is_at(gate)? {
                record.view::<Sheet>().map_err(|error| error.to_string())?;
            }
            Ok(())
        })?;
        let pager = self.conversation.as_ref().map(Conversation::pager).unwrap_or_default();
        let at_once = pager.clone();
        intake.before_end(move || at_once.end());
        let outcome = self.pump(&mut intake).await;
        self.write_remembered();
        pager.end();
        outcome?;
        // What is told comes after the last word of the conversation.
        if let Some(conversation) = self.conversation.take() {
            conversation.leave();
        }
        for note in &self.notes {
            tell(NAME, note);
        }
        // Of a run that was stopped, or that cannot be read, much more is undone.
        if !matches!(self.exit, Exit::BadInput | Exit::Stopped(_)) {
            for undone in std::mem::take(&mut self.undone).told() {
                tell(NAME, &undone);
            }
        }
        let ways =
            [pending::again(self.gate, &self.sent_back), pending::way_on(self.gate, self.book.run(), &self.pending)];
        for way in ways.iter().flatten() {
            tell(NAME, way);
        }
        let signal = self.outlet.close(&mut intake).await?;
        Ok(signal.map_or(self.exit, |number| self.exit.or(Exit::Stopped(number))))
    }

    async fn pump(&mut self, intake: &mut Intake) -> Result<(), Error> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended = false;
        let mut has_room = true;
        while !ended || self.studying > 0 || !self.open.is_empty() {
            let input = tokio::select! {
                () = self.outlet.failed() => Input::ReaderGone,
                Some(item) = self.studied.recv() => {
                    self.studying -= 1;
                    self.decide(item)?;
                    continue;
                }
                Some((number, word)) = self.answers.recv() => {
                    self.answered(number, &word)?;
                    continue;
                }
                _ = look.tick(), if !self.open.is_empty() && self.book.run().is_some() => {
                    self.look_into_run()?;
                    continue;
                }
                () = self.outlet.room(), if !has_room => {
                    has_room = true;
                    continue;
                }
                input = next(intake, has_room) => input,
            };
            match input {
                Input::Task(record) => {
                    has_room = false;
                    self.task(*record)?;
                }
                Input::Other(record) => {
                    has_room = false;
                    self.other(*record);
                }
                Input::Bad(error) => {
                    ended = true;
                    self.bad(&error)?;
                }
                Input::End => {
                    ended = true;
                    self.ask_about_plan()?;
                }
                Input::Signal(signal) => {
                    self.exit = self.exit.or(Exit::Stopped(signal));
                    self.leave("stopped by a signal")?;
                }
                Input::ReaderGone => return Err(Error::ReaderGone),
            }
        }
        Ok(())
    }

    /// Nothing after a bad line is read. What has been asked already may still be answered; a plan that is not whole
    /// is not asked about.
    fn bad(&mut self, error: &Error) -> Result<(), Error> {
        self.note(error.to_string());
        self.exit = self.exit.or(error.exit());
        let held = std::mem::take(&mut self.held);
        self.pass_as_pending(held, "the input is bad")
    }

    fn other(&mut self, record: Record) {
        if record.kind() == "plan"
            && let Ok(plan) = record.view::<PlanLine>()
        {
            self.heading = Heading {
                title: plan.title.unwrap_or_default(),
                path: plan.path.unwrap_or_default(),
                goal: plan.goal.unwrap_or_default(),
            };
        }
        self.pass(Held::Line(record));
    }

    fn task(&mut self, record: Record) -> Result<(), Error> {
        // The intake has looked at the task already, so nothing is wrong with it here.
        let wrong = |reason| Error::Document(format!("task: {reason}"));
        let place = Place::of(&record).map_err(wrong)?;
        if !place.is_at(self.gate).map_err(wrong)? {
            if self.gate == Gate::Result
                && let Some(why) = place.undone()
            {
                self.undone.add(&place.id, &why);
            }
            self.pass(Held::Line(record));
            return Ok(());
        }
        let item = Item::read(record).map_err(wrong)?;
        if self.gate == Gate::Plan {
            return self.decide(item);
        }
        self.studying += 1;
        self.study.give(item)
    }

    /// Writes a line, or keeps it behind those that wait.
    fn pass(&mut self, held: Held) {
        if !self.held.is_empty() {
            self.held.push_back(held);
            return;
        }
        match held {
            Held::Line(record) | Held::Decided(record) => self.outlet.line(record.as_str().to_owned()),
            Held::Item(item) => self.outlet.line(item.unchanged().as_str().to_owned()),
        }
    }

    /// A decision that holds already, then the policy, then a question.
    fn decide(&mut self, mut item: Item) -> Result<(), Error> {
        self.refresh();
        item.interrupted = self.book.interrupted(&item);
        if let Some((decision, is_new)) = self.book.standing(&item) {
            self.count(&item, &decision);
            let held = if is_new { Held::Decided(with(item, &decision)?) } else { Held::Line(item.unchanged()) };
            self.pass(held);
            return Ok(());
        }
        if let Some(decision) = self.ruling(&item) {
            return self.settle(item, decision);
        }
        if let Some(why) = self.why_nobody_is_asked() {
            let record = self.as_pending(item, why)?;
            self.pass(Held::Decided(record));
            return Ok(());
        }
        if self.gate == Gate::Plan {
            self.held.push_back(Held::Item(Box::new(item)));
            return Ok(());
        }
        self.ask_about_task(item)
    }

    fn why_nobody_is_asked(&self) -> Option<&'static str> {
        match self.left {
            Some(why) => Some(why),
            None if self.waits || self.conversation.is_some() => None,
            None => Some("no rule allows it, and there is no terminal to ask at"),
        }
    }

    /// What the policy says. What cannot be seen is never approved by it.
    fn ruling(&self, item: &Item) -> Option<Decision> {
        let target = self.targets.of(item.sheet.work_type());
        let is_interrupted = item.interrupted.is_some();
        let ruling = self.policy.decide(&item.sheet.case(self.gate, (&target.backend, target.rank), is_interrupted));
        let opens = self.gate == Gate::Fallback && self.is_fail_open;
        let (status, by, note) = match ruling {
            Some(ruling) if ruling.decision == Answer::Denied => {
                (DecisionStatus::Denied, format!("policy:{}", ruling.rule), None)
            }
            Some(ruling) if opens => {
                (DecisionStatus::Approved, "policy:fallback".into(), Some(format!("rule {}", ruling.rule)))
            }
            Some(ruling) => (DecisionStatus::Approved, format!("policy:{}", ruling.rule), None),
            None if opens && target.is_routed && !has_failed_there(item, &target) => {
                (DecisionStatus::Approved, "policy:fallback".into(), None)
            }
            None => return None,
        };
        if status == DecisionStatus::Approved && matches!(item.change, Change::Unreadable(_)) {
            return None;
        }
        Some(self.decision(item, status, by, note))
    }

    fn decision(&self, item: &Item, status: DecisionStatus, by: String, note: Option<String>) -> Decision {
        let target = (self.gate == Gate::Fallback && status == DecisionStatus::Approved)
            .then(|| self.targets.of(item.sheet.work_type()));
        Decision {
            gate: self.gate,
            status,
            by,
            at: now(),
            note,
            task_digest: Some(item.sheet.digest.clone()),
            diff_digest: item.change.digest().map(str::to_owned),
            backend: target.as_ref().map(|target| target.backend.clone()),
            model: target.map(|target| target.model),
            choice: None,
        }
    }

    /// Writes a new decision down, then passes the task on.
    fn settle(&mut self, item: Item, decision: Decision) -> Result<(), Error> {
        let record = self.write_down(vec![(item, decision)])?.pop();
        if let Some(record) = record {
            self.pass(Held::Decided(record));
        }
        Ok(())
    }

    /// Has decisions on disk, all at once, before they count. Decisions that cannot be written do not.
    fn write_down(&mut self, decided: Vec<(Item, Decision)>) -> Result<Vec<Record>, Error> {
        if let Some(run) = self.book.run() {
            let lines: Result<Vec<_>, String> =
                decided.iter().map(|(item, decision)| written_line(item, decision.clone())).collect();
            let written = lines.and_then(|lines| run::append(run, &lines).map_err(|error| error.to_string()));
            if let Err(error) = written {
                self.note(format!("the decision could not be written down: {error}"));
                self.exit = self.exit.or(Exit::Failed);
                let why = "its decision could not be written down";
                return decided.into_iter().map(|(item, _)| self.as_pending(item, why)).collect();
            }
        }
        decided
            .into_iter()
            .map(|(item, decision)| {
                self.count(&item, &decision);
                with(item, &decision)
            })
            .collect()
    }

    /// Anything but a yes needs a person.
    fn count(&mut self, item: &Item, decision: &Decision) {
        let word = match decision.status {
            DecisionStatus::Approved => return,
            DecisionStatus::Denied => "denied",
            DecisionStatus::Retry => "sent back",
            DecisionStatus::Pending => "pending",
        };
        // What was released in a batch is released again; what only a person can do has no agent to try it.
        if decision.status == DecisionStatus::Retry && item.sheet.batch.is_none() && !item.sheet.is_manual() {
            self.sent_back.push(item.sheet.id.clone());
        }
        self.exit = self.exit.or(Exit::NeedsDecision);
        let note = decision.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        self.note(format!("task {}: {word} at gate {} by {}{note}", item.sheet.id, self.gate.name(), decision.by));
    }

    fn as_pending(&mut self, item: Item, why: &str) -> Result<Record, Error> {
        if item.needs_nobody() {
            return Ok(item.unchanged());
        }
        self.exit = self.exit.or(Exit::NeedsDecision);
        let why = match (&item.change, &item.interrupted) {
            (Change::Unreadable(error), _) => format!("{why}; the change cannot be shown: {error}"),
            (_, Some(begun)) => format!("it was begun at {} and never came out, and {why}", begun.at),
            _ => why.to_owned(),
        };
        self.remember_question(&item);
        self.note(pending::told(&item.sheet.id, self.gate, &why));
        self.pending.push(item.sheet.id.clone());
        let last = item.sheet.decisions.iter().flatten().rfind(|decision| decision.gate == Some(self.gate));
        let is_known = last.is_some_and(|last| {
            last.status == Some(DecisionStatus::Pending)
                && last.task_digest.as_deref() == Some(&*item.sheet.digest)
                && last.diff_digest.as_deref() == item.change.digest()
        });
        if is_known {
            return Ok(item.unchanged());
        }
        let decision = self.decision(&item, DecisionStatus::Pending, NAME.into(), None);
        with(item, &decision)
    }

    fn pass_as_pending(&mut self, held: VecDeque<Held>, why: &str) -> Result<(), Error> {
        for held in held {
            let held = match held {
                Held::Item(item) => Held::Decided(self.as_pending(*item, why)?),
                other => other,
            };
            self.pass(held);
        }
        Ok(())
    }

    fn ask_about_plan(&mut self) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        self.write_questions(&held);
        self.ask_next_of_plan(held, self.book.mark())
    }

    /// First what was interrupted, task by task, since each has left something else behind; then the rest of the plan, in
    /// one question.
    fn ask_next_of_plan(&mut self, held: VecDeque<Held>, since: u64) -> Result<(), Error> {
        let open = || held.iter().filter_map(Held::undecided);
        if let Some(item) = open().find(|item| item.interrupted.is_some()) {
            let about = Some(item.sheet.id.clone());
            return self.ask(since, about, held);
        }
        if open().next().is_some() {
            return self.ask(since, None, held);
        }
        for held in held {
            self.pass(held);
        }
        Ok(())
    }

    fn ask_about_task(&mut self, item: Item) -> Result<(), Error> {
        let held = [Held::Item(Box::new(item))].into();
        self.write_questions(&held);
        self.ask(self.book.mark(), None, held)
    }

    fn ask(&mut self, since: u64, about: Option<String>, held: VecDeque<Held>) -> Result<(), Error> {
        self.asked += 1;
        let number = self.asked;
        let asked = |item: &&Item| about.as_ref().is_none_or(|id| *id == item.sheet.id);
        let items: Vec<_> = held.iter().filter_map(Held::item).filter(asked).collect();
        let work_type = items.first().and_then(|item| item.sheet.work_type());
        let interrupted = items.first().and_then(|item| item.interrupted.clone());
        let tasks: Vec<_> = items.iter().map(|item| (item.sheet.clone(), item.change.clone())).collect();
        if self.waits && self.conversation.is_none() {
            for (sheet, _) in &tasks {
                tell(
                    NAME,
                    &format!("task {}: waiting at gate {} for a decision in the run file", sheet.id, self.gate.name()),
                );
            }
        }
        let mut cancel = None;
        if let Some(conversation) = &self.conversation {
            let (ended, end) = io::pipe().map_err(|error| Error::system("cannot ask", error))?;
            cancel = Some(end);
            conversation.put(Question {
                number,
                gate: self.gate,
                heading: self.heading.clone(),
                tasks,
                interrupted,
                target: self.targets.of(work_type),
                cancel: ended,
            });
        }
        self.open.insert(number, Open { since, about, held, _cancel: cancel });
        Ok(())
    }

    /// Somebody at another terminal has to see what is asked: the lines of the tasks themselves only reach the run file
    /// once they are decided.
    fn write_questions(&mut self, held: &VecDeque<Held>) {
        for item in held.iter().filter_map(Held::undecided) {
            self.remember_question(item);
        }
        self.write_remembered();
    }

    fn remember_question(&mut self, item: &Item) {
        if self.book.run().is_none() || self.book.is_asked(item) {
            return;
        }
        let pending = self.decision(item, DecisionStatus::Pending, NAME.into(), None);
        match written_line(item, pending) {
            Ok(line) => self.questions.push(line),
            Err(error) => self.note(format!("the question could not be written down: {error}")),
        }
    }

    /// All at once: a plan may have very many tasks.
    fn write_remembered(&mut self) {
        let Some(run) = self.book.run() else { return };
        if let Err(error) = run::append(run, &std::mem::take(&mut self.questions)) {
            self.note(format!("the question could not be written down: {error}"));
        }
    }

    /// The person has said something about an open question.
    fn answered(&mut self, number: u64, word: &Word) -> Result<(), Error> {
        if let Word::Quit(why) = word {
            if let Some(why) = why {
                self.note(why.clone());
                if self.waits {
                    // Somebody else may still answer.
                    self.conversation = None;
                    return Ok(());
                }
            }
            return self.leave("nobody answered");
        }
        // The run file may have been faster.
        let Some(open) = self.open.remove(&number) else { return Ok(()) };
        self.close(open, |desk, item| desk.said(item, word))
    }

    fn said(&self, item: &Item, word: &Word) -> Decision {
        let (status, note, choice) = match word {
            Word::Approve { note, choice } => (DecisionStatus::Approved, note, *choice),
            Word::Deny { note } => (DecisionStatus::Denied, note, None),
            Word::Retry { note } => (DecisionStatus::Retry, note, None),
            Word::Quit(_) => (DecisionStatus::Pending, &None, None),
        };
        let mut decision = self.decision(item, status, format!("person:{}", person()), note.clone());
        decision.choice = choice.map(|number| chosen(item, number));
        decision
    }

    /// Decides the tasks of a question, writes it all down, and goes on: with the next question about the plan, else by
    /// passing the lines on in their order.
    fn close(&mut self, open: Open, decide: impl Fn(&Self, &Item) -> Decision) -> Result<(), Error> {
        let mut decided = Vec::new();
        let mut places = Vec::new();
        let mut lines: Vec<Option<Held>> = Vec::new();
        let Open { since, about, held, .. } = open;
        for held in held {
            match held {
                // What is ticked off gets the answer on the whole plan too.
                Held::Item(item) if about.as_ref().is_none_or(|id| *id == item.sheet.id) => {
                    let decision = decide(self, &item);
                    places.push(lines.len());
                    lines.push(None);
                    decided.push((*item, decision));
                }
                other => lines.push(Some(other)),
            }
        }
        for (place, record) in places.into_iter().zip(self.write_down(decided)?) {
            lines[place] = Some(Held::Decided(record));
        }
        self.go_on(lines.into_iter().flatten().collect(), since)
    }

    fn go_on(&mut self, lines: VecDeque<Held>, since: u64) -> Result<(), Error> {
        if self.gate == Gate::Plan {
            return self.ask_next_of_plan(lines, since);
        }
        for held in lines {
            self.pass(held);
        }
        Ok(())
    }

    /// Nothing is asked any more, and what is open is passed on as pending.
    fn leave(&mut self, why: &'static str) -> Result<(), Error> {
        self.left.get_or_insert(why);
        if let Some(conversation) = &self.conversation {
            conversation.end();
        }
        for (_, open) in std::mem::take(&mut self.open) {
            self.pass_as_pending(open.held, why)?;
        }
        let held = std::mem::take(&mut self.held);
        self.pass_as_pending(held, why)
    }

    fn refresh(&mut self) {
        if let Err(error) = self.book.refresh() {
            self.note(error);
            self.exit = self.exit.or(Exit::BadInput);
        }
    }

    /// Answers that somebody has written into the run file.
    fn look_into_run(&mut self) -> Result<(), Error> {
        self.refresh();
        let numbers: Vec<u64> = self.open.keys().copied().collect();
        for number in numbers {
            let Some(mut open) = self.open.remove(&number) else { continue };
            let mut held = std::mem::take(&mut open.held);
            let mut waiting = 0;
            for held in &mut held {
                let Some(item) = held.item() else { continue };
                match self.answer(open.since, item) {
                    Some(settled) => *held = settled?,
                    None => waiting += usize::from(open.is_about(item)),
                }
            }
            open.held = held;
            if waiting > 0 {
                self.open.insert(number, open);
            } else {
                self.go_on(open.held, open.since)?;
            }
        }
        Ok(())
    }

    /// What the run file has come to say about a task that is asked about.
    fn answer(&mut self, since: u64, item: &Item) -> Option<Result<Held, Error>> {
        if let Some(decision) = self.book.answer_since(since, item) {
            self.count(item, &decision);
            return Some(with(item.clone(), &decision).map(Held::Decided));
        }
        // Somebody wants an interrupted task tried again: the answer about the plan that was there before holds.
        let is_agreed = item.interrupted.is_some() && self.book.interrupted(item).is_none();
        let mut as_before = item.clone();
        as_before.interrupted = None;
        let (decision, is_new) = is_agreed.then(|| self.book.standing(&as_before)).flatten()?;
        self.count(item, &decision);
        Some(if is_new { with(as_before, &decision).map(Held::Decided) } else { Ok(Held::Line(as_before.unchanged())) })
    }

    /// Keeps what a person has to be told for the end: it must not run into a question, and it is nobody's concern
    /// when the reader of the output has gone.
    fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}

/// A decision or a question as it stands in the run file. At gate `result` the whole task is with it: until it has come
/// out of the pipe this is the only place where the work that was asked about can be found again.
fn written_line(item: &Item, decision: Decision) -> Result<String, String> {
    let keeps =
        decision.gate == Gate::Result && matches!(decision.status, DecisionStatus::Approved | DecisionStatus::Pending);
    let line = to_line(&DecisionLine::new(&item.sheet.id, decision)).map_err(|error| error.to_string())?;
    if !keeps {
        return Ok(line);
    }
    let mut record = Record::parse(&line).map_err(|error| error.to_string())?;
    record.set_json("task", item.as_str());
    Ok(record.as_str().to_owned())
}

/// Who has failed already is no way out.
fn has_failed_there(item: &Item, target: &Target) -> bool {
    let backend = item.sheet.result.as_ref().and_then(|result| result.backend.as_ref());
    backend.is_some_and(|backend| *backend == target.backend)
}

async fn next(intake: &mut Intake, has_room: bool) -> Input {
    if has_room { intake.next().await } else { intake.outside().await }
}

fn policy(args: &Args) -> Result<ApprovalPolicy, Error> {
    let Some(path) = &args.policy else { return Ok(ApprovalPolicy::default()) };
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Error::Usage(format!("--policy: {name}: {error}")))?;
    let policy = ApprovalPolicy::parse(&name, &text).map_err(|error| Error::Usage(error.to_string()))?;
    for warning in policy.warnings() {
        tell(NAME, &format!("warning: {warning}"));
    }
    Ok(policy)
}

fn targets(args: &Args) -> Result<Targets, Error> {
    Targets::new(args.routing.as_deref(), args.backend.clone(), args.model.clone())
        .map_err(|error| Error::Usage(error.to_string()))
}

fn with(item: Item, decision: &Decision) -> Result<Record, Error> {
    let id = item.sheet.id.clone();
    item.with(decision).map_err(|error| Error::Document(format!("task {id}: {error}")))
}

/// The model whose answer was chosen; its number where the name would not tell.
fn chosen(item: &Item, number: usize) -> String {
    let models: Vec<_> = item.sheet.options().iter().map(|option| option.model.as_deref()).collect();
    record::choice(&models, number)
}
