//! The command `tcolz` for a GPU: `make cuda` builds it.

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tcolz_cli::run()
}
