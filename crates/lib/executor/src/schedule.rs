//! When each task may start. Pure: it knows neither clocks nor agents.

use std::collections::HashMap;

use record::Access;

/// What is known of a task id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// It waits or runs here.
    Open,
    /// It is finished, so far as needs are concerned.
    Finished,
    /// It will not be finished here.
    Unfinished,
}

/// A task that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<T> {
    pub id: String,
    /// Ids that must be finished first; empty for a task that plan-batch has released.
    pub needs: Vec<String>,
    pub access: Access,
    pub batch: Option<u64>,
    /// How many agents it takes.
    pub agents: usize,
    pub load: T,
}

impl<T> Waiting<T> {
    /// Why it is held because of that one, in words.
    pub fn why_held(&self, by: &str) -> String {
        if self.needs.iter().any(|need| need == by) {
            format!("it needs task {by}, which is not finished")
        } else {
            format!("task {by} failed, and nothing more is started")
        }
    }
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Start this one.
    Start(Waiting<T>),
    /// This one is not started, because of the task with that id.
    Hold(Waiting<T>, String),
}

/// A need that cannot be met, found at the end of input.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Dead {
    /// There is no such task.
    Unknown { id: String, need: String },
    /// They wait for each other.
    Cycle(Vec<String>),
}

struct Running {
    id: String,
    access: Access,
    agents: usize,
}

struct Hold {
    by: String,
    batch: Option<u64>,
}

/// Decides what may start. Tasks that could all start do so in their order of arrival.
pub(crate) struct Schedule<T> {
    jobs: usize,
    waiting: Vec<Waiting<T>>,
    running: Vec<Running>,
    states: HashMap<String, State>,
    hold: Option<Hold>,
}

impl<T> Schedule<T> {
    pub fn new(jobs: usize) -> Self {
        Self { jobs, waiting: Vec::new(), running: Vec::new(), states: HashMap::new(), hold: None }
    }

    /// Notes a task that is not for us.
    pub fn note(&mut self, id: &str, finished: bool) {
        self.states.insert(id.to_owned(), if finished { State::Finished } else { State::Unfinished });
    }

    /// Adds a task.
    pub fn add(&mut self, task: Waiting<T>) {
        self.states.insert(task.id.clone(), State::Open);
        self.waiting.push(task);
    }

    /// The next thing to do now; `may_write` is false while the tree is somebody else's.
    pub fn next(&mut self, may_write: bool) -> Option<Next<T>> {
        if let Some((task, by)) = self.next_held() {
            return Some(Next::Hold(task, by));
        }
        let at =
            self.waiting.iter().position(|task| self.may_start(task) && (may_write || !task.access.is_writing()))?;
        let task = self.waiting.remove(at);
        self.running.push(Running { id: task.id.clone(), access: task.access.clone(), agents: task.agents });
        Some(Next::Start(task))
    }

    /// The next task that is not started, with the id of the one because of which.
    pub fn next_held(&mut self) -> Option<(Waiting<T>, String)> {
        let (at, by) = self.waiting.iter().enumerate().find_map(|(at, task)| Some((at, self.held_by(task)?)))?;
        let task = self.waiting.remove(at);
        self.states.insert(task.id.clone(), State::Unfinished);
        Some((task, by))
    }

    /// Whether a task could start if only the tree were ours.
    pub fn wants_tree(&self) -> bool {
        self.waiting.iter().any(|task| task.access.is_writing() && self.held_by(task).is_none() && self.may_start(task))
    }

    /// Takes back what a finished task occupied.
    pub fn done(&mut self, id: &str, finished: bool) {
        self.running.retain(|running| running.id != id);
        self.note(id, finished);
    }

    /// From now on nothing of this batch is started, because of that task.
    pub fn hold(&mut self, by: &str, batch: Option<u64>) {
        self.hold = Some(Hold { by: by.to_owned(), batch });
    }

