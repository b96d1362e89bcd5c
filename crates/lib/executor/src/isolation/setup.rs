//! What has to be made in a tree before anybody can work in it, such as installed packages.
//!
//! The command runs once for each tree. What it made that git ignores is copied aside, and when the tree is used again, emptied of everything,
//! that copy is put back: so a task finds what the command has made, and nothing that another task has added to it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use agent::Secrets;
use process::{Cut, End, Job, Limits, Observer, Output, Progress, Stop, Stream, run};
use record::Class;
use worktree::{Tree, files};

/// Files by which package managers decide what to install. When one of them, or a file that the command names, is another
/// one than when the command ran, it runs again.
const MANIFESTS: [&str; 28] = [
    ".gitmodules",
    "Cargo.lock",
    "Cargo.toml",
    "Gemfile",
    "Gemfile.lock",
    "Makefile",
    "Pipfile",
    "Pipfile.lock",
    "build.gradle",
    "build.gradle.kts",
    "bun.lock",
    "composer.json",
    "composer.lock",
    "deno.lock",
    "go.mod",
    "go.sum",
    "mix.exs",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pom.xml",
    "pyproject.toml",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];

/// Runs the command of `--setup`.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub command: String,
}

/// What a run of the command was, and what it left.
struct Note {
    command: OsString,
    /// The commit that the tree was at.
    start: OsString,
    /// The tree itself, told apart from a later one in its place.
    tree: OsString,
    products: Vec<PathBuf>,
}

/// For a run of the command.
pub(super) struct Run<'a> {
    pub limits: Limits,
    pub log: &'a (dyn Fn() -> Option<(PathBuf, File)> + Sync),
    pub stop: Stop,
    pub tell: &'a (dyn Fn(&str) + Sync),
}

impl Setup {
    /// Makes a tree ready, by the copy or by the command; the paths that it must be rid of before its files become a
    /// commit.
    pub async fn make_ready(&self, tree: &Tree, run: Run<'_>) -> Result<Vec<PathBuf>, (Class, String)> {
        let store = store(tree);
        if let Some(note) = Note::read(&store).filter(|note| self.still_holds(note, tree)) {
            let (top, products) = (tree.path().to_owned(), note.products.clone());
            copy_all(store.join("files"), top, products).await.map_err(|why| (Class::Other, why))?;
            return Ok(note.products);
        }
        // Whatever is there is of no use any more.
        let _ = fs::remove_dir_all(&store);
        self.run(tree, run.limits, (run.log)(), run.stop).await?;
        let products = products(tree, run.tell).map_err(|why| (Class::Other, why))?;
        let copied = copy_all(tree.path().to_owned(), store.join("files"), products.clone()).await;
        let note = Note {
            command: self.command.clone().into(),
            start: tree.start().into(),
            tree: identity(tree.path()),
            products: products.clone(),
        };
        if let Err(why) = copied.and_then(|()| note.write(&store).map_err(|error| error.to_string())) {
            // Without the copy it runs again next time.
            (run.tell)(&format!("what --setup has made cannot be kept: {why}"));
            let _ = fs::remove_dir_all(&store);
        }
        Ok(products)
    }

    fn still_holds(&self, note: &Note, tree: &Tree) -> bool {
        if note.command != self.command.as_str() || note.tree != identity(tree.path()) {
            return false;
        }
        let Some(start) = note.start.to_str().filter(|start| worktree::is_commit_id(start)) else { return false };
        if start == tree.start() {
            return true;
        }
        let words: Vec<&str> = self.command.split_whitespace().map(|word| word.trim_start_matches("./")).collect();
        let differ = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", start, tree.start()];
        tree.git().run(differ).is_ok_and(|out| {
            let names = out.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
            !names.into_iter().any(|name| {
                words.contains(&name.as_str()) || MANIFESTS.contains(&name.rsplit('/').next().unwrap_or_default())
            })
        })
    }

