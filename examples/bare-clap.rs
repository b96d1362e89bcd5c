//! The least that a stage can be: it parses its arguments with clap and reads stdin to the end.
//!
//! `make bench` compares the start-up of our stages with this.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Reads stdin to the end and does nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// A file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// A switch
    #[arg(long)]
    switch: bool,

    /// A name, from the environment too
    #[arg(long, value_name = "NAME", env = "BARE_CLAP_NAME")]
    name: Option<String>,
}

fn main() -> ExitCode {
    let _ = Args::parse();
    match io::copy(&mut io::stdin().lock(), &mut io::sink()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
