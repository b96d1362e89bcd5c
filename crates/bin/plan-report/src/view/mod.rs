//! How figures and texts are worded, whatever the format.

use jiff::Timestamp;
use stage::Shown;

/// The beginning of a text on one line, with control characters made visible: titles, notes and names are short, and
/// one that is not shall not push everything else away.
pub(crate) fn line(text: &str) -> String {
    const MOST: usize = 1000;
    let (start, left_out) = beginning(text, MOST);
    let more = if left_out > 0 { "…" } else { "" };
    format!("{}{more}", Shown(start))
}

/// All of a text on one line, with control characters made visible.
pub(crate) fn whole(text: &str) -> String {
    Shown(text).to_string()
}

/// A text of several lines, with control characters made visible.
pub(crate) fn lines(text: &str) -> String {
    Shown(text).lines()
}

/// The beginning of a text, up to `longest` bytes, and how many bytes are left out.
pub(crate) fn beginning(text: &str, longest: usize) -> (&str, usize) {
    let end = (0..=longest.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    (&text[..end], text.len() - end)
}

/// Seconds as people say them: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`.
pub(crate) fn time(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tokens, short: `950`, `12.3k`, `4.5M`; rounded down.
pub(crate) fn short(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => format!("{}.{}k", number / 1000, number % 1000 / 100),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// A part of one as a whole percentage.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

/// Bytes, roughly.
pub(crate) fn bytes(count: usize) -> String {
    match count {
        0..1000 => format!("{count} bytes"),
        1000..1_000_000 => format!("{} kB", count / 1000),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// A moment, to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_worded_for_people() {
        let times = [0.04, 9.94, 9.96, 59.4, 59.6, 3599.0, 3600.0, 7500.0, 180_000.0].map(time);
        assert_eq!(
            times,
            ["0.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "2 h 05 min", "2 d 2 h"]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([999, 1999, 999_999, 12_345_678].map(short), ["999", "1.9k", "999.9k", "12.3M"]);
        assert_eq!(beginning("aäb", 2), ("a", 3));
        assert_eq!(beginning("aäb", 99), ("aäb", 0));
        assert_eq!(percent(0.994), "99%");
    }
}
