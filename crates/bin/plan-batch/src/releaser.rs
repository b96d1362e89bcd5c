//! The life of plan-batch: the whole plan in, then batch after batch out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use record::{Batch, Record, Release, now, to_line};
use run::{Follower, is_owned};
use stage::{Error, Exit, Input, Intake, Outlet, tell};
use tokio::time::{MissedTickBehavior, interval};
use tree::Places;

use crate::NAME;
use crate::args::Args;
use crate::graph::{Builder, Defect, Graph};
use crate::item::Item;
use crate::judge::{Again, Bench, State, judge};
use crate::ledger::Ledger;
use crate::queue::{Claim, Queue};

/// How soon something new in the run file is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked whether somebody still writes the run file.
const OWNER_EVERY: Duration = Duration::from_millis(500);

/// The plan as it came.
#[derive(Default)]
struct Plan {
    items: Vec<Item>,
    ids: Vec<Box<str>>,
    digests: Vec<Box<str>>,
    graph: Builder,
    is_begun: bool,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Error> {
    let outlet = Outlet::stdout();
    let mut intake = Intake::checking(|record| Item::read(record, 0).map(drop))?;
    let outcome = work(args, &outlet, &mut intake).await;
    if matches!(outcome, Err(Error::ReaderGone)) {
        // What stands in the way may be another thing than a reader that has gone.
        return Err(outlet.finish().err().unwrap_or(Error::ReaderGone));
    }
    let signal = outlet.close(&mut intake).await?;
    outcome.map(|exit| signal.map_or(exit, |number| exit.or(Exit::Stopped(number))))
}

async fn work(args: Args, outlet: &Outlet, intake: &mut Intake) -> Result<Exit, Error> {
    let mut plan = Plan::default();
    loop {
        match intake.next().await {
            Input::Task(record) => plan.task(&record, intake.line())?,
            Input::Other(record) => plan.other(&record, outlet),
            Input::End => break,
            Input::Bad(error) => return Err(error),
            Input::Signal(signal) => return Ok(Exit::Stopped(signal)),
            Input::ReaderGone => return Err(Error::ReaderGone),
        }
    }
    let mut releaser = Releaser::open(args, plan)?;
    releaser.begin()?;
    releaser.work(outlet, intake).await
}

impl Plan {
    fn task(&mut self, record: &Record, line: u64) -> Result<(), Error> {
        let wrong = |reason| Error::input(line, reason);
        let (item, names) = Item::read(record, line).map_err(wrong)?;
        if !self.graph.add(&names.id, names.needs.iter().map(String::as_str)) {
            return Err(wrong(format!("task {}: there was a line for this id before", names.id)));
        }
        self.items.push(item);
        self.ids.push(names.id.into());
        self.digests.push(names.digest.into());
        Ok(())
    }

