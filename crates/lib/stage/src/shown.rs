//! Text of agents and plans, made safe to look at.

use std::fmt;

/// Shows a text with its control characters made visible, so that it can neither move the cursor, recolour the
/// screen, ring, nor change the direction of reading. Tabs stay; line ends show as `␊`.
#[derive(Clone, Copy)]
pub struct Shown<T>(pub T);

impl<T: AsRef<str>> fmt::Display for Shown<T> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        show(self.0.as_ref(), false, out)
    }
}

impl<T: AsRef<str>> Shown<T> {
    /// The same for a text of several lines: line ends stay.
    pub fn lines(&self) -> String {
        let mut text = String::with_capacity(self.0.as_ref().len());
        // Writing to a String cannot fail.
        let _ = show(self.0.as_ref(), true, &mut text);
        text
    }
}

fn show(text: &str, keep_lines: bool, out: &mut impl fmt::Write) -> fmt::Result {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\t' => out.write_char('\t')?,
            '\n' if keep_lines => out.write_char('\n')?,
            '\r' if keep_lines && characters.peek() == Some(&'\n') => {}
            // The Unicode "control pictures" stand for the first 32 characters in their order.
            '\0'..='\x1f' => out.write_char(char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'))?,
            '\x7f' => out.write_char('\u{2421}')?,
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{61c}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                write!(out, "<U+{:04X}>", character as u32)?;
            }
            _ => out.write_char(character)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn nothing_that_moves_a_terminal_gets_through() {
        let hostile = "a\x1b[2Jb\rc\x07\u{202e}d\u{9b}31m\x7f\n\u{200b}";
        let shown = Shown(hostile).to_string();
        assert_eq!(shown, "a␛[2Jb␍c␇<U+202E>d<U+009B>31m␡␊<U+200B>");
        assert_eq!(Shown("a\r\nb\tç 日本").lines(), "a\nb\tç 日本");
        assert_eq!(Shown("a\rb\n").lines(), "a␍b\n");
    }
}
