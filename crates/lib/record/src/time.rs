//! Times on the wire: RFC 3339, UTC.

use jiff::Timestamp;

/// The present moment as RFC 3339 in UTC with milliseconds, `2026-01-31T10:00:00.123Z`.
pub fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// A moment given as seconds since 1970, as RFC 3339; `None` when it is outside the years that exist.
pub fn from_unix_seconds(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(from_unix_seconds(1_795_400_000).as_deref(), Some("2026-11-23T02:13:20Z"));
        assert_eq!(from_unix_seconds(i64::MAX), None);
        let now = now();
        assert!(now.parse::<Timestamp>().is_ok(), "{now}");
        assert!(now.ends_with('Z') && now.len() == 24, "{now}");
    }
}
