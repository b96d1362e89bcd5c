//! Where the plan is to be.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use stage::Error;
use tempfile::NamedTempFile;
use tree::Places;

/// The custom of the house.
const FOLDER: &str = "docs/plans";
/// So many words of a goal make a name, and no more characters than that.
const WORDS: usize = 7;
const LONGEST: usize = 60;

/// The file of the plan.
#[derive(Debug)]
pub(crate) struct Place {
    root: PathBuf,
    relative: String,
}

impl Place {
    /// The place of today's plan for a goal, below the root of the repository that `folder` is in.
    pub fn of(folder: &Path, goal: &str, name: Option<&str>) -> Result<Self, Error> {
        let places = Places::of(folder).map_err(|error| Error::Usage(error.to_string()))?;
        let relative = format!("{FOLDER}/{}-{}.md", Zoned::now().date(), slug(name.unwrap_or(goal)));
        Ok(Self { root: places.root().to_owned(), relative })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// From the root, with `/`.
    pub fn relative(&self) -> &str {
        &self.relative
    }

    fn path(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    /// An error when something is there already.
    pub fn is_free(&self) -> Result<(), Error> {
        match self.path().symlink_metadata() {
            Ok(_) => Err(self.taken()),
            Err(_) => Ok(()),
        }
    }

    /// Writes the plan; what is there is never replaced, not even what has come in the meantime.
    pub fn save(&self, text: &str) -> Result<(), Error> {
        let path = self.path();
        let folder = path.parent().unwrap_or(&self.root);
        let system = |source| Error::system(format!("{}: cannot be written", self.relative), source);
        fs::create_dir_all(folder).map_err(system)?;
        let mut file = NamedTempFile::new_in(folder).map_err(system)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(system)?;
        readable(file.path()).map_err(system)?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(self.taken()),
            Err(error) => Err(system(error.error)),
        }
    }

    fn taken(&self) -> Error {
        Error::Usage(format!(
            "{}: is there already and is not overwritten: choose another name with --name",
            self.relative
        ))
    }
}

/// A temporary file is its owner's alone; a plan is a file like any other.
fn readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

/// A goal as part of a file name.
fn slug(goal: &str) -> String {
    let lower = goal.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words.take(WORDS) {
        let length = slug.chars().count();
        if length + word.chars().count() >= LONGEST && length > 0 {
            break;
        }
        if length > 0 {
            slug.push('-');
        }
        slug.extend(word.chars().take(LONGEST));
    }
    if slug.is_empty() { "plan".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_words() {
        assert_eq!(slug("Colour in the log viewer!"), "colour-in-the-log-viewer");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("Größe \u{1b}[2J 漢字"), "größe-2j-漢字");
        assert_eq!(slug(" /. "), "plan");
        assert_eq!(slug(&"long ".repeat(40)), "long-long-long-long-long-long-long");
        assert!(slug(&"x".repeat(500)).len() <= LONGEST);
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path(), "A goal", None).unwrap();
        place.is_free().unwrap();
        place.save("one\n").unwrap();
        assert!(place.is_free().is_err() && place.save("two\n").is_err());
        assert_eq!(fs::read_to_string(folder.path().canonicalize().unwrap().join(place.relative())).unwrap(), "one\n");
    }
}
