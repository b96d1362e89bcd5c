//! The tree that is worked on: where a run keeps what it leaves behind, and who may touch the tree meanwhile.
//!
//! [`Places`] finds the root of the tree and makes the folders in its `.plan/`; [`Logs`] makes files with safe names;
//! [`TreeLock`] keeps a writing agent and the checks of its work apart.

mod exclude;
mod folder;
mod lock;
mod logs;
mod name;
mod places;

pub use folder::{FileType, Folder, PlaceError};
pub use lock::TreeLock;
pub use logs::{Logs, agent_logs};
pub use name::{plan_name, safe as safe_name};
pub use places::Places;
