//! Values that are easy to spoil.

/// Numbers that do not survive a trip through a double, or not in their spelling.
pub const NUMBERS: [&str; 12] = [
    "0.10",
    "1e5",
    "1E+5",
    "-0",
    "-0.0",
    "1.0",
    "100000000000000000000",
    "12345678901234567890",
    "9007199254740993",
    "3.14159265358979323846264338327950288",
    "1E400",
    "-1e-400",
];

/// Strings, between their quotes, that are easily changed into others.
pub const STRINGS: [&str; 10] = [
    r"\u0000",
    r"\u001b[31m",
    r"\ud83d\ude00",
    "\u{1f600}\u{200b}\u{202e}",
    r"\/\\\u005c",
    r#"\"\b\f\n\r\t"#,
    r"\u00e4\u00C4",
    "\u{2028}\u{fffd}",
    "<&'`$(true)%s\u{7f}",
    "",
];
