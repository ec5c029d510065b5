//! The command `tcolz`: see `tcolz --help`.

#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod cli;

use std::process::ExitCode;

use tcolz::out_of_memory::NotingAllocator;

#[global_allocator]
static ALLOCATOR: NotingAllocator = NotingAllocator;

fn main() -> ExitCode {
    tcolz::shard::name_lost_maps();
    tcolz::out_of_memory::say_when_out_of_memory();
    tcolz::usage::refuse_too_large_files();
    cli::run()
}
