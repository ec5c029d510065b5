//! Pixels to draw on: tiles, and text in a bitmap font.

use font8x8::{BASIC_FONTS, GREEK_FONTS, LATIN_FONTS, UnicodeFonts};

/// Width and height of a character in pixels.
pub(super) const CHARACTER: usize = 8;

/// Interleaved RGB.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

impl Canvas {
    /// A canvas of one grey.
    pub(super) fn new(width: usize, height: usize, grey: u8) -> Canvas {
        Canvas { width, height, rgb: vec![grey; width * height * 3] }
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            self.rgb[(y * self.width + x) * 3..][..3].copy_from_slice(&colour);
        }
    }

    /// Draws the square of planes `[3, size, size]` with its upper left corner at (`left`, `top`), `side` pixels
    /// a side: each pixel is the mean of what it stands for.
    pub(super) fn tile(
        &mut self,
        left: usize,
        top: usize,
        side: usize,
        planes: &[u8],
        size: usize,
    ) {
        let cell = |index: usize| {
            let first = index * size / side;
            first..((index + 1) * size / side).max(first + 1)
        };
        for y in 0..side {
            for x in 0..side {
                let (rows, columns) = (cell(y), cell(x));
                let area = rows.len() * columns.len();
                let mean = |channel: usize| {
                    let line =
                        |row: usize| &planes[(channel * size + row) * size..][columns.clone()];
                    let values = rows.clone().flat_map(line);
                    ((values.map(|&value| usize::from(value)).sum::<usize>() + area / 2) / area)
                        as u8
                };
                self.set(left + x, top + y, [0, 1, 2].map(mean));
            }
        }
    }

    /// Fills a square.
    pub(super) fn fill(&mut self, left: usize, top: usize, side: usize, colour: [u8; 3]) {
        for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
            self.set(left + x, top + y, colour);
        }
    }

    /// Writes one line, whose upper left corner is (`left`, `top`). A character that the font lacks is a box.
    pub(super) fn text(&mut self, left: usize, top: usize, text: &str, colour: [u8; 3]) {
        for (index, character) in text.chars().enumerate() {
            for (y, bits) in glyph(character).into_iter().enumerate() {
                for x in (0..CHARACTER).filter(|x| bits >> x & 1 == 1) {
                    self.set(left + index * CHARACTER + x, top + y, colour);
                }
            }
        }
    }
}

/// Rows of a character from the top; the lowest bit is its left edge.
fn glyph(character: char) -> [u8; 8] {
    const BOX: [u8; 8] = [0x7E, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7E, 0];
    BASIC_FONTS
        .get(character)
        .or_else(|| LATIN_FONTS.get(character))
        .or_else(|| GREEK_FONTS.get(character))
        .unwrap_or(BOX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_lies_where_it_is_put_and_nowhere_else() {
        let planes: Vec<u8> = (1..=12).collect();
        let mut canvas = Canvas::new(3, 3, 0);
        canvas.tile(1, 0, 2, &planes, 2);
        let expected =
            [[[0, 0, 0], [1, 5, 9], [2, 6, 10]], [[0, 0, 0], [3, 7, 11], [4, 8, 12]], [[0; 3]; 3]];
        assert_eq!(canvas.rgb, expected.as_flattened().as_flattened());
    }

    #[test]
    fn a_smaller_tile_holds_means_and_a_larger_one_repeats_pixels() {
        let planes = [[10u8, 20, 30, 41], [0; 4], [255; 4]].concat();
        let mut canvas = Canvas::new(1, 1, 0);
        canvas.tile(0, 0, 1, &planes, 2);
        assert_eq!(canvas.rgb, [25, 0, 255]);
        let mut canvas = Canvas::new(4, 4, 7);
        canvas.tile(0, 0, 4, &planes, 2);
        let red: Vec<u8> = canvas.rgb.iter().step_by(3).copied().collect();
        assert_eq!(
            red,
            [[10, 10, 20, 20], [10, 10, 20, 20], [30, 30, 41, 41], [30, 30, 41, 41]].concat()
        );
    }

    #[test]
    fn text_is_drawn_character_by_character_and_cut_at_the_edge() {
        let mut canvas = Canvas::new(20, 8, 0);
        canvas.text(0, 0, "I?é", [9, 9, 9]);
        let lit = |from: usize, to: usize| {
            (0..8 * (to - from))
                .filter(|at| canvas.rgb[(at / (to - from) * 20 + from + at % (to - from)) * 3] == 9)
                .count()
        };
        assert!(lit(0, 8) > 10 && lit(8, 16) > 10 && lit(16, 20) > 0);
        assert_eq!(glyph('日'), glyph('本'), "the box");
        assert_ne!(glyph('é'), glyph('e'));
    }
}
