//! Cuts, scales and turns stored pixels round.

use super::{Augment, Drawn};
use tcolz_pixels::{Part, PlaneResizer, cut};

/// Augments the samples of one worker; it owns its scratch space.
#[derive(Debug)]
pub(crate) struct Augmenter {
    augment: Augment,
    seed: u64,
    epoch: u32,
    /// Height and width of what is stored.
    stored: [u32; 2],
    resizer: PlaneResizer,
    /// `[3, height, width]` of what comes out.
    planes: Vec<u8>,
}

impl Augmenter {
    /// For pictures of this height and width, in an epoch of a seed.
    pub(crate) fn new(augment: Augment, seed: u64, epoch: u32, stored: [u32; 2]) -> Augmenter {
        let [height, width] = augment.shape(stored).map(|side| side as usize);
        let (resizer, planes) = (PlaneResizer::new(), vec![0; 3 * height * width]);
        Augmenter { augment, seed, epoch, stored, resizer, planes }
    }

    /// What becomes of a sample; `None` where it stays as it is. `times` as in [`Augment::draw`].
    pub(crate) fn draw(&self, sample_id: &str, times: u32) -> Option<Drawn> {
        let drawn = self.augment.draw((self.seed, self.epoch), sample_id, times, self.stored);
        (!drawn.is_whole(self.stored)).then_some(drawn)
    }

    /// The augmented pixels of stored ones, both `[3, height, width]`.
    pub(crate) fn apply(&mut self, stored: &[u8], drawn: &Drawn) -> &[u8] {
        let of = self.stored.map(|side| side as usize);
        let Drawn { top, left, flipped, .. } = *drawn;
        let [height, width] = [drawn.height, drawn.width].map(|side| side as usize);
        let part = Part { top: top as isize, left: left as isize, height, width };
        if !drawn.is_scaled() {
            cut(stored, of, part, flipped, &mut self.planes);
            return &self.planes;
        }
        // A rectangle that is scaled lies inside of the picture and becomes a square.
        let scaled = self.resizer.resize(stored, of, part, drawn.side[0]);
        if !flipped {
            return scaled;
        }
        let [height, width] = drawn.side.map(|side| side as usize);
        let whole = Part { top: 0, left: 0, height, width };
        cut(scaled, [height, width], whole, true, &mut self.planes);
        &self.planes
    }
}
