//! The contract as types: what travels on the pipe.
//!
//! [`Record`] is one line as it was read: nothing in it is lost or respelled until somebody sets a field.
//! The other types are the sections that our own tools write. A tool reads them through
//! [`Record::view`], with a struct of its own that names only the fields it needs.

mod access;
mod class;
mod digest;
mod noted;
mod plan;
mod raw;
mod result;
mod scan;
mod schema;
mod sections;
mod time;
mod whole;

pub use access::{Access, Meeting, may_write};
pub use class::{Class, Code};
pub use digest::digest;
pub use noted::{Noted, known_word};
pub use plan::{Action, Done, FileRef, Plan, Source, Task, WorkType};
pub use raw::{Record, RecordError, to_line};
pub use result::{Answer, Attempt, RateLimit, Status, TaskResult, Usage};
pub use schema::{SCHEMA_NAMES, schema};
pub use sections::{
    Baseline, Batch, Check, CheckStatus, Decision, DecisionLine, DecisionStatus, Finding, Gate, Landed, LandedLine,
    LandedStatus, Release, Route, Sandbox, Severity, Verdict, VerdictStatus, choice,
};
pub use time::{from_unix_seconds, now};
pub use whole::{whole, whole_or_none};
