//! What people see while it runs.

use crate::NAME;

/// Where people are told what happens.
#[derive(Debug)]
pub(crate) struct Screen;

#[expect(clippy::unused_self, reason = "what is on the screen will matter")]
impl Screen {
    /// Something of our own.
    pub fn tell(&mut self, text: &str) {
        stage::tell(NAME, text);
    }

    /// Something that a stage has said, in its own words.
    pub fn relay(&mut self, text: &str) {
        stage::relay(text);
    }
}
