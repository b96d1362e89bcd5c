//! The answers of tasks with two models, for the task that compares them.
//!
//! Such a task names the other one in its `needs`. The answers are taken from the lines that come by, so they are known
//! here once the other task has been done in the life of this process, by whichever executor.

use std::collections::HashMap;

use agent::Given;
use record::{Answer, Record, Status};
use serde::Deserialize;

/// The most of one answer that another prompt gets, in characters; a model's context is not endless.
const LONGEST: usize = 100_000;

/// Answers by the task that they belong to.
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<String, Vec<Given>>);

impl Answers {
    /// Looks at a line that passes.
    pub fn note(&mut self, id: &str, record: &Record) {
        #[derive(Deserialize)]
        struct Line {
            #[serde(default)]
            result: Option<Options>,
        }
        #[derive(Deserialize)]
        struct Options {
            #[serde(default)]
            options: Vec<Answer>,
        }
        // Nearly no line has any, and looking closer takes time.
        if !record.as_str().contains("\"options\"") {
            return;
        }
        // What does not have this form is somebody else's.
        if let Ok(Line { result: Some(result) }) = record.view::<Line>() {
            self.keep(id, &result.options);
        }
    }

    /// Keeps the answers of a task.
    pub fn keep(&mut self, id: &str, options: &[Answer]) {
        let given = options.iter().filter(|answer| answer.status == Status::Ok).filter_map(|answer| {
            let text = answer.message.as_ref()?.chars().take(LONGEST).collect();
            Some(Given { model: answer.model.clone(), text })
        });
        let given: Vec<Given> = given.collect();
        if !given.is_empty() {
            self.0.insert(id.to_owned(), given);
        }
    }

    /// The answers that a task with these needs is to compare.
    pub fn of(&self, needs: &[String]) -> Vec<Given> {
        needs.iter().filter_map(|need| self.0.get(need)).flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_models_that_answered() {
        let line = r#"{"type":"task","id":"1","result":{"status":"ok","options":[
            {"model":"a","status":"ok","message":"This","seconds":1},
            {"model":"b","status":"failed","class":"auth","seconds":1}]}}"#;
        let mut answers = Answers::default();
        answers.note("1", &Record::parse(&line.replace('\n', " ")).unwrap());
        answers.note("2", &Record::parse(r#"{"type":"task","id":"2","result":{"options":7}}"#).unwrap());
        answers.note("3", &Record::parse(r#"{"type":"task","id":"3"}"#).unwrap());
        let given = answers.of(&["3".into(), "2".into(), "1".into()]);
        assert_eq!(given, [Given { model: "a".into(), text: "This".into() }]);
    }
}
