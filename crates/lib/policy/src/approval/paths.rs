//! Which changed paths a rule is content with.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

#[derive(Debug)]
pub(super) struct Paths(GlobSet);

impl Paths {
    /// `*` stays inside a folder, `**` goes through all.
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(GlobBuilder::new(glob).literal_separator(true).build()?);
        }
        set.build().map(Self)
    }

    /// Whether every changed path is among those that are named. A path that climbs out of the repository never is.
    pub fn hold(&self, changed: &[String]) -> bool {
        changed.iter().all(|path| {
            let inside = !path.starts_with('/') && path.split('/').all(|part| part != "..");
            inside && self.0.is_match(path)
        })
    }
}
