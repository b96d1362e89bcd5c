//! What an agent is told in the end: the whole task, or, where it knows the task already, only what is new.

use agent::{Agent, Asked, prompt, prompt_again, prompt_feedback, prompt_go_on};
use record::{Record, Sandbox};
use stage::{Error, Exit, Filter, filter};

use crate::options::Options;
use crate::task::{Concern, Task};

/// The texts for a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompts {
    /// For an agent that knows nothing of it.
    pub whole: String,
    /// The conversation to continue, with what is said there.
    pub resume: Option<(String, String)>,
    /// Why the conversation that was to be continued will not be.
    pub afresh: Option<String>,
    /// For an agent that was interrupted.
    pub go_on: String,
}

impl Prompts {
    /// The texts for a task that so many models are asked about. Two models cannot both go on from one conversation.
    pub fn of(task: &Task, asked: &Asked, sandbox: Sandbox, models: usize, agent: &impl Agent) -> Self {
        let go_on = prompt_go_on(asked);
        let Some(feedback) = task.feedback() else {
            return Self { whole: prompt(asked, sandbox), go_on, ..Self::default() };
        };
        let mut prompts = Self { whole: prompt_again(asked, sandbox, feedback), go_on, ..Self::default() };
        if let Some(thread) = task.thread().filter(|_| models < 2) {
            match agent.can_resume(thread) {
                Ok(()) => prompts.resume = Some((thread.to_owned(), prompt_feedback(asked, feedback))),
                Err(why) => prompts.afresh = Some(why),
            }
        }
        prompts
    }

    /// Nothing is left of the conversation's work.
    pub fn begin_anew(&mut self, why: String) {
        if self.resume.take().is_some() || self.afresh.is_some() {
            self.afresh = Some(why);
        }
    }

    /// What is said first.
    pub fn first(&self) -> &str {
        self.resume.as_ref().map_or(&self.whole, |(_, prompt)| prompt)
    }
}

/// Prints the prompt of every task that is for `agent`, and runs nothing.
pub fn print_prompts<A: Agent>(agent: &A, options: &Options) -> Result<Exit, Error> {
    filter::run(&mut Printer { agent, options, prompt: None, shown: None })
}

struct Printer<'a, A> {
    agent: &'a A,
    options: &'a Options,
    prompt: Option<String>,
    shown: Option<String>,
}

impl<A: Agent> Filter for Printer<'_, A> {
    fn task(&mut self, record: &mut Record) -> Result<(), String> {
        let task = Task::of(record)?;
        if task.concern(self.agent.backend()) == Concern::Ours {
            let wish = task.wish();
            let models = wish.models(self.options).len();
            let asked = Task::asked(record)?;
            let prompts = Prompts::of(&task, &asked, wish.sandbox(self.options), models, self.agent);
            self.prompt = Some(prompts.first().to_owned());
        }
        Ok(())
    }

    fn output<'a>(&'a mut self, _: &'a Record) -> Result<Option<&'a str>, String> {
        self.shown = self.prompt.take();
        Ok(self.shown.as_deref())
    }
}
