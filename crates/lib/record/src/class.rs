//! Why an attempt failed, and the exit code that says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cause of a failed attempt, found from structure and never from prose.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A rate, usage or quota limit of the model service.
    RateLimited,
    /// The service refused the credentials, or there were none.
    Auth,
    /// The attempt ran longer than its total time limit.
    Timeout,
    /// The agent made no progress for as long as the stall limit allows.
    Stalled,
    /// The agent's program is not there.
    Missing,
    /// The agent's program lacks something that we need, or its sandbox cannot work here.
    Unsupported,
    /// The service does not offer the model to this login.
    ModelUnavailable,
    /// The conversation no longer fits the model.
    ContextWindow,
    /// The service is at capacity.
    Overloaded,
    /// The service could not be reached, or the answer was cut off.
    Network,
    /// A limit on tokens or attempts that the user has set.
    Budget,
    /// Somebody stopped the attempt.
    Cancelled,
    /// None of the above.
    Other,
}

impl Class {
    /// The exit code of the class.
    pub fn code(self) -> Code {
        match self {
            Self::RateLimited => Code::RateLimited,
            Self::Auth => Code::Auth,
            Self::Timeout | Self::Stalled => Code::TimedOut,
            Self::Missing | Self::Unsupported => Code::Unusable,
            Self::ModelUnavailable
            | Self::ContextWindow
            | Self::Overloaded
            | Self::Network
            | Self::Budget
            | Self::Cancelled
            | Self::Other => Code::Failed,
        }
    }

    /// The name as it stands on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Auth => "auth",
            Self::Timeout => "timeout",
            Self::Stalled => "stalled",
            Self::Missing => "missing",
            Self::Unsupported => "unsupported",
            Self::ModelUnavailable => "model_unavailable",
            Self::ContextWindow => "context_window",
            Self::Overloaded => "overloaded",
            Self::Network => "network",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
            Self::Other => "other",
        }
    }
}

/// The cause of a result as an exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// Everything went well: 0.
    Ok,
    /// Failed for a reason without a code of its own: 1.
    Failed,
    /// Rate limited: 10.
    RateLimited,
    /// Not authenticated: 11.
    Auth,
    /// Timed out, in total or without progress: 12.
    TimedOut,
    /// The agent CLI is missing or unusable: 13.
    Unusable,
}

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::RateLimited => 10,
            Self::Auth => 11,
            Self::TimedOut => 12,
            Self::Unusable => 13,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for class in [
            Class::RateLimited,
            Class::Auth,
            Class::Timeout,
            Class::Stalled,
            Class::Missing,
            Class::Unsupported,
            Class::ModelUnavailable,
            Class::ContextWindow,
            Class::Overloaded,
            Class::Network,
            Class::Budget,
            Class::Cancelled,
            Class::Other,
        ] {
            let json = serde_json::to_string(&class).unwrap();
            assert_eq!(json, format!("\"{}\"", class.name()));
        }
    }
}
