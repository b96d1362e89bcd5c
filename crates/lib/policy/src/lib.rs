//! Policies as tables: who does a task, and what may pass a gate without a person. Pure: nothing here asks anybody.

pub mod approval;
pub mod routing;
