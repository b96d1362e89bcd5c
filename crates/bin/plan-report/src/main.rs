//! The `plan-report` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    plan_report::main()
}
