//! How a command ended: its exit code, and the error that it prints.

use tcolz_base::visible;

use super::output;

/// How a command that did not fail ended.
pub(crate) enum Ending {
    /// All is well.
    Done,
    /// Something is wrong with what was looked at (a damaged dataset).
    Failed,
    /// Finished, but with more bad inputs than allowed.
    TooManyBad,
    /// Finished, but the source is damaged.
    DamagedSource,
    /// Stopped by Ctrl-C.
    Interrupted,
}

/// The exit code of a command, once its error is printed.
pub(super) fn exit_code(result: anyhow::Result<Ending>) -> u8 {
    match result {
        Ok(Ending::Done) => 0,
        Ok(Ending::Failed) => 1,
        Ok(Ending::TooManyBad) => 3,
        Ok(Ending::DamagedSource) => 4,
        Ok(Ending::Interrupted) => 130,
        Err(error) => {
            print_error(&sentence(&error));
            1
        }
    }
}

/// Prints an error. Its further lines are indented, so that nothing it quotes looks like a message of its own.
pub(super) fn print_error(error: &str) {
    let error = visible::text(error).replace('\n', "\n  ");
    output::print_to_stderr(&format!("error: {error}\n"));
}

/// The error and its causes in one sentence. Many of our errors end with their cause already; it is not
/// said twice.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let colon = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{colon}{cause}");
        }
    }
    output::plain(&text)
}
