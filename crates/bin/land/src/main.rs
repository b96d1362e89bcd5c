//! The `land` program; everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    land::main()
}