    fn other(&mut self, record: &Record, outlet: &Outlet) {
        self.is_begun |= record.kind() == "plan";
        outlet.line(record.as_str().to_owned());
    }
}

struct Releaser {
    args: Args,
    /// Nothing more goes out once something is stuck.
    is_fail_closed: bool,
    items: Vec<Item>,
    ids: Vec<Box<str>>,
    digests: Vec<Box<str>>,
    graph: Graph,
    ledger: Ledger,
    queue: Queue,
    follower: Follower,
    /// The tasks in the pipe, in the order in which they went out.
    out: Vec<(u32, Claim)>,
    /// How often this process has released a task.
    releases: BTreeMap<u32, u32>,
    stuck: BTreeMap<u32, String>,
    last_news: Instant,
}

impl Releaser {
    fn open(args: Args, plan: Plan) -> Result<Self, Error> {
        let Plan { items, ids, digests, graph, is_begun } = plan;
        if !is_begun {
            return Err(Error::Document("stdin: no plan line: plan-parse PLAN.md writes one".into()));
        }
        let (graph, by_id) = graph.finish().map_err(|defect| told(&defect, &items, &ids))?;
        let path = &args.run;
        Places::make_for(path).map_err(|error| Error::system(error.path.display().to_string(), error.source))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Error::Usage(format!("--run: {}: no such folder", folder.display())));
        }
        Ok(Self {
            is_fail_closed: std::env::var_os("CODEX_FAIL_CLOSED").is_none_or(|value| value != "0"),
            ledger: Ledger::new(by_id, digests.clone()),
            queue: Queue::new(&graph),
            follower: Follower::new(path),
            out: Vec::new(),
            releases: BTreeMap::new(),
            stuck: BTreeMap::new(),
            last_news: Instant::now(),
            args,
            items,
            ids,
            digests,
            graph,
        })
    }

    /// Takes in all that the run file knows already.
    fn begin(&mut self) -> Result<(), Error> {
        self.read()?;
        for task in 0..u32::try_from(self.items.len()).unwrap_or(u32::MAX) {
            let state = self.judge(task);
            if let State::Open(Again { why: Some(why), .. }) = &state {
                tell(NAME, &format!("task {}: {why}: it goes out again", self.ids[task as usize]));
            }
            self.apply(task, state);
        }
        Ok(())
    }

    /// The tasks that something new in the run file is about.
    fn read(&mut self) -> Result<Vec<u32>, Error> {
        let (ledger, mut touched, mut wrong) = (&mut self.ledger, Vec::new(), None);
        let read = self.follower.new_lines(|number, line| match ledger.note(line) {
            Ok(task) => touched.extend(task),
            Err(reason) if wrong.is_none() => wrong = Some((number, reason)),
            Err(_) => {}
        });
        read.map_err(refused)?;
        match wrong {
            Some((number, reason)) => Err(Error::Document(format!("{}:{number}: {reason}", self.args.run.display()))),
            None => Ok(touched),
        }
    }

    fn judge(&self, task: u32) -> State {
        let item = &self.items[task as usize];
        let known = self.ledger.of(task);
        let id = quoted(&self.ids[task as usize]);
        judge(
            item,
            known,
            &Bench {
                releases: self.releases.get(&task).copied().unwrap_or(0),
                attempts: self.args.attempts.into(),
                // Only asked for when it matters: it means reading the task again.
                writes: known.out.is_some() && item.claim().writes.is_writing(),
                decide: &format!("decide {} {id}", quoted(&self.args.run.display().to_string())),
            },
        )
    }

    fn apply(&mut self, task: u32, state: State) {
        if state != State::Out {
            self.out.retain(|(other, _)| *other != task);
        }
        self.stuck.remove(&task);
        match state {
            State::Finished => self.queue.finish(&self.graph, task),
            State::Out => self.queue.take(task),
            State::Open(_) => self.queue.put_back(task),
            State::Stuck(why) => {
                self.queue.take(task);
                self.stuck.insert(task, why);
            }
        }
    }

    /// Takes in what is new; whether there was anything.
    fn look(&mut self) -> Result<bool, Error> {
        let touched = self.read()?;
        for task in &touched {
            let state = self.judge(*task);
            self.apply(*task, state);
        }
        Ok(!touched.is_empty())
    }

    /// Releases what may go out now; how many tasks that were.
    fn release(&mut self, outlet: &Outlet) -> Result<usize, Error> {
        let may = self.stuck.is_empty() || !self.is_fail_closed;
        if !may || (!self.out.is_empty() && !self.args.rolling) {
            return Ok(0);
        }
        let items = &self.items;
        let batch = self.queue.batch(self.args.size.into(), self.out.clone(), |task| items[task as usize].claim());
        if batch.is_empty() {
            return Ok(0);
        }
        self.ledger.batch += 1;
        let mut lines: Vec<(u32, String)> = Vec::new();
        let mut releases = Vec::new();
        for task in &batch {
            let State::Open(again) = self.judge(*task) else { continue };
            let (release, line) = self.line(*task, again)?;
            releases.push(to_line(&release).map_err(|error| Error::Document(error.to_string()))?);
            lines.push((*task, line));
        }
        // That a task was begun is on disk before anybody can begin it.
        run::append(&self.args.run, &releases).map_err(refused)?;
        for (task, line) in lines {
            *self.releases.entry(task).or_default() += 1;
            self.queue.take(task);
            self.out.push((task, self.items[task as usize].claim()));
            outlet.line(line);
        }
        self.last_news = Instant::now();
        Ok(batch.len())
    }

    fn line(&self, task: u32, again: Again) -> Result<(Release, String), Error> {
        let known = self.ledger.of(task);
        let id = &self.ids[task as usize];
        let Again { feedback, thread, head, line, why } = again;
        let batch = Batch {
            number: self.ledger.batch,
            attempt: known.attempt + 1,
            feedback,
            thread,
            head,
            attempts_left: Some(u64::from(self.args.attempts).saturating_sub(known.spent + 1)),
        };
        if self.args.explain {
            let needs: Vec<&str> = self.graph.needs(task).iter().map(|need| &*self.ids[*need as usize]).collect();
            let needs =
                if needs.is_empty() { "it needs no other".into() } else { format!("finished: {}", needs.join(", ")) };
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            tell(NAME, &format!("task {id}: batch {}, attempt {}: {needs}{why}", batch.number, batch.attempt));
        }
        let digest = self.digests[task as usize].to_string();
        let release = Release { id: id.to_string(), attempt: batch.attempt, digest, at: now() };
        let text = self.items[task as usize]
            .released(line.as_deref(), &batch, known)
            .map_err(|reason| Error::Document(format!("task {id}: {reason}")))?;
        Ok((release, text))
    }

    async fn work(&mut self, outlet: &Outlet, intake: &mut Intake) -> Result<Exit, Error> {
        self.release(outlet)?;
        if !self.args.follow {
            return Ok(if self.out.is_empty() { self.end() } else { Exit::Ok });
        }
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut owner = interval(OWNER_EVERY);
        owner.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_owned = false;
        while !self.out.is_empty() {
            let is_time_for_owner = tokio::select! {
                () = outlet.failed() => return Err(Error::ReaderGone),
                input = intake.outside() => match input {
                    Input::Signal(signal) => return Ok(Exit::Stopped(signal)),
                    Input::ReaderGone => return Err(Error::ReaderGone),
                    _ => false,
                },
                _ = look.tick() => false,
                _ = owner.tick() => true,
            };
            // Asked before the lines are read: what came until it ended must have been seen.
            let is_owned = is_time_for_owner && is_owned(&self.args.run);
            if self.look()? {
                self.last_news = Instant::now();
                self.release(outlet)?;
            }
            if is_time_for_owner {
                if was_owned && !is_owned && !self.out.is_empty() {
                    return Err(Error::Refused(format!(
                        "{}: journal has ended, and {} had not come out: run the pipe again",
                        self.args.run.display(),
                        self.outstanding()
                    )));
                }
                was_owned |= is_owned;
                self.tell_quiet(was_owned);
            }
        }
        Ok(self.end())
    }

    fn outstanding(&self) -> String {
        let ids: Vec<&str> = self.out.iter().map(|(task, _)| &*self.ids[*task as usize]).collect();
        format!("task {}", ids.join(", "))
    }

    fn tell_quiet(&mut self, was_owned: bool) {
        if self.last_news.elapsed() < Duration::from_secs(self.args.quiet) {
            return;
        }
        self.last_news = Instant::now();
        let why = if was_owned {
            "is a stage buffering its output, or does a question wait?"
        } else {
            "is journal RUN at the end of the pipe?"
        };
        let quiet = self.args.quiet;
        tell(NAME, &format!("{} out, and nothing has come back for {quiet} seconds: {why}", self.outstanding()));
    }

    /// Nothing is out and nothing more can go out.
    fn end(&self) -> Exit {
        for (task, why) in &self.stuck {
            tell(NAME, &format!("task {}: {why}", self.ids[*task as usize]));
        }
        if self.stuck.is_empty() { Exit::Ok } else { Exit::NeedsDecision }
    }
}

fn told(defect: &Defect, items: &[Item], ids: &[Box<str>]) -> Error {
    match defect {
        Defect::Unknown(task, need) => {
            let id = &ids[*task as usize];
            let reason = format!("task {id}: needs: there is no task {need} in the plan");
            Error::input(items[*task as usize].line, reason)
        }
        Defect::Cycle(path) => {
            let names: Vec<&str> = path.iter().map(|task| &*ids[*task as usize]).collect();
            let line = path.first().map_or(0, |task| items[*task as usize].line);
            Error::input(line, format!("these tasks wait for each other: {}", names.join(" needs ")))
        }
    }
}

fn refused(error: run::Error) -> Error {
    match error {
        run::Error::System { path, source } => Error::system(path.display().to_string(), source),
        run::Error::NotUtf8 { .. } => Error::Document(error.to_string()),
        other => Error::Refused(other.to_string()),
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
