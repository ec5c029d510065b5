//! `tcolz completions`.

use clap::CommandFactory;

use super::args::{Args, CompletionsArgs};
use super::ending::Ending;
use super::output::print;

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tcolz", &mut script);
    print(&String::from_utf8_lossy(&script));
    Ok(Ending::Done)
}
