//! Logs: links where they lie beside the run, else their names.

use std::path::{Component, Path, PathBuf};

use maud::{Markup, html};

use crate::view::line;

/// Which logs a page may link to, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    /// The folder that the page is in.
    page: PathBuf,
    /// The folder that the logs have to be in: `.plan/`, or the run file's own.
    logs: PathBuf,
}

impl Links {
    /// For the page at `page` about the run file `run`.
    pub fn new(run: &Path, page: &Path) -> Option<Self> {
        let folder = |file: &Path| {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            folder.canonicalize().ok()
        };
        let (page, run) = (folder(page)?, folder(run)?);
        let private = run.ancestors().find(|above| above.file_name().is_some_and(|name| name == ".plan"));
        Some(Self { logs: private.unwrap_or(&run).to_owned(), page })
    }

    /// The address of a log, from the page; `None` for what lies elsewhere.
    fn to(&self, log: &Path) -> Option<String> {
        let is_plain = log.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !is_plain || !log.starts_with(&self.logs) || log == self.logs {
            return None;
        }
        let shared = self.page.ancestors().find(|above| log.starts_with(above))?;
        let up = self.page.strip_prefix(shared).ok()?.components().count();
        Some(format!("./{}{}", "../".repeat(up), escaped(log.strip_prefix(shared).ok()?.to_str()?)))
    }
}

/// A log of a call or a check, with a comma before it.
pub(crate) fn name(links: Option<&Links>, log: Option<&str>) -> Markup {
    let Some(log) = log else { return html! {} };
    html! {
        ", "
        @match links.and_then(|links| links.to(Path::new(log))) {
            Some(address) => a href=(address) { (line(log.rsplit('/').next().unwrap_or(log))) },
            None => code { (line(log)) },
        }
    }
}

/// A path as a part of an address.
fn escaped(path: &str) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_beside_the_run_are_linked() {
        let links = Links { page: "/r/.plan/slugs".into(), logs: "/r/.plan".into() };
        let to = |log: &str| links.to(Path::new(log));
        assert_eq!(to("/r/.plan/slugs/logs/1 #?.log").as_deref(), Some("./logs/1%20%23%3F.log"));
        assert_eq!(to("/r/.plan/p/logs/1.log").as_deref(), Some("./../p/logs/1.log"));
        for elsewhere in
            ["/etc/passwd", "/r/.plan/../x", "javascript:alert(1)", "/r/.plan", "/r/.planned/x", "logs/x", ""]
        {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
    }
}
