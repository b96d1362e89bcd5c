//! Keeping secrets out of what is written: those in our own environment, which children inherit or find out.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

/// A shorter value would also be found in innocent text.
const SHORTEST: usize = 8;
/// A line of a longer value is a secret by itself from this length on, as it may be printed indented or alone.
const SHORTEST_LINE: usize = 16;
/// A name in an address from this length on is a token in disguise.
const SHORTEST_NAME: usize = 20;

/// Pieces of names that stand for something secret.
const PIECES: [&str; 15] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASSCODE",
    "CREDENTIAL",
    "COOKIE",
    "APIKEY",
    "ACCESSKEY",
    "PRIVATEKEY",
    "SIGNINGKEY",
    "MASTERKEY",
    "SSHKEY",
    "AUTHKEY",
];
/// The same for whole words between `_`.
const WORDS: [&str; 5] = ["KEY", "KEYS", "PASS", "PAT", "PATS"];
/// Names that look like it and hold nothing that has to be hidden: folders, a socket, the kind of desktop.
const HARMLESS: [&str; 4] = ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "DESKTOP_SESSION"];

/// Whether the name of a variable says that its value is secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if HARMLESS.contains(&name.as_str()) {
        return false;
    }
    let mut words = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .map(|word| word.trim_end_matches(|letter: char| letter.is_ascii_digit()));
    PIECES.iter().any(|piece| name.contains(piece))
        || words.clone().any(|word| WORDS.contains(&word) || word.ends_with("AUTH") || word == "PWD")
        || words.next_back().is_some_and(|last| matches!(last, "SESSION" | "SESSIONID"))
}

/// Whether the value of a variable is an address with a password in it.
pub fn has_password(value: &[u8]) -> bool {
    !in_addresses(value).is_empty()
}

/// The secrets in our own environment: the values of variables whose names say so, and passwords in addresses.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    finder: AhoCorasick,
    /// In the order of the finder's patterns.
    values: Vec<Vec<u8>>,
    instead: Vec<String>,
    longest: usize,
}

impl Secrets {
    /// Those of our environment.
    pub fn of_environment() -> Self {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut values: Vec<Vec<u8>> = Vec::new();
        let mut instead: Vec<String> = Vec::new();
        for (name, value) in variables {
            let (name, value) = (name.to_string_lossy().into_owned(), value.into_vec());
            let removed = format!("[{name} removed]");
            let mut add = |value: &[u8], instead_of: &str| {
                let quoted = std::str::from_utf8(value).ok().map(|text| serde_json::Value::from(text).to_string());
                // The same value as it stands inside a JSON string.
                let quoted = quoted.as_deref().and_then(|text| text.get(1..text.len() - 1)).unwrap_or_default();
                for form in [value, quoted.as_bytes()] {
                    if !form.is_empty() && !values.iter().any(|known| known == form) {
                        values.push(form.to_owned());
                        instead.push(instead_of.to_owned());
                    }
                }
            };
            if is_secret_name(&name) && value.len() >= SHORTEST {
                add(&value, &removed);
                let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                for line in lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with(b"-----")) {
                    add(line, &removed);
                }
            }
            for Login { name: user, password } in in_addresses(&value) {
                if user.len() >= SHORTEST_NAME {
                    add(user, &removed);
                }
                let word = password.len() >= SHORTEST && password != user;
                if word {
                    add(password, &removed);
                } else if !password.is_empty() {
                    // By itself it may be any word; between its name and the `@` it is not.
                    add(&[user, b":", password, b"@"].concat(), &format!("{removed}@"));
                }
            }
        }
        let longest = values.iter().map(Vec::len).max().unwrap_or_default();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values);
        // Only more text than any environment can hold makes it fail.
        Self(finder.ok().filter(|_| longest > 0).map(|finder| Arc::new(Known { finder, values, instead, longest })))
    }

    /// The text without its secrets.
    pub fn remove(&self, text: String) -> String {
        match &self.0 {
            Some(known) if known.finder.is_match(&text) => {
                let clean = known.finder.replace_all_bytes(text.as_bytes(), &known.instead);
                String::from_utf8(clean).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
            }
            _ => text,
        }
    }

    /// Takes them out of output that comes in pieces.
    pub fn stream(&self) -> Cleaner {
        Cleaner { known: self.0.clone(), held: Vec::new() }
    }
}

/// Takes secrets out of output that comes in pieces, wherever it is cut. What may be the beginning of a secret is held
/// back until the next piece, never more than the longest secret.
#[derive(Debug)]
pub struct Cleaner {
    known: Option<Arc<Known>>,
    held: Vec<u8>,
}

impl Cleaner {
    /// Takes a piece and hands on what can be said so far.
    pub fn push(&mut self, piece: &[u8], mut to: impl FnMut(&[u8])) {
        let Some(known) = self.known.clone() else { return to(piece) };
        let joined;
        let bytes = if self.held.is_empty() {
            piece
        } else {
            joined = [&std::mem::take(&mut self.held)[..], piece].concat();
            &joined
        };
        let begins = |from: &usize| {
            let rest = &bytes[*from..];
            known.values.iter().any(|value| value.len() > rest.len() && value.starts_with(rest))
        };
        // No secret that begins before this is longer than what is here.
        let near = bytes.len().saturating_sub(known.longest - 1);
        let open = (near..bytes.len()).find(begins).unwrap_or(bytes.len());
        let at = known.hand_on(bytes, open, &mut to);
        self.held = bytes[at..].to_vec();
    }

