//! The whole plan and what the run file knows of it: what goes out next, and what is left at the end. Pure, but for a
//! look at git where a decision names a change.

use std::collections::BTreeMap;

use change::LandedCommit;
use record::{Batch, Record, Release, now, to_line};
use stage::Error;

use crate::args::Args;
use crate::graph::{Builder, Defect, Graph};
use crate::item::Item;
use crate::judge::{Again, Bench, State, judge};
use crate::ledger::Ledger;
use crate::queue::{Claim, Queue};
use crate::spending::Spending;

/// The plan as it comes.
#[derive(Default)]
pub(crate) struct Plan {
    items: Vec<Item>,
    ids: Vec<Box<str>>,
    digests: Vec<Box<str>>,
    graph: Builder,
}

impl Plan {
    /// Adds a task that came on this line of stdin.
    pub fn task(&mut self, record: &Record, line: u64) -> Result<(), Error> {
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
}

/// How the plan is worked through.
#[derive(Debug)]
pub(crate) struct Rules {
    pub size: usize,
    pub attempts: u64,
    pub rolling: bool,
    /// Nothing more goes out once something is stuck.
    pub is_fail_closed: bool,
    /// Written into releases: how executors keep the work of tasks apart.
    pub isolate: Option<String>,
    /// Every release tells why.
    pub explain: bool,
    /// The run file, as it is pasted into a shell.
    pub run: String,
}

impl Rules {
    pub fn new(args: &Args, is_fail_closed: bool) -> Self {
        Self {
            size: args.size.into(),
            attempts: args.attempts.into(),
            rolling: args.rolling,
            is_fail_closed,
            isolate: args.isolate.on_release(),
            explain: args.explain,
            run: quoted(&args.run.display().to_string()),
        }
    }
}

/// A task that goes out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// For the run file, before anything else.
    pub release: String,
    /// For the pipe.
    pub line: String,
    /// For people.
    pub told: Option<String>,
}

/// Why a task is kept back.
struct Stuck {
    /// What is the matter, and what would go on.
    why: String,
    /// Whether somebody has to do something about it, whatever the user's rule for failures is.
    is_asked: bool,
}

pub(crate) struct Schedule {
    rules: Rules,
    items: Vec<Item>,
    ids: Vec<Box<str>>,
    graph: Graph,
    ledger: Ledger,
    queue: Queue,
    /// The tasks in the pipe, in the order in which they went out.
    out: Vec<(u32, Claim)>,
    /// How many calls of agents they take, by task.
    calls: BTreeMap<u32, u64>,
    /// How often this process has released a task.
    releases: BTreeMap<u32, u32>,
    stuck: BTreeMap<u32, Stuck>,
    /// What may be spent did not last.
    is_spent: bool,
}

impl Schedule {
    pub fn new(rules: Rules, plan: Plan, spending: Spending) -> Result<Self, Error> {
        let Plan { items, ids, digests, graph } = plan;
        let (graph, by_id) = graph.finish().map_err(|defect| told(&defect, &items, &ids))?;
        Ok(Self {
            rules,
            ledger: Ledger::new(by_id, digests, spending),
            queue: Queue::new(&graph),
            out: Vec::new(),
            calls: BTreeMap::new(),
            releases: BTreeMap::new(),
            stuck: BTreeMap::new(),
            is_spent: false,
            items,
            ids,
            graph,
        })
    }

    /// Notes a line of the run file; the task that has to be looked at again.
    pub fn note(&mut self, line: &str) -> Result<Option<u32>, String> {
        self.ledger.note(line)
    }

    /// Whether work has landed of which the run file only knows that it was approved.
    pub fn find_landed(&mut self, commits: impl FnOnce() -> Vec<LandedCommit>) {
        self.ledger.find_landed(commits);
    }

    /// Begins with all that the run file knows; what there is to tell.
    pub fn begin(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for task in 0..u32::try_from(self.items.len()).unwrap_or(u32::MAX) {
            let state = self.judge(task);
            if let State::Open(Again { why: Some(why), .. }) = &state {
                told.push(format!("task {}: {why}: it goes out again", self.ids[task as usize]));
            }
            self.apply(task, state);
        }
        told
    }

    /// Looks again at what something new is known about.
    pub fn look_at(&mut self, tasks: &[u32]) {
        for task in tasks {
            let state = self.judge(*task);
            self.apply(*task, state);
        }
    }

    fn judge(&self, task: u32) -> State {
        judge(
            &self.items[task as usize],
            self.ledger.of(task),
            &Bench {
                releases: self.releases.get(&task).copied().unwrap_or(0),
                attempts: self.rules.attempts,
                decide: &|| format!("decide {} {}", self.rules.run, quoted(&self.ids[task as usize])),
            },
        )
    }

