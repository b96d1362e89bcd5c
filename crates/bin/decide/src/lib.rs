//! decide: answer a pending question from another terminal, a script or an assistant.

mod args;
mod questions;

use std::io::Write;
use std::process::ExitCode;

use change::Change;
use clap::Parser;
use policy::routing::Targets;
use record::{Decision, DecisionLine, DecisionStatus, Gate, now, to_line};
use stage::{Error, Exit, Shown};

pub use args::{Answer, Args};
use questions::{Asked, Question, Questions};

const NAME: &str = "decide";

/// Runs the tool with the arguments of the process.
pub fn main() -> ExitCode {
    stage::main(NAME, || run(&Args::parse()))
}

fn run(args: &Args) -> Result<Exit, Error> {
    if !args.run.is_file() {
        return Err(Error::Usage(format!("{}: no such run file", args.run.display())));
    }
    let questions = Questions::read(&args.run)?;
    let (Some(id), Some(answer)) = (&args.id, args.answer) else {
        return list(&questions);
    };
    let asked = questions.of(id).ok_or_else(|| unknown(args, &questions, id))?;
    let question = choose(args, &questions, asked, answer)?;
    let decision = decision(args, asked, &question, answer)?;
    let line = to_line(&DecisionLine::new(id, decision)).map_err(|error| Error::Document(error.to_string()))?;
    run::append(&args.run, &[line]).map_err(refused)?;
    Ok(Exit::Ok)
}

fn refused(error: run::Error) -> Error {
    match error {
        run::Error::System { path, source } => Error::system(path.display().to_string(), source),
        run::Error::NotUtf8 { .. } => Error::Document(error.to_string()),
        other => Error::Refused(other.to_string()),
    }
}

fn list(questions: &Questions) -> Result<Exit, Error> {
    let row = |(asked, question): (&Asked, &Question)| {
        let title = Shown(asked.title.as_deref().unwrap_or_default()).to_string().replace('\t', " ");
        format!("{}\t{}\t{title}\n", Shown(&asked.id), question.gate.name())
    };
    let text: String = questions.pending().map(row).collect();
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Error::ReaderGone),
        Err(error) => Err(Error::system("stdout", error)),
    }
}

/// What is pending, in the words of an error.
fn all_pending(questions: &Questions) -> String {
    /// More would hide what is wrong.
    const MOST: usize = 12;
    let all: Vec<String> =
        questions.pending().map(|(asked, question)| format!("{} ({})", asked.id, question.gate.name())).collect();
    match all.len() {
        0 => "nothing is pending".into(),
        count if count > MOST => format!("pending: {} and {} more", all[..MOST].join(", "), count - MOST),
        _ => format!("pending: {}", all.join(", ")),
    }
}

/// What is pending for other tasks.
fn elsewhere(questions: &Questions) -> String {
    match questions.pending().next() {
        None => ", nor for another task".into(),
        Some(_) => format!("; {}", all_pending(questions)),
    }
}

fn unknown(args: &Args, questions: &Questions, id: &str) -> Error {
    Error::Usage(format!("{}: no task {id}; {}", args.run.display(), all_pending(questions)))
}

/// The question that is answered.
fn choose(args: &Args, questions: &Questions, asked: &Asked, answer: Answer) -> Result<Question, Error> {
    let id = &asked.id;
    // Whether work that was cut off is begun again is asked at gate plan, and may be answered by wanting it again.
    let is_again = answer == Answer::Retry && asked.is_tried;
    let fits = |question: &&Question| {
        args.gate.map_or(!(is_again && question.gate == Gate::Plan), |gate| gate == question.gate)
    };
    let mut open: Vec<&Question> = asked.open.iter().filter(fits).collect();
    if open.is_empty() && answer == Answer::Approve {
        open = asked.denied.iter().filter(fits).collect();
    }
    match open[..] {
        [question] => Ok(question.clone()),
        [] if is_again => {
            // What has failed may be tried again though nobody has asked.
            let gate = args.gate.unwrap_or(Gate::Result);
            Ok(Question { gate, task_digest: asked.digest.clone(), diff_digest: None })
        }
        [] => {
            let at = args.gate.map(|gate| format!(" at gate {}", gate.name())).unwrap_or_default();
            Err(Error::Usage(format!("task {id}: nothing is pending{at}{}", elsewhere(questions))))
        }
        _ => {
            let gates: Vec<&str> = open.iter().map(|question| question.gate.name()).collect();
            Err(Error::Usage(format!(
                "task {id}: several questions are open: say --gate {}",
                gates.join(" or --gate ")
            )))
        }
    }
}

