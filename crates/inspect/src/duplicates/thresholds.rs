//! When two pictures are nearly the same.
//!
//! The thresholds come from looking at the Twitter Testing Dataset: of its 805,000 pairs 25 are the same picture
//! to the eye (13 the same file), with hashes at most 3 bits apart and a difference of at most 9.1 levels; one of
//! them is darker than its twin, one lacks text, others were only compressed again. The most alike of all other
//! pairs are different photos, which differ by 21.9 levels.

/// Cells a side of the grid on which near duplicates are compared: fine enough to tell photos apart, coarse enough
/// that noise, compression and a shift by a pixel vanish.
pub const GRID: usize = 16;

/// Largest difference of near duplicates: the root of the mean square difference of the grid's cells over the
/// three channels, in levels of 0 to 255. Between 9.1 and 21.9, see above, and nearer to the former: a
/// duplicate too many costs a look, and two photos of one scene are not the same photo.
pub const MAX_DIFFERENCE: f64 = 12.0;
