//! The command line, nothing else: see the library beside this file.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    histories::cli::main()
}
