//! Whole lives of a plan against the rules of docs/run-file.md, read off the history each time anew.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A task of the plan.
#[derive(Clone, Debug)]
struct Work {
    needs: Vec<usize>,
    file: Option<u8>,
    reads_only: bool,
    is_ticked: bool,
    /// An edit of the plan makes another text of it.
    version: u32,
}

/// How a task comes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Came {
    Approved,
    Denied,
    SentBack,
    Unproven,
    Failed,
    Held,
    Cancelled,
    Budget,
    Untouched,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    Released,
    Came(Came),
}

/// What happened to a task, which text of it that was, and in which process.
type Past = Vec<(Event, u32, usize)>;

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    Finished,
    Out,
    Open,
    Stuck,
}

impl Work {
    fn line(&self, id: usize) -> Value {
        let files: Vec<Value> =
            self.file.iter().map(|file| json!({"path": format!("f{file}"), "action": "modify"})).collect();
        json!({"type": "task", "id": id.to_string(), "digest": self.digest(id), "checked": self.is_ticked, "files": files,
               "needs": self.needs.iter().map(ToString::to_string).collect::<Vec<_>>(),
               "route": {"sandbox": if self.reads_only { "read-only" } else { "workspace-write" }}})
    }

    fn digest(&self, id: usize) -> String {
        format!("{id} as {}", self.version)
    }

    fn meets(&self, other: &Self) -> bool {
        let is_alone = |work: &Self| !work.reads_only && work.file.is_none();
        let writes = |one: &Self, other: &Self| !one.reads_only && one.file.is_some() && one.file == other.file;
        is_alone(self) || is_alone(other) || writes(self, other) || writes(other, self)
    }

    fn spent(&self, past: &Past) -> usize {
        let is_try = |came: Came| !matches!(came, Came::Held | Came::Cancelled | Came::Budget | Came::Untouched);
        past.iter()
            .filter(|(event, version, _)| {
                matches!(event, Event::Came(came) if is_try(*came)) && *version == self.version
            })
            .count()
    }

    fn expected(&self, past: &Past, process: usize, attempts: usize) -> Expected {
        if self.is_ticked {
            return Expected::Finished;
        }
        let here = past.iter().filter(|(event, _, when)| *event == Event::Released && *when == process).count();
        let stuck_if = |is_stuck| if is_stuck { Expected::Stuck } else { Expected::Open };
        match past.last() {
            None => Expected::Open,
            Some((Event::Released, ..)) if here > 0 => Expected::Out,
            // What may have left half of its work behind.
            Some((Event::Released, ..)) => stuck_if(!self.reads_only),
            Some((Event::Came(_), version, _)) if *version != self.version => Expected::Open,
            Some((Event::Came(came), ..)) => match came {
                Came::Approved => Expected::Finished,
                Came::Denied => Expected::Stuck,
                Came::SentBack => Expected::Open,
                Came::Unproven => stuck_if(self.spent(past) >= attempts),
                Came::Failed => stuck_if(here > 0 || self.spent(past) >= attempts),
                Came::Held => stuck_if(here >= 3),
                Came::Cancelled | Came::Budget | Came::Untouched => stuck_if(here > 0),
            },
        }
    }
}

/// The line with which a released task comes out.
fn came_out(released: &str, came: Came, moment: usize) -> String {
    let mut task: Value = serde_json::from_str(released).unwrap();
    let said = |status: &str| json!([{"gate": "result", "status": status, "by": "person:a", "at": format!("moment {moment}"), "task_digest": task["digest"]}]);
    let result = |status: &str, class: Option<&str>| json!({"status": status, "class": class, "backend": "x", "attempts": [{"started": format!("moment {moment}")}]});
    let (result, verdict, decisions) = match came {
        Came::Approved => (result("ok", None), "pass", said("approved")),
        Came::Denied => (result("ok", None), "pass", said("denied")),
        Came::SentBack => (result("ok", None), "pass", said("retry")),
        Came::Unproven => (result("ok", None), "fail", json!([])),
        Came::Failed => (result("failed", Some("other")), "", json!([])),
        Came::Held => (result("held", None), "", json!([])),
        Came::Cancelled => (result("failed", Some("cancelled")), "", json!([])),
        Came::Budget => (result("failed", Some("budget")), "", json!([])),
        Came::Untouched => (Value::Null, "", json!([])),
    };
    task["result"] = result;
    task["decisions"] = decisions;
    if !verdict.is_empty() {
        task["verdict"] = json!({"status": verdict});
    }
    task.to_string()
}

fn rules(size: usize, attempts: usize, rolling: bool, is_fail_closed: bool) -> Rules {
    let (isolate, run) = (None, "run.jsonl".into());
    Rules { size, attempts: attempts as u64, rolling, is_fail_closed, isolate, explain: false, run }
}