/// The backend of work that a person does.
const MANUAL: &str = "manual";

fn decision(args: &Args, asked: &Asked, question: &Question, answer: Answer) -> Result<Decision, Error> {
    let id = &asked.id;
    let status = answer.status();
    let Some(task_digest) = question.task_digest.clone() else {
        return Err(Error::Document(format!("task {id}: its line has no digest that a decision could be bound to")));
    };
    if question.gate == Gate::Plan && status == DecisionStatus::Retry {
        return Err(Error::Usage(format!("task {id}: retry at gate plan: nothing has run that could be tried again")));
    }
    let is_takeover = question.gate == Gate::Fallback && status == DecisionStatus::Approved;
    if !is_takeover && (args.backend.is_some() || args.model.is_some()) {
        return Err(Error::Usage("--backend and --model belong to: approve --gate fallback".into()));
    }
    let targets = || Targets::new(args.routing.as_deref(), args.backend.clone(), args.model.clone());
    let targets = is_takeover.then(targets).transpose().map_err(|error| Error::Usage(error.to_string()))?;
    let target = targets.map(|targets| targets.of(asked.work_type));
    if let Some(backend) = args.backend.as_deref().filter(|_| is_takeover) {
        if backend == MANUAL {
            return Err(Error::Usage("--backend manual: no agent would take over: name one".into()));
        }
        let own = Targets::new(args.routing.as_deref(), None, None).map_err(|error| Error::Usage(error.to_string()))?;
        if args.model.is_none() && own.of(asked.work_type).backend != backend {
            return Err(Error::Usage(format!("--backend {backend}: say which of its models, too: --model MODEL")));
        }
    }
    let diff_digest = match Change::read(asked.work.as_ref()) {
        Change::Digest(digest) => Some(digest),
        Change::None => question.diff_digest.clone(),
        // Commits that are gone cannot be gone on from, so the work is wanted anew, whatever it was.
        Change::Unreadable(_) if status == DecisionStatus::Retry => None,
        // A no needs no look at the change, but bound to nothing it would not be found again.
        Change::Unreadable(why) => {
            let run = args.run.display();
            return Err(Error::Refused(format!(
                "task {id}: the change cannot be shown: {why}; to have it done anew: decide {run} {id} retry"
            )));
        }
    };
    Ok(Decision {
        gate: question.gate,
        status,
        by: args.by.clone().unwrap_or_else(|| format!("person:{}", stage::terminal::person())),
        at: now(),
        note: args.note.clone(),
        task_digest: Some(task_digest),
        diff_digest,
        backend: target.as_ref().map(|target| target.backend.clone()),
        model: target.map(|target| target.model),
        choice: choice(args, asked, status)?,
    })
}

fn choice(args: &Args, asked: &Asked, status: DecisionStatus) -> Result<Option<String>, Error> {
    let Some(number) = args.choice.map(usize::from) else { return Ok(None) };
    if status != DecisionStatus::Approved {
        return Err(Error::Usage("--choice belongs to approve".into()));
    }
    let models: Vec<_> = asked.options.iter().map(Option::as_deref).collect();
    // A task that waits at approve has no line yet that would show its answers.
    if asked.work.is_some() && number > models.len() {
        return Err(Error::Usage(format!(
            "--choice {number}: task {} has {} answers to choose from",
            asked.id,
            models.len()
        )));
    }
    Ok(Some(record::choice(&models, number)))
}
