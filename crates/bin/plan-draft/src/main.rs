//! The `plan-draft` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    plan_draft::main()
}
