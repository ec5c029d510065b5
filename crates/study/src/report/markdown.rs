//! A report as Markdown, with its pictures beside it.

use super::section::{Block, Report};
use super::table::escaped;

/// The whole report.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("# {}\n\n{}\n", escaped(&report.title), escaped(&report.subtitle));
    for section in &report.sections {
        text.push_str(&format!("\n## {}\n", escaped(&section.title)));
        for block in &section.blocks {
            text.push('\n');
            match block {
                Block::Paragraph(words) => {
                    text.push_str(&format!("{}\n", escaped(&words.to_string())));
                }
                Block::Warning(words) => {
                    text.push_str(&format!("> **{}**\n", escaped(&words.to_string())));
                }
                Block::List(items) => {
                    for item in items {
                        text.push_str(&format!("- {}\n", escaped(&item.to_string())));
                    }
                }
                Block::Pictures(pictures) => {
                    for picture in pictures {
                        let (alt, name) = (escaped(&picture.alt), &picture.name);
                        text.push_str(&format!("![{alt}](pictures/{name}.png)\n"));
                    }
                }
                Block::Table(table) => {
                    text.push_str(&format!("### {}\n\n", escaped(&table.title)));
                    let note = table.note.to_string();
                    if !note.is_empty() {
                        text.push_str(&format!("{}\n\n", escaped(&note)));
                    }
                    text.push_str(&table.markdown());
                    text.push_str(&format!("\n[{0}.csv](tables/{0}.csv)\n", table.name));
                }
            }
        }
    }
    text
}
