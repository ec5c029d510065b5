//! Every stage by itself, for work on that stage: `cargo bench --bench stages -- decode::`.
//!
//! ```text
//! decode   bytes → RGB, beside libjpeg-turbo's own call      resize   rows → [3, 224, 224], beside fast_image_resize
//! codec    tensor ↔ frame, beside plain zstd                 shard    rows ↔ file
//! augment  [3, 224, 224] → flipped, cropped, scaled          model    a training step
//! ```
//!
//! Photos come from `TCOLZ_BENCH_PHOTOS` (a folder, searched whole), else they are made up. Throughput
//! is in photos (items) and bytes a second: of the file for `decode`, of the u8 tensor for the rest.
//!
//! divan and not criterion: it brings three small crates where criterion brings thirty, and has counters
//! for several units. What is measured for the record, with ratios, is in `benches/results`.

mod augment;
mod codec;
mod decode;
mod model;
#[path = "../common/photos.rs"]
mod photos;
mod resize;
mod shard;
#[path = "../common/turbo.rs"]
mod turbo;

fn main() {
    codec::print_ratio();
    divan::main();
}
