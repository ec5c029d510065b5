//! Any bytes as a photo: an error or a picture within the limits.

#![no_main]

mod quiet;

use libfuzzer_sys::fuzz_target;
use tcolz_photo::{DecodeLimits, Decoder, ScaleTo, probe};
use tcolz_pixels::recipe::{Filter, Fit};
use tcolz_pixels::Resizer;

fuzz_target!(init: quiet::about_caught_panics(), |bytes: &[u8]| {
    let limits = DecodeLimits { max_pixels: 100_000, max_scans: 20 };
    let _ = probe(bytes, &limits);
    let mut decoder = Decoder::new(limits);
    for scale in [None, Some(ScaleTo { size: 16, fit: Fit::Squash })] {
        let mut resizer = Resizer::new(&[16], Fit::Squash, Filter::Bilinear);
        if decoder.decode(bytes, scale, &mut resizer).is_ok() {
            assert_eq!(resizer.planes(0).len(), 3 * 16 * 16);
        }
    }
});
