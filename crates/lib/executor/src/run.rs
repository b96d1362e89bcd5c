//! The life of an executor.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use agent::{Agent, Effort};
use process::{Stop, Stopper};
use record::{Access, Class, Record, Sandbox, Status, TaskResult};
use stage::{Error, Exit, Input, Intake, Outlet};
use tokio::task::JoinSet;
use tree::{Logs, Places, TreeLock};

use crate::answers::Answers;
use crate::attempts::{self, Order, failed, told};
use crate::budget::{Budget, Reached};
use crate::changes::{Snapshot, Watch};
use crate::isolation::{Isolation, Names, Preparation, Workplace};
use crate::options::Options;
use crate::pause::{Pause, sleep_until};
use crate::prompts::Prompts;
use crate::schedule::{Dead, Next, Schedule, Waiting};
use crate::task::{Concern, Task, Wish};

/// Runs an executor from stdin to stdout: every task that is for `agent` gets a `result`.
///
/// Must be called from the main thread, since children end with the thread that started them.
pub fn run<A: Agent + Clone + Send + Sync + 'static>(
    name: &'static str,
    agent: A,
    options: Options,
) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start", error))?;
    let ended = runtime.block_on(async { Executor::new(name, agent, options)?.run().await });
    process::end_strays();
    ended
}

/// What a task carries while it waits.
struct Load {
    /// Of its line, from 1.
    number: u64,
    record: Box<Record>,
    line: Task,
    wish: Wish,
    sandbox: Sandbox,
}

/// A task that runs.
struct Running {
    record: Box<Record>,
    started: Instant,
    batch: Option<u64>,
    access: Access,
    before: Option<Snapshot>,
    title: String,
    attempt: u64,
    /// The tree that it has to itself, or shares with others that read.
    place: Option<Arc<Workplace>>,
    /// Other tasks that wrote at the same time, with what they declare.
    beside: Vec<Access>,
    _lock: Option<Arc<TreeLock>>,
}

/// Whether the CLI can be used, or why not.
type Found = Result<(), (Class, String)>;

struct Executor<A> {
    name: &'static str,
    agent: A,
    options: Options,
    folder: PathBuf,
    places: Places,
    logs: Option<Arc<Logs>>,
    plan: Option<String>,
    watch: Option<Watch>,
    /// Trees for tasks, when they do not work in the user's own.
    isolation: Option<Isolation>,
    /// Tasks that are done and whose work has not landed.
    unlanded: HashSet<String>,
    answers: Answers,
    /// The newest look at the tree, and when it was.
    looked: Option<(Instant, Snapshot)>,
    outlet: Outlet,
    schedule: Schedule<Load>,
    running: HashMap<String, Running>,
    calls: JoinSet<(String, TaskResult)>,
    /// What the CLI can do, by whether a sandbox is wanted; asked when first needed.
    checked: HashMap<bool, Found>,
    lock: Weak<TreeLock>,
    /// Why the tree cannot be locked, so that nobody may write.
    no_lock: Option<String>,
    /// The task that waits for the CLI to have been asked about itself; nothing else is started meanwhile.
    checking: Option<Order>,
    checks: JoinSet<(bool, Found)>,
    budget: Budget,
    pause: Pause,
    stopper: Stopper,
    stop: Stop,
    exit: Exit,
    /// Nothing more is started.
    closing: bool,
    input_ended: bool,
    /// Somebody looks at stderr.
    watched: bool,
}

