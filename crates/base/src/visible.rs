//! Text from outside, shown so that it can do nothing to a terminal: names, lines of lists, metadata, what others wrote.
//!
//! A control character may move the cursor, recolour or rename a terminal, and an override of the writing direction shows a name
//! backwards. Both are written as JSON writes them, `\u001b`: JSON that is treated so keeps its meaning.

use std::borrow::Cow;
use std::fmt::Write;

/// A text of several lines: newlines and tabs stay.
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |character| !matches!(character, '\n' | '\t') && is_hidden(character))
}

/// A text that is one line, whatever it holds: nothing in it begins a line of its own.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// Control characters (C0, DEL, C1), separators of lines, and what overrides or isolates a writing direction.
fn is_hidden(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if is_escaped(character) => shown.push_str("\\n"),
            _ if is_escaped(character) => {
                let _ = write!(shown, "\\u{:04x}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[31m\u{7}\u{7f}\u{9b}2J\r\u{202e}gpj.exe\u{2066}\u{2028}\nerror: b\tc";

    #[test]
    fn what_could_steer_a_terminal_is_shown_and_the_rest_stays() {
        let shown = r"a\u001b[31m\u0007\u007f\u009b2J\u000d\u202egpj.exe\u2066\u2028";
        assert_eq!(text(HOSTILE), format!("{shown}\nerror: b\tc"));
        assert_eq!(one_line(HOSTILE), format!(r"{shown}\nerror: b\u0009c"));
        let plain = "Fotos/Größe 3 × 4 – ‘שלום’ 日本.jpg";
        assert!(matches!(text(plain), Cow::Borrowed(same) if same == plain));
        assert!(matches!(one_line(plain), Cow::Borrowed(same) if same == plain));
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "\\u001b"] });
        let json = format!("{value:#}\n");
        let shown = text(&json);
        assert!(shown.chars().all(|character| character == '\n' || !is_hidden(character)));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
