//! Whether links lead out of the repository.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use super::changes::{self, LINK};
use super::objects;
use crate::git::NoGit;

/// More steps than this are taken for a circle, as the system does.
const STEPS: usize = 64;
/// No system takes a longer path.
const LONGEST: usize = 64 << 10;

/// The links of a commit, by their paths, and where they lead.
#[derive(Debug, Default)]
pub struct Links(HashMap<String, Vec<u8>>);

impl Links {
    /// Reads them.
    pub async fn of(root: &Path, commit: &str) -> Result<Self, NoGit> {
        let links = changes::links(root, commit).await?;
        let (paths, objects): (Vec<String>, Vec<String>) =
            links.into_iter().map(|(path, side)| (path, side.object.unwrap_or_default())).unzip();
        let names: Vec<&str> = objects.iter().map(String::as_str).collect();
        let targets = objects::contents(root, &names, LONGEST).await?;
        Ok(Self(paths.into_iter().zip(targets).collect()))
    }

    /// Reads them only when one of the paths, or a folder on the way to it, is a link; else there are none that matter.
    pub async fn on_the_way(root: &Path, commit: &str, paths: &[String]) -> Result<Self, NoGit> {
        let ways: Vec<&str> = paths
            .iter()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at]).chain([path.as_str()]))
            .collect();
        let found = changes::entries(root, commit, ways.into_iter()).await?;
        if found.values().any(|side| side.mode == LINK) { Self::of(root, commit).await } else { Ok(Self::default()) }
    }

    /// Where a path leads that is not in the repository, or is none of its files; `None` when it stays inside.
    pub fn leaves(&self, path: &str) -> Option<String> {
        let mut at: Vec<String> = Vec::new();
        let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let mut steps = 0;
        while let Some(part) = ahead.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    if at.pop().is_none() {
                        return Some("out of the repository".into());
                    }
                    continue;
                }
                _ => at.push(part),
            }
            if at.last().is_some_and(|part| part.eq_ignore_ascii_case(".git")) {
                return Some("into .git".into());
            }
            let Some(target) = self.0.get(&at.join("/")) else { continue };
            steps += 1;
            if steps > STEPS {
                return Some("in a circle".into());
            }
            let target = String::from_utf8_lossy(target);
            if target.starts_with('/') {
                return Some(format!("to {target}, out of the repository"));
            }
            at.pop();
            for part in target.split('/').rev() {
                ahead.push_front(part.to_owned());
            }
        }
        None
    }
}

/// The same for a path on the disk: where it leads, links followed as far as there is something.
pub fn leaves_on_disk(root: &Path, path: &str) -> Option<String> {
    let mut at = root.join(path);
    let mut steps = 0;
    // Where nothing is yet, the folder above decides.
    let found = loop {
        steps += 1;
        match at.canonicalize() {
            Ok(found) => break found,
            Err(_) if steps > STEPS => return Some("in a circle".into()),
            Err(_) if at.symlink_metadata().is_ok_and(|found| found.is_symlink()) => {
                // It leads to where nothing is yet.
                let target = at.read_link().ok()?;
                at = at.parent()?.join(target);
            }
            Err(_) => at = at.parent()?.to_owned(),
        }
    };
    let inside = found.strip_prefix(root);
    match inside {
        Err(_) => Some(format!("to {}, out of the repository", found.display())),
        Ok(inside) if inside.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) => {
            Some("into .git".into())
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(all: &[(&str, &str)]) -> Links {
        Links(all.iter().map(|(path, target)| ((*path).to_owned(), target.as_bytes().to_vec())).collect())
    }

    #[test]
    fn a_link_is_followed_to_where_it_leads() {
        let links = links(&[
            ("in", "sub/file"),
            ("out", "../elsewhere"),
            ("root", "/etc/passwd"),
            ("sub/up", "../in"),
            ("sub/far", "../../x"),
            ("chain", "sub/far"),
            ("loop", "loop"),
            ("git", ".git/hooks"),
            ("folder", "out/deep"),
        ]);
        for stays in ["in", "sub/up", "plain", "sub/plain", "in/../x"] {
            assert_eq!(links.leaves(stays), None, "{stays}");
        }
        for leaves in ["out", "root", "sub/far", "chain", "loop", "git", "folder/x", "out/x/y", "root/a"] {
            assert!(links.leaves(leaves).is_some(), "{leaves}");
        }
    }

    #[test]
    fn so_is_one_on_the_disk() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().canonicalize().unwrap().join("tree");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        link("sub", "in");
        link("..", "out");
        link("../gone", "dangling");
        link("loop", "loop");
        for stays in ["in", "in/new", "sub/new/deeper", "new"] {
            assert_eq!(leaves_on_disk(&root, stays), None, "{stays}");
        }
        for leaves in ["out", "out/x", "dangling", "loop"] {
            assert!(leaves_on_disk(&root, leaves).is_some(), "{leaves}");
        }
    }
}
