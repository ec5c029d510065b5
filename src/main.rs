//! The command `tcolz`: see `tcolz --help`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    tcolz::shard::name_lost_maps();
    cli::run()
}
