//! The exit codes that every tool shares.

use std::process::ExitCode;

/// How a tool ends. The numbers are part of the contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Everything that reached the tool went well.
    Ok,
    /// Some task failed for a reason without a code of its own.
    Failed,
    /// Unknown flag or bad value.
    Usage,
    /// An agent failed, and the run goes on by the user's wish: the cause, one of 1 10 11 12 13.
    Cause(u8),
    /// A person must decide before anything costlier or riskier happens.
    NeedsDecision,
    /// A bad input line or a bad plan.
    BadInput,
    /// Stopped by a signal, by its number.
    Stopped(i32),
}

impl Exit {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Cause(cause) => cause,
            Self::NeedsDecision => 20,
            Self::BadInput => 65,
            Self::Stopped(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// The one of two that tells more: a signal before bad input, bad input before a decision that is needed, that
    /// before a cause (the first one counts), that before a plain failure.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Cause(_) => 2,
            Self::NeedsDecision => 3,
            Self::Usage => 4,
            Self::BadInput => 5,
            Self::Stopped(_) => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_more_telling_one_wins() {
        assert_eq!(Exit::Ok.or(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Cause(10).or(Exit::Cause(12)), Exit::Cause(10));
        assert_eq!(Exit::NeedsDecision.or(Exit::Cause(12)), Exit::NeedsDecision);
        assert_eq!(Exit::BadInput.or(Exit::NeedsDecision), Exit::BadInput);
        assert_eq!(Exit::BadInput.or(Exit::Stopped(15)).number(), 143);
        assert_eq!(Exit::Stopped(2).number(), 130);
    }
}