    /// Hands on what was held back: there is no more.
    pub fn finish(&mut self, mut to: impl FnMut(&[u8])) {
        if let Some(known) = &self.known {
            let held = std::mem::take(&mut self.held);
            known.hand_on(&held, held.len(), &mut to);
        }
    }
}

impl Known {
    /// Hands on what begins before `end`, and returns where the rest begins.
    fn hand_on(&self, bytes: &[u8], end: usize, to: &mut impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        for found in self.finder.find_iter(bytes).take_while(|found| found.start() < end) {
            if at < found.start() {
                to(&bytes[at..found.start()]);
            }
            to(self.instead[found.pattern().as_usize()].as_bytes());
            at = found.end();
        }
        if at < end {
            to(&bytes[at..end]);
        }
        at.max(end)
    }
}

/// Who an address says we are.
#[derive(Debug, Eq, PartialEq)]
struct Login<'a> {
    name: &'a [u8],
    password: &'a [u8],
}

/// What stands before the `@` of `scheme://name:password@host`, wherever one is in the text.
fn in_addresses(text: &[u8]) -> Vec<Login<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(3).position(|three| three == b"://") {
        rest = &rest[at + 3..];
        let ends =
            |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>') || byte.is_ascii_whitespace();
        let authority = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        let Some(end) = authority.iter().rposition(|byte| *byte == b'@') else { continue };
        let login = &authority[..end];
        let (name, password) = match login.iter().position(|byte| *byte == b':') {
            Some(colon) => (&login[..colon], &login[colon + 1..]),
            None => (login, &b""[..]),
        };
        if !password.is_empty() || name.len() >= SHORTEST_NAME {
            found.push(Login { name, password });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::of(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn secrets_are_found_by_name_and_removed_by_value() {
        let secrets = secrets(&[
            ("OPENAI_API_KEY", "sk-12345678"),
            ("HOME", "/home/somebody"),
            ("X_TOKEN", "short"),
            ("Y_SECRET", "a\"b\\cdefgh"),
        ]);
        let text = r#"{"out":"sk-12345678 /home/somebody short a\"b\\cdefgh"}"#.to_owned();
        assert_eq!(
            secrets.remove(text),
            r#"{"out":"[OPENAI_API_KEY removed] /home/somebody short [Y_SECRET removed]"}"#
        );
        assert_eq!(Secrets::default().remove("x".to_owned()), "x");
    }

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "OPENAI_API_KEY",
            "GITHUB_PAT",
            "PAT_AZURE",
            "npm_config__auth",
            "BASIC_AUTH",
            "OAUTH_ID",
            "SMTP_PASS",
            "MYSQL_PWD",
            "SESSION_COOKIE",
            "ADVENT_OF_CODE_SESSION",
            "PHPSESSIONID_SESSIONID",
            "KEY2",
            "MYAPIKEY",
            "DB_PASSWORD_2",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PATH",
            "GIT_AUTHOR_NAME",
            "KEYBOARD",
            "MONKEY",
            "PWD",
            "OLDPWD",
            "COMPASS",
            "XDG_SESSION_TYPE",
            "DESKTOP_SESSION",
            "PATTERN",
            "XAUTHORITY",
            "AUTHOR",
            "SSH_AUTH_SOCK",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_one_wherever_the_address_is() {
        let secrets = secrets(&[
            ("DATABASE_URL", "postgres://me:p@ssw0rd-long@db.example/x"),
            ("REMOTES", "a=https://ghp_0123456789abcdefghij@github.com/a b=redis://app:app@cache:1"),
            ("PLAIN", "https://example.org/a:b@c and ssh://git@example.org"),
        ]);
        let said = "p@ssw0rd-long ghp_0123456789abcdefghij app redis://app:app@cache https://example.org/a:b@c git@";
        assert_eq!(
            secrets.remove(said.to_owned()),
            "[DATABASE_URL removed] [REMOTES removed] app redis://[REMOTES removed]@cache https://example.org/a:b@c git@"
        );
        assert!(has_password(b"x://a:b@c") && !has_password(b"x://a@c") && !has_password(b"a:b@c"));
    }

    #[test]
    fn a_piece_border_hides_nothing() {
        let secrets = secrets(&[
            ("A_KEY", "abcabcabd"),
            ("B_KEY", "abcabcabdabcabcabe"),
            ("C_KEY", "first secret line\nsecond secret line"),
        ]);
        let text = b"abcabcabcabd. abcabcabdabcabcab abcabcabdabcabcabe abcabcab\nfirst secret line\nsecond secret line\n  second secret line";
        let clean = |size: usize| {
            let (mut cleaner, mut out) = (secrets.stream(), Vec::new());
            for piece in text.chunks(size) {
                cleaner.push(piece, |bytes| out.extend_from_slice(bytes));
                assert!(cleaner.held.len() < 50);
            }
            cleaner.finish(|bytes| out.extend_from_slice(bytes));
            String::from_utf8(out).unwrap()
        };
        let whole = clean(text.len());
        assert_eq!(
            whole,
            "abc[A_KEY removed]. [A_KEY removed]abcabcab [B_KEY removed] abcabcab\n[C_KEY removed]\n  [C_KEY removed]"
        );
        for size in 1..text.len() {
            assert_eq!(clean(size), whole, "{size}");
        }
    }

    #[test]
    fn what_is_no_beginning_of_a_secret_goes_on_at_once() {
        let mut cleaner = secrets(&[("A_KEY", "abcabcabd")]).stream();
        let mut out = Vec::new();
        cleaner.push(b"tests pass\nab", |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"tests pass\n");
    }
}
