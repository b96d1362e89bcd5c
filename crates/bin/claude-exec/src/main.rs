//! The `claude-exec` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    claude_exec::main()
}
