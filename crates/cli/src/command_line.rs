//! From what was typed to a command and its exit code.

use std::any::TypeId;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{CommandFactory, FromArgMatches};
use tcolz_base::out_of_memory::NotingAllocator;
use tcolz_base::storage::local_path;
use tcolz_base::visible;

use super::args::{Args, Command};
use super::ending::{Ending, exit_code, print_error};
use super::{
    bench, complete, convert, demo, evaluate, inspect, output, plan, predict, repair, serve, show,
    study, train, verify, weights, wrap,
};

#[global_allocator]
static ALLOCATOR: NotingAllocator = NotingAllocator;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    tcolz_base::out_of_memory::say_when_out_of_memory();
    tcolz_format::shard::name_lost_maps();
    tcolz_base::door::enter(tcolz_base::door::Door::Command);
    tcolz_base::usage::refuse_too_large_files();
    let typed: Vec<OsString> = std::env::args_os().collect();
    let code = match parse(&typed) {
        Ok(args) => exit_code(run_command(args.command)),
        Err(error) => wrong_usage(&with_visible_arguments(error, &typed)),
    };
    match output::lost() {
        None => ExitCode::from(code),
        Some(why) => {
            print_error(&why);
            ExitCode::from(code.max(1))
        }
    }
}

fn parse(typed: &[OsString]) -> Result<Args, clap::Error> {
    command().try_get_matches_from(typed).and_then(|found| Args::from_arg_matches(&found))
}

/// Files that any command may need at a time, beside shards.
const FILES: u64 = 16;

fn run_command(command: Command) -> anyhow::Result<Ending> {
    if let Err((needed, most)) = tcolz_base::usage::allow_open_files(FILES) {
        anyhow::bail!(
            "{most} files may be open at a time (ulimit -n), and at least {needed} are needed: raise that limit"
        );
    }
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Completions(args) => complete::run(&args),
    }
}

/// The command line. No path may be a URL, in whichever argument it stands.
pub(super) fn command() -> clap::Command {
    let checked = |arg: clap::Arg| match arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
    {
        true => arg.value_parser(PathBufValueParser::new().try_map(local_path)),
        false => arg,
    };
    wrap::without_orphans(Args::command().mut_subcommands(|command| command.mut_args(checked)))
}

/// The error again, about arguments in which control characters are escaped: clap quotes them as they are.
fn with_visible_arguments(error: clap::Error, typed: &[OsString]) -> clap::Error {
    let typed = typed.iter().map(|word| word.to_string_lossy());
    let shown: Vec<OsString> =
        typed.clone().map(|word| visible::one_line(&word).into_owned().into()).collect();
    let clean = typed.zip(&shown).all(|(word, shown)| *word == **shown);
    if clean { error } else { parse(&shown).err().unwrap_or(error) }
}

/// Prints what is wrong with the arguments, or the help that they ask for.
fn wrong_usage(error: &clap::Error) -> u8 {
    let to_stderr = error.use_stderr();
    let is_terminal =
        if to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
    let styled = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = error.render();
    let text = if styled { text.ansi().to_string() } else { text.to_string() };
    let text = wrap::unbound(&output::plain_arguments(&text));
    if to_stderr {
        output::print_to_stderr(&text);
        return 2;
    }
    output::print_styled(&text);
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A later version may read them; until then a URL would make a folder called `s3:`.
    #[test]
    fn a_url_is_refused_in_every_argument_that_is_a_path() {
        let mut seen = 0;
        // Built, so that positional arguments have their places.
        let mut all = Args::command();
        all.build();
        for command in all.get_subcommands() {
            for arg in command.get_arguments() {
                if arg.get_value_parser().type_id() != TypeId::of::<PathBuf>() {
                    continue;
                }
                let mut words = vec!["tcolz".to_owned(), command.get_name().to_owned()];
                match arg.get_long() {
                    Some(long) => words.push(format!("--{long}")),
                    None => words.extend((1..arg.get_index().unwrap()).map(|_| "x".to_owned())),
                }
                words.push("s3://bucket/x".to_owned());
                let error = super::command().try_get_matches_from(&words).unwrap_err().to_string();
                assert!(
                    error.contains("s3://bucket/x") && error.contains("a URL"),
                    "{words:?}: {error}"
                );
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen}");
        // Those whose ending is tested, too.
        for words in ["inspect x --sheet s3://bucket/x.png", "show x y --png s3://bucket/x.png"] {
            let words = format!("tcolz {words}");
            let words = words.split(' ');
            let error = super::command().try_get_matches_from(words).unwrap_err().to_string();
            assert!(error.contains("a URL"), "{error}");
        }
    }
}
