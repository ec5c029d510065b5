//! Colours and letters of charts: one theme for light pages, one for dark ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::OnceLock;

use plotters::style::{FontStyle, RGBColor, register_font};

/// Family of the charts' letters.
pub(super) const FONT: &str = "Inter Subset";

/// The letters; see `font/subset.py`.
pub(super) const FONT_BYTES: &[u8] = include_bytes!("font/Inter-Subset.ttf");

/// Height of letters in pixels of the chart.
pub(super) const LETTERS: f64 = 13.0;

/// Colours of a chart.
#[derive(Debug)]
pub(super) struct Theme {
    /// What a picture that stands by itself is drawn on: the colour of the page's cards.
    pub(super) paper: RGBColor,
    /// Cells of a share of 0.
    pub(super) empty: RGBColor,
    /// Cells of a share of 1.
    pub(super) full: RGBColor,
    /// Words.
    pub(super) ink: RGBColor,
    /// Axes.
    pub(super) axis: RGBColor,
    /// Lines behind the data.
    pub(super) grid: RGBColor,
    /// Series in their order: after Okabe and Ito, whom people with any kind of colour vision can follow.
    pub(super) series: [RGBColor; 6],
}

/// For light pages.
pub(super) const LIGHT: Theme = Theme {
    paper: RGBColor(0xff, 0xff, 0xff),
    empty: RGBColor(0xee, 0xf3, 0xf7),
    full: RGBColor(0x00, 0x4f, 0x85),
    ink: RGBColor(0x3a, 0x43, 0x50),
    axis: RGBColor(0x9a, 0xa3, 0xaf),
    grid: RGBColor(0xe3, 0xe7, 0xec),
    series: [
        RGBColor(0x00, 0x72, 0xb2),
        RGBColor(0xd5, 0x5e, 0x00),
        RGBColor(0x00, 0x9e, 0x73),
        RGBColor(0xb7, 0x5c, 0x92),
        RGBColor(0xb8, 0x7f, 0x00),
        RGBColor(0x6b, 0x74, 0x80),
    ],
};

/// For dark pages.
pub(super) const DARK: Theme = Theme {
    paper: RGBColor(0x19, 0x1e, 0x25),
    empty: RGBColor(0x25, 0x2c, 0x35),
    full: RGBColor(0x6f, 0xc0, 0xf2),
    ink: RGBColor(0xc5, 0xcc, 0xd6),
    axis: RGBColor(0x6b, 0x76, 0x85),
    grid: RGBColor(0x2e, 0x35, 0x3f),
    series: [
        RGBColor(0x56, 0xb4, 0xe9),
        RGBColor(0xff, 0x8f, 0x4d),
        RGBColor(0x2f, 0xc4, 0x98),
        RGBColor(0xe5, 0x9c, 0xc6),
        RGBColor(0xf0, 0xc2, 0x4b),
        RGBColor(0xa7, 0xb0, 0xbd),
    ],
};

/// Makes the letters known to the chart library; false where it does not take them.
pub(super) fn letters_are_known() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| register_font(FONT, FontStyle::Normal, FONT_BYTES).is_ok())
}

/// The style of every page of ours: its letters, which are inside, and its colours.
pub fn page_style() -> String {
    let letters = STANDARD.encode(FONT_BYTES);
    format!(
        "@font-face {{ font-family: \"{FONT}\"; src: url(\"data:font/ttf;base64,{letters}\") format(\"truetype\"); }}\n{}",
        include_str!("page.css").trim_end()
    )
}
