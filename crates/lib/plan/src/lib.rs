//! Plans as they are written: from the bytes of a file to tasks, whatever the layout, and what is wrong with them.
//!
//! [`Parsed::read`] reads a file with the first [`dialect`] that knows it; [`check`] tells its defects.

mod backend;
pub mod check;
mod criteria;
pub mod dialect;
mod digest;
pub mod draft;
mod fence;
mod field;
mod files;
mod front_matter;
mod ids;
mod input;
pub mod markdown;
mod minutes;
mod needs;
mod opener;
mod order;
mod parsed;
mod path;
#[cfg(test)]
mod properties;
mod shell;
pub mod spread;
pub mod tick;
pub mod write;

pub use input::Input;
pub use parsed::Parsed;
