//! Bytes → RGB. One iteration decodes every photo of its kind.

use std::fmt;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tcolz_photo::{DecodeLimits, Decoder, ScaleTo};
use tcolz_pixels::RowSink;
use tcolz_pixels::recipe::Fit;

use crate::photos::photos;
use crate::turbo::Turbo;

const SIZE: u32 = 224;

#[derive(Clone, Copy)]
struct Kind {
    progressive: bool,
    scaled: bool,
}

const KINDS: [Kind; 4] = [
    Kind { progressive: false, scaled: false },
    Kind { progressive: false, scaled: true },
    Kind { progressive: true, scaled: false },
    Kind { progressive: true, scaled: true },
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = if self.progressive { "progressive" } else { "baseline" };
        write!(f, "{coding} {}", if self.scaled { "scaled" } else { "exact" })
    }
}

impl Kind {
    fn files(self) -> &'static [Vec<u8>] {
        if self.progressive { &photos().progressive } else { &photos().baseline }
    }
}

/// Looks at one byte of each strip: the rows are made, and nothing else.
struct Glance(u8);

impl RowSink for Glance {
    fn start(&mut self, _width: u32, _height: u32) {}

    fn rows(&mut self, _first_row: u32, rgb: &[u8]) {
        self.0 ^= rgb[rgb.len() - 1];
    }
}

#[divan::bench(args = KINDS, sample_count = 15, sample_size = 1)]
fn tcolz(bencher: Bencher<'_, '_>, kind: Kind) {
    let scale = kind.scaled.then_some(ScaleTo { size: SIZE, fit: Fit::Squash });
    let mut decoder = Decoder::new(DecodeLimits::default());
    counted(bencher, kind).bench_local(|| {
        for bytes in kind.files() {
            let mut sink = Glance(0);
            let _ = black_box(decoder.decode(bytes, scale, &mut sink));
            black_box(sink.0);
        }
    });
}

/// `tj3Decompress8` into one recycled picture.
#[divan::bench(args = KINDS, sample_count = 15, sample_size = 1)]
fn libjpeg_turbo_alone(bencher: Bencher<'_, '_>, kind: Kind) {
    let mut turbo = Turbo::new();
    counted(bencher, kind).bench_local(|| {
        for bytes in kind.files() {
            black_box(turbo.decode(bytes, kind.scaled.then_some(SIZE)));
        }
    });
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, kind: Kind) -> Bencher<'a, 'b> {
    let bytes: usize = kind.files().iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(kind.files().len())).counter(BytesCount::new(bytes))
}
