//! The command `tcolz`: see `tcolz --help`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tcolz_cli::run()
}
