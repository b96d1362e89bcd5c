//! The `stage-check` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    stage_check::main()
}
