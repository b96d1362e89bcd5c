//! The program; everything is in the library.

fn main() -> std::process::ExitCode {
    plan_tick::main()
}
