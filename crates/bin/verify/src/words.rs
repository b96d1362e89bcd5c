//! What verify says, without the secrets of our environment.

use std::sync::LazyLock;

use process::Secrets;

/// The name in front of everything that is told to people.
pub const NAME: &str = "verify";

/// The secrets in our environment. A command is not given them, but it may find them where other processes keep theirs.
pub fn secrets() -> &'static Secrets {
    static SECRETS: LazyLock<Secrets> = LazyLock::new(Secrets::of_environment);
    &SECRETS
}

/// Tells people.
pub fn tell(text: &str) {
    stage::tell(NAME, &secrets().remove(text.to_owned()));
}