impl<A: Agent + Clone + Send + Sync + 'static> Executor<A> {
    fn new(name: &'static str, agent: A, options: Options) -> Result<Self, Error> {
        let workdir = options.workdir.as_deref().unwrap_or(Path::new("."));
        let here = workdir
            .canonicalize()
            .ok()
            .filter(|folder| folder.is_dir())
            .ok_or_else(|| Error::Usage(format!("--workdir {}: no such folder", workdir.display())))?;
        let places = Places::of(&here).map_err(|error| Error::Usage(error.to_string()))?;
        // The paths of a plan begin at the root.
        let folder = if options.workdir.is_some() { here } else { places.root().to_owned() };
        let watch = places.is_repository().then(|| Watch::new(places.root()));
        let isolation = Isolation::open(&options, &folder, agent.backend())?;
        let (stopper, stop) = Stopper::new();
        Ok(Self {
            name,
            agent,
            schedule: Schedule::new(usize::from(options.jobs)),
            budget: Budget::new(options.most.clone()),
            pause: Pause::default(),
            options,
            folder,
            places,
            logs: None,
            plan: None,
            watch,
            isolation,
            unlanded: HashSet::new(),
            answers: Answers::default(),
            looked: None,
            outlet: Outlet::stdout(),
            running: HashMap::new(),
            calls: JoinSet::new(),
            checked: HashMap::new(),
            lock: Weak::new(),
            no_lock: None,
            checking: None,
            checks: JoinSet::new(),
            stopper,
            stop,
            exit: Exit::Ok,
            closing: false,
            input_ended: false,
            watched: std::io::stderr().is_terminal(),
        })
    }

    async fn run(mut self) -> Result<Exit, Error> {
        let backend = self.agent.backend();
        let mut intake = Intake::checking(move |record| Task::check(record, backend))?;
        intake.before_end(process::end_all);
        let mut bad = None;
        let mut lock = None;
        loop {
            self.start_what_may_start(&mut lock);
            if self.input_ended && self.schedule.is_idle() {
                break;
            }
            if self.input_ended
                && !self.closing
                && let Some((line, dead)) = self.schedule.dead()
            {
                bad = Some(Error::input(line.load.number, why_dead(&dead)).to_string());
                self.close();
                continue;
            }
            let pause = self.pause.end();
            let acquiring = !self.closing
                && self.isolation.is_none()
                && pause.is_none()
                && self.schedule.wants_tree()
                && lock.is_none()
                && self.no_lock.is_none()
                && self.lock.upgrade().is_none();
            tokio::select! {
                () = self.outlet.failed() => {
                    self.end_children().await;
                    return Err(self.outlet.finish().err().unwrap_or(Error::ReaderGone));
                }
                // While there is no room for more lines, what happens outside is heard all the same.
                input = async {
                    tokio::select! {
                        biased;
                        () = self.outlet.room() => {}
                        input = intake.outside() => return input,
                    }
                    intake.next().await
                } => match input {
                    Input::Task(record) => {
                        // Its form has been checked by the intake.
                        if let Err(reason) = self.take(intake.line(), record) {
                            bad = Some(reason);
                            self.input_ended = true;
                            self.close();
                        }
                    }
                    Input::Other(record) => self.other(&record),
                    Input::Bad(error) => {
                        bad = Some(error.to_string());
                        self.input_ended = true;
                        self.close();
                    }
                    Input::End => self.input_ended = true,
                    Input::Signal(number) => {
                        self.exit = self.exit.or(Exit::Stopped(number));
                        self.input_ended = true;
                        self.stopper.stop();
                        self.close();
                    }
                    Input::ReaderGone => {
                        self.end_children().await;
                        return Err(Error::ReaderGone);
                    }
                },
                Some(done) = self.calls.join_next() => match done {
                    Ok((id, result)) => self.done(&id, result),
                    Err(error) => return Err(Error::system("a call ended early", std::io::Error::other(error))),
                },
                Some(checked) = self.checks.join_next() => match checked {
                    Ok((wants_sandbox, found)) => {
                        self.checked.insert(wants_sandbox, found);
                        if let Some(order) = self.checking.take() {
                            self.launch(order);
                        }
                    }
                    Err(error) => return Err(Error::system("a check ended early", std::io::Error::other(error))),
                },
                () = sleep_until(pause.unwrap_or_default()), if pause.is_some() => {}
                held = TreeLock::exclusive(&self.places), if acquiring => match held {
                    Ok(held) => lock = Some(Arc::new(held)),
                    // Tasks that only read go on; those that write fail, each by itself.
                    Err(error) => self.no_lock = Some(format!("the tree cannot be locked: {error}")),
                },
            }
        }
        if let Some(number) = self.outlet.close(&mut intake).await? {
            self.exit = self.exit.or(Exit::Stopped(number));
        }
        match bad {
            Some(reason) => {
                stage::tell(self.name, &reason);
                Ok(self.exit.or(Exit::BadInput))
            }
            None => Ok(self.exit),
        }
    }

    /// Takes a task in; an error is bad input.
    fn take(&mut self, number: u64, record: Box<Record>) -> Result<(), String> {
        let line = Task::of(&record)?;
        match line.concern(self.agent.backend()) {
            Concern::Ours => {
                let wish = line.wish();
                let sandbox = wish.sandbox(&self.options);
                let models = wish.models(&self.options);
                self.schedule.add(Waiting {
                    id: line.id.clone(),
                    needs: if line.batch().is_some() { Vec::new() } else { line.needs.clone() },
                    access: line.access(sandbox),
                    batch: line.batch(),
                    agents: models.len(),
                    load: Load { number, record, line, wish, sandbox },
                });
            }
            concern => {
                if concern == Concern::Unrouted {
                    let hint = "has no route, so it is passed on untouched: put `route` before this stage";
                    stage::tell(self.name, &format!("task {}: {hint}", line.id));
                }
                self.answers.note(&line.id, &record);
                let is_finished = concern == Concern::Finished;
                if is_finished && line.waits_to_land() {
                    self.unlanded.insert(line.id.clone());
                }
                self.schedule.note(&line.id, is_finished && !line.waits_to_land());
                self.outlet.line(record.as_str().to_owned());
            }
        }
        Ok(())
    }

    fn other(&mut self, record: &Record) {
        if record.kind() == "plan" && self.plan.is_none() {
            self.plan = record.text("path").map(std::borrow::Cow::into_owned);
        }
        self.outlet.line(record.as_str().to_owned());
    }

    fn start_what_may_start(&mut self, lock: &mut Option<Arc<TreeLock>>) {
        while !self.closing && self.checking.is_none() {
            if self.pause.end().is_some() {
                // Checks of finished work may have the tree meanwhile.
                *lock = None;
                match self.schedule.next_held() {
                    Some((task, by)) => self.hold(task, &by),
                    None => break,
                }
                continue;
            }
            let held = lock.take().or_else(|| self.lock.upgrade());
            self.lock = held.as_ref().map_or_else(Weak::new, Arc::downgrade);
            match self.schedule.next(held.is_some() || self.no_lock.is_some() || self.isolation.is_some()) {
                None => break,
                Some(Next::Hold(task, by)) => self.hold(task, &by),
                Some(Next::Start(task)) => self.start(task, held),
            }
        }
        // What the user does from here on is in the trees of later tasks.
        if let Some(isolation) = &mut self.isolation {
            isolation.forget();
        }
    }

    fn hold(&mut self, task: Waiting<Load>, by: &str) {
        let why = if self.unlanded.contains(by) && task.needs.iter().any(|need| need == by) {
            format!(
                "it needs task {by}, whose work is on a branch of its own: land that first (plan-batch releases a task when \
                 what it needs has landed)"
            )
        } else {
            task.why_held(by)
        };
        stage::tell(self.name, &format!("task {}: held: {why}", task.id));
        self.emit(*task.load.record, &attempts::held(self.agent.backend(), by), &task.id);
    }

    fn start(&mut self, task: Waiting<Load>, lock: Option<Arc<TreeLock>>) {
        let Waiting { id, access, batch, load: Load { record, line, wish, sandbox, .. }, .. } = task;
        let models = wish.models(&self.options);
        // Its form has been checked by the intake.
        let mut asked = Task::asked(&record).unwrap_or_default();
        asked.given = self.answers.of(&line.needs);
        let order = Order {
            id: id.clone(),
            attempt: line.attempt(),
            prompts: Prompts::of(&line, &asked, sandbox, models.len(), &self.agent),
            models,
            effort: self.options.effort().or_else(|| Effort::named(wish.effort.as_deref()?)),
            sandbox,
            work_type: wish.work_type,
            commands: asked.all_commands().map(ToOwned::to_owned).collect(),
            folder: self.folder.clone(),
            head: line.head().map(str::to_owned),
            logs: self.logs(),
            account: self.budget.account(&line.earlier_attempts()),
            earlier: line.earlier_attempts(),
            pause: self.pause.clone(),
        };
        let writes = access.is_writing();
        let before = if self.isolation.is_some() { None } else { self.before() };
        let beside = self.writing().map(|running| running.access.clone()).collect();
        if writes {
            for other in self.running.values_mut() {
                other.beside.push(access.clone());
            }
        }
        let lock = lock.filter(|_| writes);
        self.running.insert(
            id.clone(),
            Running {
                record,
                started: Instant::now(),
                batch,
                access,
                before,
                title: asked.title,
                attempt: order.attempt,
                place: None,
                beside,
                _lock: lock,
            },
        );

        if let Some(evidence) = self.no_lock.as_ref().filter(|_| writes) {
            let result = failed(self.agent.backend(), &order, Class::Unsupported, evidence);
            return self.done(&id, result);
        }
        let wants_sandbox = sandbox != Sandbox::DangerFullAccess;
        if self.checked.contains_key(&wants_sandbox) {
            return self.launch(order);
        }
        self.checking = Some(order);
        let (agent, stop) = (self.agent.clone(), self.stop.clone());
        self.checks.spawn(async move { (wants_sandbox, agent.check(sandbox, stop).await) });
    }

    /// Calls the agent, unless it is known to be of no use.
    fn launch(&mut self, mut order: Order) {
        let wants_sandbox = order.sandbox != Sandbox::DangerFullAccess;
        if let Some(Err((class, evidence))) = self.checked.get(&wants_sandbox) {
            let result = failed(self.agent.backend(), &order, *class, evidence);
            return self.done(&order.id, result);
        }
        if let Err(Reached::Run(why) | Reached::Task(why)) = order.account.take(order.models.len() as u64) {
            let result = failed(self.agent.backend(), &order, Class::Budget, &why);
            return self.done(&order.id, result);
        }
        let place = match self.place(&mut order) {
            Ok(place) => place,
            Err(why) => {
                let result = failed(self.agent.backend(), &order, Class::Other, &why);
                return self.done(&order.id, result);
            }
        };
        let models = order.models.join(" and ");
        let who = format!("{} {models}, {}", self.agent.backend(), order.sandbox.name());
        self.progress(&format!("task {}: {who}: started", order.id));
        let (agent, options, stop, name) = (self.agent.clone(), self.options.clone(), self.stop.clone(), self.name);
        let common = self.isolation.as_ref().map(|isolation| isolation.common_dir().to_owned());
        self.calls.spawn(async move {
            let tell = |text: &str| stage::tell(name, text);
            if let Some(place) = place {
                let tell_of_task = |text: &str| tell(&format!("task {}: {text}", order.id));
                let preparation = Preparation {
                    limits: options.limits(),
                    log: &|| order.logs.as_ref()?.create(&order.id, order.attempt, "setup").ok(),
                    stop: stop.clone(),
                    tell: &tell_of_task,
                    is_confined: common.is_some_and(|common| agent.keeps_out_of(&common, order.sandbox)),
                };
                if let Err((class, why)) = place.make_ready(preparation).await {
                    let result = failed(agent.backend(), &order, class, &why);
                    return (order.id, result);
                }
            }
            let result = attempts::run(&agent, &order, &options, stop, tell).await;
            (order.id, result)
        });
    }

    /// The tree for a task, when it gets one of its own.
    fn place(&mut self, order: &mut Order) -> Result<Option<Arc<Workplace>>, String> {
        let Some(isolation) = &mut self.isolation else { return Ok(None) };
        let earlier = order.head.as_deref().and_then(|head| isolation.earlier(head));
        if let (Some(head), None) = (&order.head, &earlier) {
            order.prompts.begin_anew(format!("commit {head}, which the last attempt had made, is not here"));
        }
        let place = isolation.place(order.sandbox, earlier)?;
        place.folder().clone_into(&mut order.folder);
        if let Some(running) = self.running.get_mut(&order.id) {
            running.place = Some(place.clone());
        }
        Ok(Some(place))
    }

    /// Takes what a task has left in its tree.
    fn collect(&mut self, id: &str, running: &mut Running, result: &mut TaskResult) {
        result.workdir = None;
        let Some(place) = running.place.take() else { return };
        let plan = self.plan.as_deref();
        let names = Names {
            title: running.title.clone(),
            branch: worktree::branch_name(plan, id, running.attempt),
            kept: format!("{}-{id}-{}", tree::plan_name(plan), running.attempt),
        };
        let left = place.finish(result.status == Status::Ok, &names);
        if !left.tampering.is_empty() {
            stage::tell(self.name, &format!("task {id}: beside its work the agent {}", left.tampering.join("; ")));
        }
        result.base = left.base;
        result.head = left.head;
        result.changed = Some(left.changed);
        result.tampering = left.tampering;
        result.workdir = left.kept.map(|path| path.display().to_string());
        match left.error {
            Some(why) if result.status == Status::Ok => {
                result.status = Status::Failed;
                result.code = Some(Class::Other.code().number());
                result.class = Some(Class::Other);
                result.evidence = Some(why);
            }
            Some(why) => stage::tell(self.name, &format!("task {id}: {why}")),
            None => {}
        }
    }

    fn writing(&self) -> impl Iterator<Item = &Running> {
        self.running.values().filter(|running| running.access.is_writing())
    }

    /// The folder for logs. Without one (a read-only disk) the work goes on.
    fn logs(&mut self) -> Option<Arc<Logs>> {
        if self.logs.is_none() {
            match self.places.logs(self.plan.as_deref()) {
                Ok(logs) => self.logs = Some(Arc::new(logs)),
                Err(error) => stage::tell(self.name, &format!("no logs are kept: {error}")),
            }
        }
        self.logs.clone()
    }

    fn done(&mut self, id: &str, mut result: TaskResult) {
        let Some(mut running) = self.running.remove(id) else { return };
        if self.isolation.is_some() {
            self.collect(id, &mut running, &mut result);
        } else {
            result.changed = self.changed(&running);
        }
        let well = result.status == Status::Ok;
        if let Some(told) = told(&result, &self.agent) {
            stage::tell(self.name, &format!("task {id}: {told}"));
        } else {
            let tokens = result.usage.map(|usage| format!(", {} tokens", usage.total)).unwrap_or_default();
            self.progress(&format!("task {id}: done in {:.0} s{tokens}", running.started.elapsed().as_secs_f64()));
        }
        self.answers.keep(id, &result.options);
        // Who needs its work would not find it before it has landed.
        let waits_to_land = result.head.is_some();
        if waits_to_land {
            self.unlanded.insert(id.to_owned());
        }
        self.schedule.done(id, well && !waits_to_land);
        if !well && !self.closing {
            let cause = Exit::Cause(result.code.unwrap_or(1));
            let is_budget = result.class == Some(Class::Budget);
            // Only who has set a limit can lift it, so this waits for a person in any case.
            let needs_decision = self.options.fail_closed || is_budget;
            self.exit = self.exit.or(if needs_decision { Exit::NeedsDecision } else { cause });
            // When the run has spent what it may, each task that is not started any more is told so itself.
            if self.options.fail_closed && !(is_budget && self.budget.is_reached()) {
                self.schedule.hold(id, running.batch);
                stage::tell(
                    self.name,
                    &format!(
                        "task {id} failed, so nothing more is started: mend the cause and run the pipe again, or let \
                         `approve --gate fallback` ask who shall go on"
                    ),
                );
            }
        }
        self.emit(*running.record, &result, id);
    }

    /// How the tree is before a task starts. A look that has only just been taken, after the task before, is as good as
    /// a new one; git takes longer for it than all else that we do for a task.
    fn before(&mut self) -> Option<Snapshot> {
        const FRESH: Duration = Duration::from_millis(10);
        match self.looked.take() {
            Some((when, snapshot)) if when.elapsed() < FRESH => Some(snapshot),
            _ => self.watch.as_ref()?.now(),
        }
    }

    /// What changed while the task ran. Where others wrote at the same time, what they declare is theirs.
    fn changed(&mut self, running: &Running) -> Option<Vec<String>> {
        let watch = self.watch.as_ref()?;
        let after = watch.now()?;
        let paths: BTreeSet<String> = watch.changed(running.before.as_ref()?, &after);
        self.looked = Some((Instant::now(), after));
        let own = |path: &String| {
            let path = Access::writes(std::iter::once(path.as_str()));
            running.access.meets(&path) || !running.beside.iter().any(|beside| beside.meets(&path))
        };
        Some(paths.into_iter().filter(own).collect())
    }

    fn emit(&mut self, mut record: Record, result: &TaskResult, id: &str) {
        if let Err(error) = record.set("result", result) {
            // Cannot happen with types of our own; the line is passed on rather than lost.
            stage::tell(self.name, &format!("task {id}: {error}"));
        }
        if result.status == Status::Held && self.exit == Exit::Ok {
            self.exit = if self.options.fail_closed { Exit::NeedsDecision } else { Exit::Failed };
        }
        self.outlet.line(record.as_str().to_owned());
    }

    /// For a person who waits; a script has the lines.
    fn progress(&self, text: &str) {
        if self.watched {
            stage::tell(self.name, text);
        }
    }

    /// Nothing more is started; what waits is passed on as it came.
    fn close(&mut self) {
        self.closing = true;
        for task in self.schedule.give_up() {
            self.outlet.line(task.load.record.as_str().to_owned());
        }
    }

    async fn end_children(&mut self) {
        self.stopper.stop();
        while self.calls.join_next().await.is_some() || self.checks.join_next().await.is_some() {}
    }
}

fn why_dead(dead: &Dead) -> String {
    match dead {
        Dead::Unknown { id, need } => {
            format!(
                "task {id} needs \"{need}\", and there is no such task in the stream: send the whole plan, or remove the need"
            )
        }
        Dead::Cycle(ids) => {
            format!("tasks wait for each other: {}: remove one of these needs", ids.join(" -> "))
        }
    }
}
