//! Augmenting pixels `[3, 224, 224]` u8: what comes on top of decoding. One iteration is one photo, each with
//! another draw.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tcolz_loader::augment::{Augment, Crop, Drawn};
use tcolz_pixels::{Part, PlaneResizer, cut};

const SIDE: u32 = 224;
const SHAPE: [usize; 2] = [SIDE as usize; 2];
/// Other draws, in turn.
const DRAWS: u32 = 512;

#[divan::bench]
fn flipped(bencher: Bencher<'_, '_>) {
    cutting(bencher, Augment { crop: Crop::None, flip: 1.0 });
}

#[divan::bench]
fn crop_of_192(bencher: Bencher<'_, '_>) {
    cutting(bencher, Augment { crop: Crop::random(192), flip: 0.5 });
}

#[divan::bench]
fn crop_in_a_border_of_16(bencher: Bencher<'_, '_>) {
    let crop = Crop::Random { side: None, padding: 16 };
    cutting(bencher, Augment { crop, flip: 0.5 });
}

#[divan::bench]
fn resized_crop(bencher: Bencher<'_, '_>) {
    let planes = picture();
    let mut drawn = drawn(Augment { crop: Crop::resized(), flip: 0.0 });
    let mut resizer = PlaneResizer::new();
    counted(bencher).bench_local(|| {
        let drawn = drawn.next().expect("a cycle");
        black_box(resizer.resize(&planes, SHAPE, part(&drawn), SIDE));
    });
}

/// Drawing alone, the id's hash included.
#[divan::bench]
fn drawing_a_resized_crop_and_a_flip(bencher: Bencher<'_, '_>) {
    let augment = Augment { crop: Crop::resized(), flip: 0.5 };
    let mut times = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        times += 1;
        black_box(augment.draw((1, 0), "data/76012/760123456789012345-1.jpg", times, [SIDE; 2]))
    });
}

fn cutting(bencher: Bencher<'_, '_>, augment: Augment) {
    let planes = picture();
    let mut drawn = drawn(augment);
    let side = augment.shape([SIDE; 2])[0] as usize;
    let mut out = vec![0; 3 * side * side];
    counted(bencher).bench_local(|| {
        let drawn = drawn.next().expect("a cycle");
        cut(&planes, SHAPE, part(&drawn), drawn.flipped, &mut out);
        black_box(&mut out);
    });
}

fn drawn(augment: Augment) -> impl Iterator<Item = Drawn> {
    let draw = |n: u32| augment.draw((1, 0), &format!("{n}.jpg"), 0, [SIDE; 2]);
    (0..DRAWS).map(draw).collect::<Vec<_>>().into_iter().cycle()
}

fn part(drawn: &Drawn) -> Part {
    let [height, width] = [drawn.height, drawn.width].map(|side| side as usize);
    Part { top: drawn.top as isize, left: drawn.left as isize, height, width }
}

fn picture() -> Vec<u8> {
    (0..3 * SIDE * SIDE).map(|i| (i * 37 + i / SIDE * 11) as u8).collect()
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(1usize)).counter(BytesCount::new(3 * SIDE * SIDE))
}
