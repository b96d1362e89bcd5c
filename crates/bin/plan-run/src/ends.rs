//! What the end of a stage means.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use stage::Exit;

/// What the end of a stage means.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    /// The contract gives this code a meaning.
    Result(Exit),
    /// It only followed from the end of another stage, or from our asking.
    Consequence,
    /// It has died; how.
    Death(String),
}

/// What a stage was ended by, beside itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Circumstances {
    /// Whoever reads its output had gone.
    pub has_no_reader: bool,
    /// We have asked it to end.
    pub was_stopped: bool,
    /// We have killed it.
    pub was_killed: bool,
}

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGPIPE: i32 = 13;
const SIGTERM: i32 = 15;

/// What this end of a stage means.
pub(crate) fn meaning(status: ExitStatus, circumstances: Circumstances) -> Meaning {
    let Circumstances { has_no_reader, was_stopped, was_killed } = circumstances;
    if let Some(signal) = status.signal() {
        return match signal {
            SIGPIPE if has_no_reader => Meaning::Consequence,
            SIGINT | SIGTERM if was_stopped => Meaning::Consequence,
            SIGKILL if was_killed => Meaning::Consequence,
            _ => Meaning::Death(format!("ended by signal {signal}{}", name(signal))),
        };
    }
    match status.code().unwrap_or(-1) {
        0 => Meaning::Result(Exit::Ok),
        1 | 141 if has_no_reader => Meaning::Consequence,
        1 => Meaning::Result(Exit::Failed),
        2 => Meaning::Result(Exit::Usage),
        code @ 10..=13 => Meaning::Result(Exit::Cause(u8::try_from(code).unwrap_or(1))),
        20 => Meaning::Result(Exit::NeedsDecision),
        65 => Meaning::Result(Exit::BadInput),
        130 | 143 if was_stopped => Meaning::Consequence,
        130 => Meaning::Result(Exit::Stopped(2)),
        143 => Meaning::Result(Exit::Stopped(15)),
        code => Meaning::Death(format!("ended with exit code {code}{}", hint(code))),
    }
}

fn name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map(|name| format!(" ({name})")).unwrap_or_default()
}

fn hint(code: i32) -> &'static str {
    match code {
        126 => " (the command cannot be run)",
        127 => " (there is no such command)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: i32, has_no_reader: bool, was_stopped: bool) -> Meaning {
        meaning(ExitStatus::from_raw(raw), Circumstances { has_no_reader, was_stopped, was_killed: false })
    }

    #[test]
    fn codes_of_the_contract_are_results_and_others_are_deaths() {
        for (code, exit) in [(0, Exit::Ok), (1, Exit::Failed), (12, Exit::Cause(12)), (20, Exit::NeedsDecision)] {
            assert_eq!(of(code << 8, false, false), Meaning::Result(exit));
        }
        assert_eq!(of(130 << 8, false, false), Meaning::Result(Exit::Stopped(2)));
        assert_eq!(
            of(127 << 8, true, true),
            Meaning::Death("ended with exit code 127 (there is no such command)".into())
        );
        assert_eq!(of(9, true, false), Meaning::Death("ended by signal 9 (SIGKILL)".into()));
        assert_eq!(of(141 << 8, false, false), Meaning::Death("ended with exit code 141".into()));
    }

    #[test]
    fn what_follows_from_another_end_is_no_death() {
        assert_eq!(of(SIGPIPE, true, false), Meaning::Consequence);
        assert_eq!(of(141 << 8, true, false), Meaning::Consequence);
        assert_eq!(of(143 << 8, false, true), Meaning::Consequence);
        assert_eq!(of(15, false, true), Meaning::Consequence);
        assert!(matches!(of(SIGKILL, false, true), Meaning::Death(_)));
        assert!(matches!(of(SIGPIPE, false, false), Meaning::Death(_)));
    }
}
