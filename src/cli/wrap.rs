//! Help that wraps well: no line of one word alone at the end of a paragraph, whatever the width of the terminal.

use clap::{Arg, Command};

/// Binds two words together: clap breaks lines at plain spaces only.
const NO_BREAK: &str = "\u{a0}";

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
    let Some(help) = arg.get_help() else { return arg };
    let mut parts = vec![help.to_string()];
    let takes_value = arg.get_num_args().is_none_or(|number| number.takes_values());
    if takes_value && !arg.is_hide_default_value_set() && !arg.get_default_values().is_empty() {
        let values = arg.get_default_values().iter().map(|value| value.to_string_lossy());
        parts.push(format!("[default: {}]", values.collect::<Vec<_>>().join(" ")));
    }
    let choices = arg.get_possible_values();
    if takes_value && !arg.is_hide_possible_values_set() && !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|choice| choice.get_name()).collect();
        parts.push(format!("[possible values: {}]", names.join(", ")));
    }
    let parts: Vec<String> = parts.iter().map(|part| bound(part)).collect();
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
        for columns in [80, 100] {
            let all = super::super::command();
            let names: Vec<_> =
                all.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            let pages = names.iter().flat_map(|name| [(name, "-h"), (name, "--help")]);
            for (name, flag) in pages {
                let command = super::super::command().term_width(columns);
                let words = ["tcolz", name, flag];
                let help = command.try_get_matches_from(words).unwrap_err().to_string();
                let lines: Vec<&str> = help.lines().collect();
                for pair in lines.windows(2) {
                    let [before, line] = pair else { continue };
                    let wide = line.chars().count();
                    assert!(wide <= columns, "{name} {flag} at {columns}: {wide}: {line}");
                    let full = before.chars().count() > columns * 3 / 4;
                    let alone = !line.is_empty() && !line.trim().contains([' ', '\u{a0}']);
                    let option = line.trim_start().starts_with('-');
                    assert!(
                        !(full && alone) || option,
                        "{name} {flag} at {columns}:\n{before}\n{line}"
                    );
                }
            }
        }
    }
}
