//! Keeping secrets out of what is written.

/// The secrets in our own environment, which agents and their commands inherit and may print.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<(String, String)>);

/// A shorter value would also be found in innocent text.
const SHORTEST: usize = 8;

impl Secrets {
    /// Those variables of our environment whose names say that they are secret.
    pub fn of_environment() -> Self {
        Self::of(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    fn of(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut found: Vec<_> = variables.filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST).collect();
        // A value that holds another one is replaced first.
        found.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        Self(found)
    }

    /// The text without its secrets.
    pub fn remove(&self, text: String) -> String {
        self.0.iter().fold(text, |text, (name, value)| {
            let text = replace(text, value, name);
            // The same value as it stands inside a JSON string.
            let quoted = serde_json::Value::from(value.as_str()).to_string();
            match quoted.trim_matches('"') {
                escaped if escaped != value => replace(text, escaped, name),
                _ => text,
            }
        })
    }
}

fn replace(text: String, value: &str, name: &str) -> String {
    if text.contains(value) { text.replace(value, &format!("[{name} removed]")) } else { text }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn secrets_are_found_by_name_and_removed_by_value() {
        let pairs = [
            ("OPENAI_API_KEY", "sk-12345678"),
            ("HOME", "/home/somebody"),
            ("X_TOKEN", "short"),
            ("Y_SECRET", "a\"b\\cdefgh"),
        ];
        let secrets = Secrets::of(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter());
        let text = r#"{"out":"sk-12345678 /home/somebody short a\"b\\cdefgh"}"#.to_owned();
        assert_eq!(
            secrets.remove(text),
            r#"{"out":"[OPENAI_API_KEY removed] /home/somebody short [Y_SECRET removed]"}"#
        );
    }
}
