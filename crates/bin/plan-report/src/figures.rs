//! What a run cost, and how far it got.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::read::{Call, Run, Task, Tokens};
use crate::state::{Standing, State, judge};

/// A run, with everything that is reckoned from it.
pub(crate) struct Report {
    pub run: Run,
    /// One for each task of the run.
    pub standings: Vec<Standing>,
    /// One for each task of the run.
    pub costs: Vec<Cost>,
    /// By backend and model, the most tokens first.
    pub spent: Vec<Spent>,
    pub total: Tokens,
    /// From the first moment that the run file tells to the last one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// When it was made.
    pub made: Timestamp,
    /// A pipe owned the run file when it was made.
    pub is_owned: bool,
}

/// What one task cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub calls: u64,
    pub failed_calls: u64,
    /// Seconds that agents worked.
    pub seconds: f64,
    pub tokens: Tokens,
}

/// What one model of one backend cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub backend: String,
    pub model: Option<String>,
    pub cost: Cost,
}

/// The backend that reviews are listed under: their line does not say which one was asked.
const REVIEW: &str = "review";

impl Cost {
    fn add(&mut self, call: &Call) {
        self.calls += 1;
        self.failed_calls += u64::from(call.class.is_some());
        self.seconds += call.seconds.unwrap_or(0.0);
        self.tokens += call.tokens.unwrap_or_default();
    }
}

impl Report {
    pub fn new(run: Run, is_owned: bool) -> Self {
        let standings = run.tasks.iter().map(|task| judge(&run, task, is_owned)).collect();
        let costs: Vec<Cost> = run.tasks.iter().map(cost).collect();
        let spent = spent(&run.tasks);
        let mut total = Tokens::default();
        for cost in &costs {
            total += cost.tokens;
        }
        let span = run.span();
        Self { run, standings, costs, spent, total, span, made: Timestamp::now(), is_owned }
    }

    /// Each task with how it stands and what it cost.
    pub fn tasks(&self) -> impl Iterator<Item = (&Task, &Standing, &Cost)> {
        self.run
            .tasks
            .iter()
            .zip(&self.standings)
            .zip(&self.costs)
            .map(|((task, standing), cost)| (task, standing, cost))
    }

    /// How many tasks stand so.
    pub fn count(&self, state: State) -> usize {
        self.standings.iter().filter(|standing| standing.state == state).count()
    }

    /// The part of the executors' tokens that went to others than Claude, from 0 to 1; `None` without tokens.
    pub fn offload(&self) -> Option<f64> {
        let executors = || self.spent.iter().filter(|spent| spent.backend != REVIEW);
        let sum = |spent: &Spent| spent.cost.tokens.total;
        let all: u64 = executors().map(sum).sum();
        let claude: u64 = executors().filter(|spent| spent.backend == "claude").map(sum).sum();
        (all > 0).then(|| (all - claude) as f64 / all as f64)
    }

    /// Seconds from the first moment to the last one, to now while a pipe is at work.
    pub fn seconds(&self) -> Option<f64> {
        let (first, last) = self.span?;
        let last = if self.is_owned { last.max(self.made) } else { last };
        Some(last.duration_since(first).as_secs_f64())
    }

    /// Seconds that agents worked, all together.
    pub fn worked(&self) -> f64 {
        self.costs.iter().map(|cost| cost.seconds).sum()
    }

    /// Tasks that the plan counts and nobody has seen.
    pub fn unseen(&self) -> u64 {
        self.run.count.unwrap_or(0).saturating_sub(self.run.tasks.len() as u64)
    }

    /// The plan's title, or the run file's name.
    pub fn title(&self) -> String {
        self.run.title.clone().unwrap_or_else(|| self.run.path.display().to_string())
    }

    /// What waits for a person, and what else would not go on by itself.
    pub fn waiting(&self) -> impl Iterator<Item = (&Task, &Standing)> {
        self.tasks()
            .filter(|(_, standing, _)| matches!(standing.state, State::Waiting | State::Failed | State::Interrupted))
            .map(|(task, standing, _)| (task, standing))
    }
}

fn reviews(task: &Task) -> impl Iterator<Item = Tokens> {
    let checks = task.rounds.iter().filter_map(|round| round.verdict.as_ref()).flat_map(|verdict| &verdict.checks);
    checks.filter_map(|check| check.tokens)
}

fn cost(task: &Task) -> Cost {
    let mut cost = Cost::default();
    task.calls().for_each(|call| cost.add(call));
    reviews(task).for_each(|tokens| cost.tokens += tokens);
    cost
}

fn spent(tasks: &[Task]) -> Vec<Spent> {
    let mut by_model: BTreeMap<(String, Option<String>), Cost> = BTreeMap::new();
    for task in tasks {
        for call in task.calls() {
            by_model.entry((call.backend.clone(), call.model.clone())).or_default().add(call);
        }
        for tokens in reviews(task) {
            let cost = by_model.entry((REVIEW.to_owned(), None)).or_default();
            cost.calls += 1;
            cost.tokens += tokens;
        }
    }
    let mut spent: Vec<Spent> =
        by_model.into_iter().map(|((backend, model), cost)| Spent { backend, model, cost }).collect();
    spent.sort_by_key(|spent| std::cmp::Reverse(spent.cost.tokens.total));
    spent
}