/// A process that begins with all that has happened.
fn begin(rules: Rules, works: &[Work], history: &[String]) -> Schedule {
    let mut plan = Plan::default();
    for (id, work) in works.iter().enumerate() {
        plan.task(&Record::parse(&work.line(id).to_string()).unwrap(), id as u64).unwrap();
    }
    let mut schedule = Schedule::new(rules, plan, Spending::new(None, None)).unwrap();
    for line in history {
        schedule.note(line).unwrap();
    }
    schedule.begin();
    schedule
}

fn works() -> impl Strategy<Value = Vec<Work>> {
    let work = (
        prop::collection::vec(0_usize..9, 0..3),
        prop::option::weighted(0.9, 0_u8..4),
        prop::bool::weighted(0.4),
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(work, 1..9).prop_map(|works| {
        let works = works.into_iter().enumerate().map(|(id, (needs, file, reads_only, is_ticked))| Work {
            needs: needs.into_iter().filter(|need| *need < id).collect(),
            file,
            reads_only,
            is_ticked,
            version: 0,
        });
        works.collect()
    })
}

fn came() -> impl Strategy<Value = Came> {
    use Came::{Approved, Budget, Cancelled, Denied, Failed, Held, SentBack, Unproven, Untouched};
    // Mostly well, so that plans come far.
    let all = [Approved; 8]
        .into_iter()
        .chain([Denied, SentBack, Unproven, Unproven, Failed, Held, Held, Cancelled, Budget, Untouched]);
    prop::sample::select(all.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_life_of_a_plan_keeps_the_rules(
        mut works in works(),
        size in 1_usize..5,
        attempts in 1_usize..4,
        rolling in any::<bool>(),
        is_fail_closed in prop::bool::weighted(0.3),
        steps in prop::collection::vec((0_usize..9, came(), 0_u8..12), 1..60),
    ) {
        let (mut history, mut pasts) = (Vec::new(), vec![Past::new(); works.len()]);
        let mut process = 0;
        let mut schedule = begin(rules(size, attempts, rolling, is_fail_closed), &works, &history);
        let mut lines: Vec<(usize, String)> = Vec::new();
        for (moment, (which, came, what)) in steps.into_iter().enumerate() {
            let now = |id: usize| works[id].expected(&pasts[id], process, attempts);
            let mut with: Vec<usize> = (0..works.len()).filter(|id| now(*id) == Expected::Out).collect();
            let is_stopped = is_fail_closed && (0..works.len()).any(|id| now(id) == Expected::Stuck);
            let mut wanted = Vec::new();
            for id in 0..works.len() {
                let may = !is_stopped && (rolling || with.len() == wanted.len()) && with.len() < size;
                let is_ready = now(id) == Expected::Open && works[id].needs.iter().all(|need| now(*need) == Expected::Finished);
                if may && is_ready && !with.iter().any(|other| works[*other].meets(&works[id])) {
                    wanted.push(id);
                    with.push(id);
                }
            }
            let mut released = Vec::new();
            for outgoing in schedule.release().unwrap() {
                let task: Value = serde_json::from_str(&outgoing.line).unwrap();
                let id: usize = task["id"].as_str().unwrap().parse().unwrap();
                released.push(id);
                let spent = works[id].spent(&pasts[id]);
                let releases = pasts[id].iter().filter(|(event, ..)| *event == Event::Released).count();
                prop_assert_eq!(&task["batch"]["attempt"], &json!(releases + 1));
                prop_assert_eq!(&task["batch"]["attempts_left"], &json!(attempts.saturating_sub(spent + 1)));
                pasts[id].push((Event::Released, works[id].version, process));
                schedule.note(&outgoing.release).unwrap();
                schedule.look_at(&[u32::try_from(id).unwrap()]);
                history.push(outgoing.release);
                lines.push((id, outgoing.line));
            }
            prop_assert_eq!(released, wanted);
            let now = |id: usize| works[id].expected(&pasts[id], process, attempts);
            let stuck: Vec<String> = (0..works.len()).filter(|id| now(*id) == Expected::Stuck).map(|id| format!("task {id}:")).collect();
            let told = schedule.end();
            prop_assert_eq!(told.len(), stuck.len());
            prop_assert!(told.iter().zip(&stuck).all(|(told, stuck)| told.starts_with(stuck)), "{told:?} {stuck:?}");
            match what {
                // Everything dies, and somebody may edit the plan before it is begun again.
                0 | 1 => {
                    if what == 0 {
                        let id = which % works.len();
                        works[id].version += 1;
                        works[id].is_ticked = came == Came::Approved;
                    }
                    process += 1;
                    lines.clear();
                    schedule = begin(rules(size, attempts, rolling, is_fail_closed), &works, &history);
                }
                _ if lines.is_empty() => {}
                _ => {
                    let (id, line) = lines.remove(which % lines.len());
                    let line = came_out(&line, came, moment);
                    pasts[id].push((Event::Came(came), works[id].version, process));
                    schedule.note(&line).unwrap();
                    schedule.look_at(&[u32::try_from(id).unwrap()]);
                    history.push(line);
                }
            }
        }
    }
}
