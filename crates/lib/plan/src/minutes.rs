//! Estimates in minutes.

/// Reads `3 min`, `2-5 minutes` (the upper end), `~1h 30m`, `0.5 h`, `90s`. `None` when there is no unit of time.
pub fn read(value: &str) -> Option<f64> {
    let text = value.trim().trim_start_matches(['~', '≈', '<', '`', '*', ' ']).to_lowercase();
    let mut rest = text.as_str();
    let mut total = None;
    loop {
        rest = rest.trim_start_matches([' ', '~', ',', '+']);
        let Some((mut number, behind)) = number(rest) else { break };
        rest = behind;
        let after_dash =
            rest.trim_start().strip_prefix(['-', '–', '—', '~']).or_else(|| rest.trim_start().strip_prefix("to "));
        if let Some((upper, behind)) = after_dash.and_then(|text| self::number(text.trim_start())) {
            number = upper;
            rest = behind;
        }
        let unit_text = rest.trim_start_matches([' ', '-']);
        let length = unit_text.find(|character: char| !character.is_alphabetic()).unwrap_or(unit_text.len());
        let (unit, behind) = unit_text.split_at(length);
        let factor = match unit {
            "m" | "min" | "mins" | "minute" | "minutes" | "分" | "分钟" | "分鐘" | "minuten" | "minutos" | "분" => {
                1.0
            }
            "h" | "hr" | "hrs" | "hour" | "hours" | "std" => 60.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0 / 60.0,
            "d" | "day" | "days" => 480.0,
            _ => break,
        };
        total = Some(total.unwrap_or(0.0) + number * factor);
        rest = behind;
    }
    total.filter(|minutes: &f64| minutes.is_finite() && *minutes >= 0.0)
}

fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.').parse().ok()?;
    Some((number, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn estimates() {
        for (value, minutes) in [
            ("3 min", 3.0),
            ("5m", 5.0),
            ("2-5 minutes", 5.0),
            ("2–5 min", 5.0),
            ("1h", 60.0),
            ("1h 30m", 90.0),
            ("~0.5 h", 30.0),
            ("5-minute", 5.0),
        ] {
            assert_eq!(read(value), Some(minutes), "{value}");
        }
        for value in ["3", "small", "5 files", "", "medium (M)"] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
