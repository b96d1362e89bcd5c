//! Landlock: this program starts itself again, gives up its rights, and becomes the check.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::{Ground, Permits};
use crate::words::tell;

/// The first argument of a call that restricts itself.
const RESTRICT: &str = "__restrict";
const NETWORK: &str = "network";
/// The newest rules that we know; an older kernel keeps those that it knows too.
const KNOWN: ABI = ABI::V6;
/// Devices that everybody writes to. Not the terminal: a check could type on it.
const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "ptmx", "pts"];

/// The command inside.
pub fn wrap(permits: &Permits, ground: Ground, command: &[OsString]) -> Vec<OsString> {
    // This path leads to the running program even when its file has been replaced.
    let mut args: Vec<OsString> = vec!["/proc/self/exe".into(), RESTRICT.into()];
    args.push(if permits.network { NETWORK } else { "no-network" }.into());
    args.extend([ground.tree.into(), ground.scratch.into()]);
    args.extend(permits.write.iter().map(OsString::from));
    args.push("--".into());
    args.extend_from_slice(command);
    args
}

/// See [`super::restricted_child`].
pub fn restricted_child() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != RESTRICT {
        return None;
    }
    let network = args.next().is_some_and(|word| word == NETWORK);
    let folders: Vec<PathBuf> = args.by_ref().take_while(|word| word != "--").map(PathBuf::from).collect();
    let reason = match restrict(&folders, network) {
        Ok(()) => {
            let program = args.next().unwrap_or_default();
            let error = Command::new(&program).args(args).exec();
            format!("{}: cannot be started: {error}", program.display())
        }
        Err(reason) => reason,
    };
    tell(&reason);
    // As a shell does when it cannot start something.
    Some(ExitCode::from(126))
}

fn restrict(folders: &[PathBuf], network: bool) -> Result<(), String> {
    let status = rules(folders, network).and_then(RulesetCreated::restrict_self).map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock, or it is switched off".into()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn rules(folders: &[PathBuf], network: bool) -> Result<RulesetCreated, RulesetError> {
    let everything = AccessFs::from_all(KNOWN);
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(everything)?;
    if !network {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut created = ruleset.scope(Scope::Signal | Scope::AbstractUnixSocket)?.create()?;
    created = allow(created, Path::new("/"), AccessFs::from_read(KNOWN))?;
    created = allow(created, Path::new("/dev/shm"), everything)?;
    for device in DEVICES {
        let access = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev;
        created = allow(created, &Path::new("/dev").join(device), access)?;
    }
    for folder in folders {
        created = allow(created, folder, everything)?;
    }
    Ok(created)
}

/// What is not there needs no rule.
fn allow(to: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(open) if path.is_dir() => to.add_rule(PathBeneath::new(open, access)),
        Ok(open) => to.add_rule(PathBeneath::new(open, access & AccessFs::from_file(KNOWN))),
        Err(_) => Ok(to),
    }
}
