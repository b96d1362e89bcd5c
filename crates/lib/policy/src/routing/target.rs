//! Who would take over a failed task, and what that costs.

use std::cell::OnceCell;
use std::path::Path;

use record::WorkType;

use super::{Overrides, Policy, PolicyError};

/// Who would take over a failed task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The backend.
    pub backend: String,
    /// Its model.
    pub model: String,
    /// Its place in the cost order, where it is known.
    pub rank: Option<u32>,
    /// The routing policy itself names it for this kind of work.
    pub is_routed: bool,
}

/// Finds the target of each task.
pub struct Targets {
    /// The built-in one is compiled when it is first needed: that takes longer than all else at the start.
    routing: OnceCell<Option<Policy>>,
    backend: Option<String>,
    model: Option<String>,
}

const BACKEND: &str = "claude";
const MODEL: &str = "claude-sonnet-4-6";

impl Targets {
    /// As the routing policy says, the built-in one when no file is given; `backend` and `model` come first.
    pub fn new(routing: Option<&Path>, backend: Option<String>, model: Option<String>) -> Result<Self, PolicyError> {
        let given = routing.map(|path| Policy::load(path, Overrides::default())).transpose()?;
        let routing = given.map_or_else(OnceCell::new, |policy| OnceCell::from(Some(policy)));
        Ok(Self { routing, backend, model })
    }

    /// Who would take over work of this type.
    pub fn of(&self, work_type: Option<WorkType>) -> Target {
        // The built-in policy is sound: a test of its own crate sees to that.
        let routing = self.routing.get_or_init(|| Policy::built_in(Overrides::default()).ok()).as_ref();
        let routed = routing.zip(work_type).and_then(|(routing, work_type)| routing.fallback(work_type));
        let backend = self.backend.clone().or_else(|| routed.map(|routed| routed.backend.clone()));
        let model = self.model.clone().or_else(|| routed.map(|routed| routed.model.clone()));
        let target = Target {
            backend: backend.unwrap_or_else(|| BACKEND.into()),
            model: model.unwrap_or_else(|| MODEL.into()),
            rank: None,
            is_routed: false,
        };
        match routed {
            Some(routed) if routed.backend == target.backend && routed.model == target.model => {
                Target { rank: Some(routed.rank), is_routed: true, ..target }
            }
            _ => target,
        }
    }
}
