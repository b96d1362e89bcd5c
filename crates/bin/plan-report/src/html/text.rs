//! Texts of agents, commands and plans.

use maud::{Markup, html};

use crate::view::{beginning, bytes, lines};

/// So long a text stands open on the page.
const SHORT: usize = 700;
const FEW_LINES: usize = 14;

/// A text as it is, with a name; long ones are folded.
pub(crate) fn block(name: &str, text: &str, longest: usize) -> Markup {
    let is_short = text.len() <= SHORT && text.lines().count() <= FEW_LINES;
    if is_short {
        html! { h4 { (name) } (plain(text, longest)) }
    } else {
        folded(name, text, longest)
    }
}

/// A text that is folded whatever its length.
pub(crate) fn folded(name: &str, text: &str, longest: usize) -> Markup {
    html! {
        details.inner {
            summary { (name) " " span.soft { "(" (bytes(text.len())) ")" } }
            (plain(text, longest))
        }
    }
}

/// The text itself, up to `longest` bytes.
pub(crate) fn plain(text: &str, longest: usize) -> Markup {
    let (start, left_out) = beginning(text.trim_end(), longest);
    html! {
        pre { (lines(start)) }
        (rest(left_out as u64))
    }
}

/// The end of a text, up to `longest` bytes: that is where a command says what was wrong.
pub(crate) fn end(text: &str, longest: usize) -> Markup {
    let text = text.trim_end();
    let from = (text.len().saturating_sub(longest)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    html! {
        @if from > 0 { p.soft { "The first " (bytes(from)) " are left out here." } }
        pre { (lines(&text[from..])) }
    }
}

/// That there is more.
pub(crate) fn rest(left_out: u64) -> Markup {
    let count = usize::try_from(left_out).unwrap_or(usize::MAX);
    html! { @if count > 0 { p.soft { "Another " (bytes(count)) " are left out here; the run file and its logs have them." } } }
}
