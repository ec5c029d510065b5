//! Help that wraps well: no line of one word alone at the end of a paragraph, whatever the width of the terminal.

use clap::{Arg, Command};

/// Binds two words together: clap breaks lines at plain spaces only.
const NO_BREAK: char = '\u{a0}';

/// A help as it is printed, once its lines are broken: with plain spaces, as people search for them.
pub(super) fn unbound(help: &str) -> String {
    help.replace(NO_BREAK, " ")
}

/// Binds the last words of all descriptions. Examples and tables, whose lines are indented, stay as they are.
pub(super) fn without_orphans(command: Command) -> Command {
    let about = command.get_about().map(|about| bound(&about.to_string()));
    let after = [command.get_after_help(), command.get_after_long_help()];
    let [after, after_long] = after.map(|text| text.map(|text| bound(&text.to_string())));
    let command = command.mut_args(described).mut_subcommands(without_orphans);
    let command = about.into_iter().fold(command, Command::about);
    let command = after.into_iter().fold(command, Command::after_help);
    after_long.into_iter().fold(command, Command::after_long_help)
}

/// Describes an argument with its default and its choices, which clap would add with a space to break at.
fn described(arg: Arg) -> Arg {
    let Some(help) = arg.get_help().map(|help| bound(&help.to_string())) else { return arg };
    if !arg.get_action().takes_values() {
        return arg.help(help);
    }
    let mut parts = vec![help];
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults: Vec<_> = defaults.filter(|_| !arg.is_hide_default_value_set()).collect();
    if !defaults.is_empty() {
        parts.push(bound(&format!("[default: {}]", defaults.join(" "))));
    }
    let choices = arg.get_possible_values();
    let shown = !arg.is_hide_possible_values_set();
    let choices: Vec<_> =
        choices.iter().filter(|_| shown).map(|choice| choice.get_name()).collect();
    if !choices.is_empty() {
        parts.push(bound(&format!("[possible values: {}]", choices.join(", "))));
    }
    arg.help(parts.join(" ")).hide_default_value(true).hide_possible_values(true)
}

/// The last two words of each paragraph bound together.
fn bound(text: &str) -> String {
    let lines = text.split('\n').map(|line| match line.rsplit_once(' ') {
        Some((before, last)) if !line.starts_with(' ') => format!("{before}{NO_BREAK}{last}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    /// A line that ends full is one that was wrapped.
    #[test]
    fn no_help_is_wider_than_the_terminal_or_ends_in_a_line_of_one_word() {
        let mut faults = Vec::new();
        for columns in [80, 100] {
            let all = crate::command_line::command();
            let names: Vec<_> =
                all.get_subcommands().map(|one| one.get_name().to_owned()).collect();
            let pages = names.iter().flat_map(|name| [(name, "-h"), (name, "--help")]);
            for (name, flag) in pages {
                let command = crate::command_line::command().term_width(columns);
                let help = command.try_get_matches_from(["tcolz", name, flag]).unwrap_err();
                let help = super::unbound(&help.to_string());
                let lines: Vec<&str> = help.lines().collect();
                for pair in lines.windows(2) {
                    let [before, line] = [pair[0], pair[1]];
                    let full = before.chars().count() > columns * 3 / 4;
                    let alone = line.split_whitespace().count() == 1;
                    let option = line.trim_start().starts_with('-');
                    if line.chars().count() > columns || (full && alone && !option) {
                        faults.push(format!("{name} {flag} at {columns}:\n{before}\n{line}"));
                    }
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
