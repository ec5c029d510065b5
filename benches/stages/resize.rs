//! Rows → `[3, 224, 224]`, beside fast_image_resize: two calls, width first (Pillow's order), and then
//! into planes. One iteration is one photo.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use fast_image_resize as fir;
use fir::images::{Image, ImageRef};
use tcolz_pixels::Resizer;
use tcolz_pixels::RowSink;
use tcolz_pixels::recipe::{Filter, Fit};

const SIZE: u32 = 224;
/// Rows of a strip, as the decoder gives them for JPEGs of common sampling.
const STRIP_ROWS: usize = 16;

const CASES: [(Filter, u32, u32); 6] = [
    (Filter::Nearest, 1024, 768),
    (Filter::Bilinear, 1024, 768),
    (Filter::Bilinear, 600, 800),
    (Filter::Bilinear, 4000, 3000),
    (Filter::Bicubic, 1024, 768),
    (Filter::Lanczos3, 1024, 768),
];

#[divan::bench(args = names(), sample_count = 50)]
fn tcolz(bencher: Bencher<'_, '_>, name: &str) {
    let (filter, width, height) = case(name);
    let rgb = picture(width, height);
    let mut resizer = Resizer::new(&[SIZE], Fit::Squash, filter);
    counted(bencher).bench_local(|| {
        resizer.start(width, height);
        let mut row = 0;
        for strip in rgb.chunks(STRIP_ROWS * 3 * width as usize) {
            resizer.rows(row, strip);
            row += STRIP_ROWS as u32;
        }
        black_box(resizer.planes(0));
    });
}

#[divan::bench(args = names().filter(|name| !name.starts_with("nearest")), sample_count = 50)]
fn fast_image_resize_in_two_calls(bencher: Bencher<'_, '_>, name: &str) {
    let (filter, width, height) = case(name);
    let filter = match filter {
        Filter::Bicubic => fir::FilterType::CatmullRom,
        Filter::Lanczos3 => fir::FilterType::Lanczos3,
        _ => fir::FilterType::Bilinear,
    };
    let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(filter));
    let rgb = picture(width, height);
    let mut resizer = fir::Resizer::new();
    let mut narrow = Image::new(SIZE, height, fir::PixelType::U8x3);
    let mut square = Image::new(SIZE, SIZE, fir::PixelType::U8x3);
    let pixels = (SIZE * SIZE) as usize;
    let mut planes = vec![0u8; 3 * pixels];
    counted(bencher).bench_local(|| {
        let source = ImageRef::new(width, height, &rgb, fir::PixelType::U8x3);
        let source = source.expect("a picture of this size");
        resizer.resize(&source, &mut narrow, &options).expect("two RGB pictures");
        resizer.resize(&narrow, &mut square, &options).expect("two RGB pictures");
        for (at, pixel) in square.buffer().chunks_exact(3).enumerate() {
            for channel in 0..3 {
                planes[channel * pixels + at] = pixel[channel];
            }
        }
        black_box(&planes);
    });
}

fn names() -> impl Iterator<Item = String> {
    CASES.into_iter().map(|(filter, width, height)| name(filter, width, height))
}

fn name(filter: Filter, width: u32, height: u32) -> String {
    format!("{filter} {width}x{height}")
}

fn case(wanted: &str) -> (Filter, u32, u32) {
    let found = CASES.into_iter().find(|&(filter, w, h)| name(filter, w, h) == wanted);
    found.expect("the names are made from the cases")
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1u32;
    (0..width * height * 3)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((at / 3 % width) as u8).wrapping_add((state >> 28) as u8)
        })
        .collect()
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(1usize)).counter(BytesCount::new(3 * SIZE * SIZE))
}
