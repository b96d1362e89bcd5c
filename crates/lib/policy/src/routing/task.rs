//! What routing reads of a task; everything else in the line is not looked at.

use std::borrow::Cow;
use std::ops::Deref;

use record::{Action, Record, RecordError, WorkType};
use serde::Deserialize;

/// The fields of a task that decide its route. Only `id` and `title` have to be there.
#[derive(Debug, Default, Deserialize)]
pub struct Task<'a> {
    /// The task's id, for what is told to people.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// One line.
    #[serde(borrow)]
    pub title: Text<'a>,
    /// One line.
    #[serde(borrow, default)]
    pub objective: Option<Text<'a>>,
    /// The files that the task names.
    #[serde(borrow, default)]
    pub files: Option<Vec<File<'a>>>,
    /// Shell commands.
    #[serde(borrow, default)]
    pub commands: Option<Vec<Text<'a>>>,
    /// The expected form of the answer.
    #[serde(borrow, default)]
    pub output: Option<Text<'a>>,
    /// The backend that the plan asks for.
    #[serde(borrow, default)]
    pub backend: Option<Text<'a>>,
    /// The work type that the plan states.
    #[serde(default)]
    pub work_type: Option<WorkType>,
}

/// A file that a task names.
#[derive(Debug, Deserialize)]
pub struct File<'a> {
    /// Its path.
    #[serde(borrow)]
    pub path: Text<'a>,
    /// What the task does with it.
    #[serde(default)]
    pub action: Option<Action>,
}

/// A string that stays in the line where nothing in it is escaped.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl<'a> Task<'a> {
    /// The fields of a task's line.
    pub fn of(record: &'a Record) -> Result<Self, RecordError> {
        // The long way can say what is wrong.
        Self::directly(record).map_or_else(|| record.view(), Ok)
    }

    /// Each field by its name, which takes half the time of matching each name of the line with the fields.
    fn directly(record: &'a Record) -> Option<Self> {
        let given = |name| record.get(name).filter(|raw| !matches!(*raw, "null" | "[]"));
        let text = |name| match given(name) {
            None => Some(None),
            Some(_) => record.text(name).map(|text| Some(Text(text))),
        };
        Some(Self {
            id: Text(record.text("id")?),
            title: Text(record.text("title")?),
            objective: text("objective")?,
            files: parsed(given("files"))?,
            commands: parsed(given("commands"))?,
            output: text("output")?,
            backend: text("backend")?,
            work_type: parsed(given("work_type"))?,
        })
    }
}

/// What is given, or nothing when nothing is; `None` when it is something else.
fn parsed<'a, T: Deserialize<'a> + Default>(raw: Option<&'a str>) -> Option<T> {
    raw.map_or_else(|| Some(T::default()), |raw| serde_json::from_str(raw).ok())
}

impl Task<'_> {
    pub(super) fn files(&self) -> &[File<'_>] {
        self.files.as_deref().unwrap_or_default()
    }

    pub(super) fn commands(&self) -> &[Text<'_>] {
        self.commands.as_deref().unwrap_or_default()
    }

    /// Whether it says that it makes, changes or removes a file.
    pub(super) fn writes(&self) -> bool {
        self.files().iter().any(|file| file.action.is_some_and(Action::writes))
    }
}
