//! The command `tcolz`: see `tcolz --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tcolz_cli::run()
}