    fn apply(&mut self, task: u32, state: State) {
        if state != State::Out {
            self.is_back(task);
        }
        self.stuck.remove(&task);
        match state {
            State::Finished => self.queue.finish(&self.graph, task),
            State::Out => {}
            State::Open(_) => self.queue.put_back(task),
            State::Stuck(why) => self.withhold(task, Stuck { why, is_asked: true }),
            State::Failed(why) => self.withhold(task, Stuck { why, is_asked: false }),
        }
    }

    fn withhold(&mut self, task: u32, stuck: Stuck) {
        self.queue.withhold(task);
        self.stuck.insert(task, stuck);
    }

    fn is_back(&mut self, task: u32) {
        self.out.retain(|(other, _)| *other != task);
        self.calls.remove(&task);
        self.queue.is_back(task);
    }

    /// What goes out now. It counts as gone when this returns.
    pub fn release(&mut self) -> Result<Vec<Outgoing>, Error> {
        let may = self.stuck.is_empty() || !self.rules.is_fail_closed;
        if !may || (!self.out.is_empty() && !self.rules.rolling) {
            return Ok(Vec::new());
        }
        let items = &self.items;
        let claim = |task: u32| items[task as usize].claim();
        let batch = self.queue.batch(self.rules.size, &mut self.out, claim);
        let batch = self.affordable(batch);
        if !batch.is_empty() {
            self.ledger.batch += 1;
        }
        let mut outgoing = Vec::new();
        for task in batch {
            // Only what is open is in the queue.
            let State::Open(again) = self.judge(task) else { continue };
            outgoing.push(self.outgoing(task, again)?);
            *self.releases.entry(task).or_default() += 1;
        }
        Ok(outgoing)
    }

    /// Those that there is something to spend for; the others wait.
    fn affordable(&mut self, batch: Vec<u32>) -> Vec<u32> {
        let mut affordable = Vec::new();
        self.is_spent = false;
        for task in batch {
            let calls = self.items[task as usize].outing().calls;
            let room = self.ledger.spending.room(self.calls.values().sum());
            if calls > 0 && (self.is_spent || room < calls) {
                self.is_spent = true;
                self.is_back(task);
                self.queue.put_back(task);
                continue;
            }
            self.calls.insert(task, calls);
            affordable.push(task);
        }
        affordable
    }

    fn outgoing(&self, task: u32, again: Again) -> Result<Outgoing, Error> {
        let known = self.ledger.of(task);
        let (id, item) = (&self.ids[task as usize], &self.items[task as usize]);
        let Again { feedback, thread, head, line, why } = again;
        let batch = Batch {
            number: self.ledger.batch,
            attempt: known.attempt + 1,
            feedback,
            thread,
            head,
            attempts_left: Some(self.rules.attempts.saturating_sub(known.spent + 1)),
        };
        let told = self.rules.explain.then(|| {
            let needs: Vec<&str> = self.graph.needs(task).iter().map(|need| &*self.ids[*need as usize]).collect();
            let needs =
                if needs.is_empty() { "it needs no other".into() } else { format!("finished: {}", needs.join(", ")) };
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            format!("task {id}: batch {}, attempt {}: {needs}{why}", batch.number, batch.attempt)
        });
        let release = Release {
            id: id.to_string(),
            attempt: batch.attempt,
            digest: self.ledger.digest(task).to_owned(),
            at: now(),
            isolate: self.rules.isolate.clone(),
            sandbox: item.outing().sandbox,
        };
        let wrong = |reason: String| Error::Document(format!("task {id}: {reason}"));
        Ok(Outgoing {
            release: to_line(&release).map_err(|error| wrong(error.to_string()))?,
            line: item.released(line.as_deref(), &batch, known).map_err(wrong)?,
            told,
        })
    }

    /// The tasks that are out, in words; `None` when there are none.
    pub fn outstanding(&self) -> Option<String> {
        let ids: Vec<&str> = self.out.iter().map(|(task, _)| &*self.ids[*task as usize]).collect();
        (!ids.is_empty()).then(|| format!("task {}", ids.join(", ")))
    }

    /// What a person has to do before more can go out, in lines.
    pub fn end(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .stuck
            .iter()
            .map(|(task, stuck)| format!("task {}: {}", self.ids[*task as usize], stuck.why))
            .collect();
        if self.is_spent {
            let open = self.queue.unfinished() - self.stuck.len();
            lines.push(format!(
                "{}, so no more tasks are begun and {open} are left: allow more and run the same command again",
                self.ledger.spending.told()
            ));
        }
        lines
    }

    /// Whether a person has to do something. Fail-closed, that is so after any failure.
    pub fn needs_person(&self) -> bool {
        self.is_spent || self.stuck.values().any(|stuck| stuck.is_asked || self.rules.is_fail_closed)
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

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
