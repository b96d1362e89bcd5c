//! The `codex-exec` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    codex_exec::main()
}
