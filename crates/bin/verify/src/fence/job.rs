//! What the pipe that we are a part of writes itself.

use std::path::Path;

/// The files below `root` that a process of our own job has open for writing: the file behind `> out.jsonl` or
/// `2> log`, the one of a `tee`. A shell puts all programs of a pipe into one process group; agents have groups of their
/// own, and are gone by now. Empty where the system does not tell.
pub fn written_below(root: &Path) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let Some(own) = group(Path::new("/proc/self")) else { return Vec::new() };
    let mut written = Vec::new();
    for process in processes.flatten() {
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        // Gone meanwhile, or somebody else's.
        if !is_process || group(&process.path()).as_ref() != Some(&own) {
            continue;
        }
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else { continue };
        for number in open.flatten() {
            let is_written = std::fs::read_to_string(process.path().join("fdinfo").join(number.file_name()))
                .is_ok_and(|info| is_for_writing(&info));
            if let Ok(path) = std::fs::read_link(number.path())
                && is_written
                && let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str)
            {
                written.push(path.to_owned());
            }
        }
    }
    written
}

/// The process group, from `stat`: the third field behind the name in brackets, which may hold anything.
fn group(process: &Path) -> Option<String> {
    let stat = String::from_utf8_lossy(&std::fs::read(process.join("stat")).ok()?).into_owned();
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_ascii_whitespace().nth(2).map(str::to_owned)
}

/// By the line `flags:` in octal, whose last digit tells: 0 to read, 1 to write, 2 both.
fn is_for_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 3 != 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_is_found_and_what_we_read_is_not() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().canonicalize().unwrap();
        std::fs::write(root.join("read"), "x").unwrap();
        let _written = std::fs::File::create(root.join("written")).unwrap();
        let _read = std::fs::File::open(root.join("read")).unwrap();
        assert_eq!(written_below(&root), ["written"]);
    }
}
