//! Bubblewrap: a file system of its own, in which only the tree can be written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Ground, Permits};

/// Where people keep keys, below their home.
const SECRETS: [&str; 19] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".pypirc",
    ".codex",
    ".claude",
    ".claude.json",
    ".cargo/credentials.toml",
    ".password-store",
    ".local/share/keyrings",
];
/// Sockets through which others do what we may not. A read-only file system does not close them.
const SOCKETS: [&str; 5] =
    ["/run/docker.sock", "/run/podman", "/run/containerd", "/run/dbus/system_bus_socket", "/run/systemd/private"];

/// The command inside: see docs/verify.md for what this keeps out.
pub fn wrap(permits: &Permits, ground: Ground, command: &[OsString]) -> Vec<OsString> {
    let mut args = Args(vec!["bwrap".into()]);
    args.flags(&["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
    args.flags(&["--unshare-cgroup-try"]);
    if !permits.network {
        args.flags(&["--unshare-net"]);
    }
    args.flags(&["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]);
    args.pair("--bind", ground.scratch, Path::new("/tmp"));
    if Path::new("/var/tmp").is_dir() {
        args.flags(&["--tmpfs", "/var/tmp"]);
    }
    for secret in secrets() {
        if secret.is_dir() {
            args.one("--tmpfs", &secret);
        } else {
            args.pair("--ro-bind", Path::new("/dev/null"), &secret);
        }
    }
    // What is needed from below /tmp is put into the private one: tools on PATH, and the repository.
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        if folder.starts_with("/tmp") {
            args.same("--ro-bind-try", &folder);
        }
    }
    if ground.repository != ground.tree {
        args.same("--ro-bind", ground.repository);
    }
    args.same("--bind", ground.tree);
    // Hooks and settings of git run outside later, and the records of the run are not for the checks to write.
    for private in [".git", ".plan"] {
        let private = ground.tree.join(private);
        if private.symlink_metadata().is_ok_and(|found| !found.is_symlink()) {
            args.same("--ro-bind", &private);
        }
    }
    for folder in &permits.write {
        args.same("--bind", folder);
    }
    args.one("--chdir", ground.folder);
    args.flags(&["--"]);
    args.0.extend_from_slice(command);
    args.0
}

/// The places of keys that are there, without links.
fn secrets() -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let below_home = SECRETS.iter().map(|name| home.join(name));
    let named = ["CODEX_HOME", "CLAUDE_CONFIG_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let user = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    below_home
        .chain(named)
        .chain(SOCKETS.iter().map(PathBuf::from))
        .chain([user])
        .filter_map(|path| path.canonicalize().ok())
        // Below /tmp nothing of the outside can be seen anyway.
        .filter(|path| path.is_absolute() && !path.starts_with("/tmp") && path != Path::new("/"))
        .collect()
}

struct Args(Vec<OsString>);

impl Args {
    fn flags(&mut self, flags: &[&str]) {
        self.0.extend(flags.iter().map(OsString::from));
    }

    fn one(&mut self, flag: &str, path: &Path) {
        self.0.extend([flag.into(), path.into()]);
    }

    fn pair(&mut self, flag: &str, from: &Path, to: &Path) {
        self.0.extend([flag.into(), from.into(), to.into()]);
    }

    fn same(&mut self, flag: &str, path: &Path) {
        self.pair(flag, path, path);
    }
}
