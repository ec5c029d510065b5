//! The command `tcolz`: see `tcolz --help`.

#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod cli;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tcolz::usage::LastWordAllocator = tcolz::usage::LastWordAllocator;

fn main() -> ExitCode {
    tcolz::shard::name_lost_maps();
    tcolz::usage::refuse_too_large_files();
    cli::run()
}