    async fn run(
        &self,
        tree: &Tree,
        limits: Limits,
        log: Option<(PathBuf, File)>,
        stop: Stop,
    ) -> Result<(), (Class, String)> {
        let mut job = Job::new("sh").args(["-c", &self.command]);
        job.folder = tree.path().to_owned();
        job.output = Output::Together;
        // It may be silent for as long as it takes.
        job.limits = Limits { stall: None, ..limits };
        let (path, log) = log.unzip();
        let mut words = Words { log, tail: Vec::new(), secrets: Secrets::of_environment() };
        let outcome = run(&job, &mut words, stop).await.map_err(|error| (Class::Other, format!("--setup: {error}")))?;
        let how = match (outcome.cut, outcome.end) {
            (None, End::Exited(0)) => return Ok(()),
            (Some(Cut::Stopped), _) => return Err((Class::Cancelled, "stopped during --setup".into())),
            (Some(_), _) => format!("still running after {} s", limits.total.unwrap_or_default().as_secs_f64()),
            (None, End::Exited(code)) => format!("ended with {code}"),
            (None, End::Signalled(signal)) => format!("was ended by signal {signal}"),
        };
        let class = if outcome.cut.is_some() { Class::Timeout } else { Class::Other };
        let last = words.last_line().map(|line| format!(": {line}")).unwrap_or_default();
        let log = path.map(|path| format!(" ({})", path.display())).unwrap_or_default();
        Err((class, format!("--setup '{}' {how}{last}{log}", self.command)))
    }
}

/// Takes in what the command says.
struct Words {
    log: Option<File>,
    tail: Vec<u8>,
    secrets: Secrets,
}

impl Observer for Words {
    fn output(&mut self, _: Stream, bytes: &[u8]) -> Progress {
        const TAIL: usize = 4096;
        if let Some(log) = &mut self.log {
            let text = self.secrets.remove(String::from_utf8_lossy(bytes).into_owned());
            if log.write_all(text.as_bytes()).is_err() {
                self.log = None;
            }
        }
        self.tail.extend_from_slice(bytes);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        Progress::Made
    }
}

impl Words {
    fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.tail);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        Some(self.secrets.remove(last.chars().filter(|c| !c.is_control()).take(300).collect()))
    }
}

/// What the command has made that git ignores. What it did to files of the commit is taken back, since it is not the
/// agent's work, and files that git would take for the agent's are not allowed.
fn products(tree: &Tree, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<PathBuf>, String> {
    let status = ["status", "--porcelain", "-z", "--ignored", "--untracked-files=normal", "--no-renames"];
    let out = tree.git().run(status).map_err(|error| error.to_string())?;
    let (mut products, mut changed, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for entry in out.split(|byte| *byte == 0) {
        let Some((state, name)) = entry.split_at_checked(3) else { continue };
        match state {
            b"!! " => {
                let name = name.strip_suffix(b"/").unwrap_or(name);
                products.push(PathBuf::from(OsString::from_vec(name.to_vec())));
            }
            b"?? " => new.push(String::from_utf8_lossy(name).into_owned()),
            _ => changed.push(String::from_utf8_lossy(name).into_owned()),
        }
    }
    if !new.is_empty() {
        return Err(format!("--setup has made what git does not ignore: {}: add it to .gitignore", new.join(", ")));
    }
    if !changed.is_empty() {
        tell(&format!("--setup has changed files of the commit, which is taken back: {}", changed.join(", ")));
        tree.git().run(["reset", "--hard", "--quiet"]).map_err(|error| error.to_string())?;
    }
    Ok(products)
}

/// Beside the tree. What is copied can be large, and agents of other tasks are to be listened to meanwhile.
async fn copy_all(from: PathBuf, to: PathBuf, paths: Vec<PathBuf>) -> Result<(), String> {
    let copied = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
        paths.iter().try_for_each(|path| {
            let from = from.join(path);
            files::copy(&from, &to, path, &mut Vec::new()).map_err(|error| format!("{}: {error}", from.display()))
        })
    });
    copied.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn store(tree: &Tree) -> PathBuf {
    tree.path().with_extension("setup")
}

fn identity(tree: &Path) -> OsString {
    let Ok(found) = tree.symlink_metadata() else { return OsString::new() };
    let born = found.created().ok().and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{} {} {}", found.dev(), found.ino(), born.unwrap_or_default().as_nanos()).into()
}

impl Note {
    fn read(store: &Path) -> Option<Self> {
        let text = fs::read(store.join("note")).ok()?;
        let mut parts = text.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec()));
        let (command, start, tree) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { command, start, tree, products: parts.map(PathBuf::from).collect() })
    }

    /// Last of all: a copy without it is not whole.
    fn write(&self, store: &Path) -> std::io::Result<()> {
        let parts = [&self.command, &self.start, &self.tree].into_iter().map(|part| part.as_bytes());
        let parts: Vec<&[u8]> = parts.chain(self.products.iter().map(|path| path.as_os_str().as_bytes())).collect();
        let part = store.join("note.part");
        fs::write(&part, parts.join(&0))?;
        fs::rename(part, store.join("note"))
    }
}