    /// The tasks that wait, for when nothing more is started.
    pub fn give_up(&mut self) -> Vec<Waiting<T>> {
        std::mem::take(&mut self.waiting)
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Whether anything runs.
    pub fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// To be asked at the end of input: the first need that nothing can meet any more, with the task that has it.
    pub fn dead(&self) -> Option<(&Waiting<T>, Dead)> {
        for task in &self.waiting {
            if let Some(need) = task.needs.iter().find(|need| !self.states.contains_key(*need)) {
                return Some((task, Dead::Unknown { id: task.id.clone(), need: need.clone() }));
            }
        }
        if self.is_running() {
            return None;
        }
        self.waiting.iter().find_map(|task| Some((task, Dead::Cycle(self.cycle(task)?))))
    }

    fn held_by(&self, task: &Waiting<T>) -> Option<String> {
        let unfinished = task.needs.iter().find(|need| self.states.get(*need) == Some(&State::Unfinished));
        if let Some(need) = unfinished {
            return Some(need.clone());
        }
        let hold = self.hold.as_ref()?;
        (hold.batch == task.batch).then(|| hold.by.clone())
    }

    fn may_start(&self, task: &Waiting<T>) -> bool {
        let busy: usize = self.running.iter().map(|running| running.agents).sum();
        (self.running.is_empty() || busy + task.agents <= self.jobs)
            && task.needs.iter().all(|need| self.states.get(need) == Some(&State::Finished))
            && !self.running.iter().any(|running| running.access.meets(&task.access) || running.id == task.id)
    }

    /// Follows the first open need of each task until one comes back.
    fn cycle(&self, task: &Waiting<T>) -> Option<Vec<String>> {
        let mut path: Vec<&str> = vec![&task.id];
        loop {
            let last = path.last()?;
            let waiting = self.waiting.iter().find(|task| task.id == *last)?;
            let need = waiting.needs.iter().find(|need| self.states.get(*need) == Some(&State::Open))?;
            if let Some(at) = path.iter().position(|id| *id == need) {
                return Some(path[at..].iter().chain([&need.as_str()]).map(|id| (*id).to_owned()).collect());
            }
            path.push(need);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, needs: &[&str], files: &[&str]) -> Waiting<()> {
        let access = if files == ["-"] { Access::Reads } else { Access::writes(files.iter().copied()) };
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Waiting { id: id.to_owned(), needs, access, batch: None, agents: 1, load: () }
    }

    fn started(schedule: &mut Schedule<()>) -> Vec<String> {
        let mut ids = Vec::new();
        while let Some(next) = schedule.next(true) {
            match next {
                Next::Start(task) => ids.push(task.id),
                Next::Hold(task, by) => ids.push(format!("{} held by {by}", task.id)),
            }
        }
        ids
    }

    #[test]
    fn independent_tasks_start_together_up_to_the_limit() {
        let mut schedule = Schedule::new(3);
        for (id, files) in [("1", ["a"]), ("2", ["a"]), ("3", ["b"]), ("4", ["-"]), ("5", ["-"])] {
            schedule.add(task(id, &[], &files));
        }
        assert_eq!(started(&mut schedule), ["1", "3", "4"]);
        schedule.done("4", true);
        assert_eq!(started(&mut schedule), ["5"]);
        schedule.done("1", true);
        assert_eq!(started(&mut schedule), ["2"]);
    }

    #[test]
    fn needs_hold_back_and_hold() {
        let mut schedule = Schedule::new(3);
        schedule.add(task("2", &["1"], &["-"]));
        assert!(started(&mut schedule).is_empty());
        schedule.add(task("1", &[], &["-"]));
        assert_eq!(started(&mut schedule), ["1"]);
        schedule.done("1", false);
        assert_eq!(started(&mut schedule), ["2 held by 1"]);
        schedule.add(task("3", &["2"], &["-"]));
        assert_eq!(started(&mut schedule), ["3 held by 2"]);
    }

    #[test]
    fn a_hold_lasts_for_its_batch() {
        let mut schedule = Schedule::new(3);
        schedule.hold("1", Some(1));
        let in_batch = |id: &str, batch| Waiting { batch, ..task(id, &[], &["-"]) };
        schedule.add(in_batch("2", Some(1)));
        schedule.add(in_batch("3", Some(2)));
        schedule.add(in_batch("4", None));
        assert_eq!(started(&mut schedule), ["2 held by 1", "3", "4"]);
    }

    #[test]
    fn what_can_never_start_is_told() {
        let mut schedule = Schedule::new(3);
        schedule.add(task("1", &["2"], &["-"]));
        schedule.add(task("2", &["3"], &["-"]));
        schedule.add(task("3", &["2"], &["-"]));
        assert_eq!(schedule.dead().unwrap().1, Dead::Cycle(vec!["2".into(), "3".into(), "2".into()]));
        schedule.add(task("4", &["9"], &["-"]));
        assert_eq!(schedule.dead().unwrap().1, Dead::Unknown { id: "4".into(), need: "9".into() });
    }

    #[test]
    fn two_agents_count_as_two() {
        let mut schedule = Schedule::new(3);
        for id in ["1", "2"] {
            schedule.add(Waiting { agents: 2, ..task(id, &[], &["-"]) });
        }
        schedule.add(task("3", &[], &["-"]));
        assert_eq!(started(&mut schedule), ["1", "3"]);
        let mut one = Schedule::new(1);
        one.add(Waiting { agents: 2, ..task("1", &[], &["-"]) });
        assert_eq!(started(&mut one), ["1"]);
    }

    proptest::proptest! {
        /// Whatever comes in whatever order ends in whatever way: never more than the limit at once, never two that
        /// meet, never before its needs; and every task is started or held, once.
        #[test]
        fn the_rules_hold(
            jobs in 1_usize..4,
            tasks in proptest::collection::vec((proptest::collection::vec(0_usize..12, 0..3), 0_usize..5, proptest::bool::ANY), 1..12),
            picks in proptest::collection::vec((0_usize..3, proptest::bool::weighted(0.8)), 200),
        ) {
            let mut schedule = Schedule::new(jobs);
            let count = tasks.len();
            for (at, (needs, file, reads)) in tasks.iter().enumerate() {
                // Needs point backwards or forwards, but in one direction of a fixed order, so there is no cycle.
                let needs: Vec<String> = needs.iter().filter(|need| **need < count && (**need * 7) % 12 < (at * 7) % 12).map(ToString::to_string).collect();
                let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
                let file = format!("f{file}");
                schedule.add(task(&at.to_string(), &needs, &[if *reads { "-" } else { &file }]));
            }
            let mut running: Vec<(String, Access, Vec<String>)> = Vec::new();
            let mut finished: Vec<String> = Vec::new();
            let mut seen = 0;
            for (pick, well) in picks {
                while let Some(next) = schedule.next(true) {
                    seen += 1;
                    if let Next::Start(task) = next {
                        proptest::prop_assert!(running.iter().all(|(_, access, _)| !access.meets(&task.access)));
                        proptest::prop_assert!(task.needs.iter().all(|need| finished.contains(need)));
                        running.push((task.id, task.access, task.needs));
                    }
                }
                proptest::prop_assert!(running.len() <= jobs);
                if running.is_empty() {
                    break;
                }
                let (id, ..) = running.remove(pick % running.len());
                schedule.done(&id, well);
                if well {
                    finished.push(id);
                }
            }
            proptest::prop_assert_eq!(seen, count);
            proptest::prop_assert!(schedule.is_idle());
        }
    }
}
