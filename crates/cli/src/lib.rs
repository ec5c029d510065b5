//! The command line: arguments → one library call → what a person or a script reads.

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod args;
mod bench;
mod command_line;
mod complete;
mod convert;
mod demo;
mod dump_args;
mod ending;
mod evaluate;
mod forecast_text;
mod help;
mod inspect;
mod output;
mod plan;
mod predict;
mod progress;
mod recipe_args;
mod repair;
mod select_args;
mod serve;
mod serve_args;
mod show;
mod stop;
mod study;
mod train;
mod verify;
mod weights;
mod wrap;

pub use command_line::run;
