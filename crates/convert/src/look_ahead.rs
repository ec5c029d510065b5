//! A look ahead: what a conversion will take, before it begins or goes on, against what there is.

use std::ops::Range;

use super::error::ConvertError;
use super::forecast::{Forecast, Interval};
use super::observer::Observer;
use super::options::ConvertOptions;
use super::probe;
use super::recipe_views::check_recipe;
use crate::dump::Dump;
use tcolz_base::durable;
use tcolz_pixels::View;

/// A conversion probes one of so many photos, so that looking ahead takes a hundredth of the time …
const PROBED_PART: usize = 100;
/// … but not fewer and not more than this.
const PROBED: Range<usize> = 8..400;

/// Says what a conversion of `dump` will take, after sending at most `photos` photos through its pipeline.
/// Nothing is written.
///
/// # Errors
/// As [`convert`](super::convert()): for a recipe that contradicts itself, or a source that is gone.
pub fn plan(
    options: &ConvertOptions,
    dump: &Dump,
    photos: usize,
) -> Result<Forecast, ConvertError> {
    probe::forecast(options, dump, &check_recipe(options)?, 0, photos, true)
}

/// Compares what the inputs from number `first` on will take with what there is.
pub(super) fn look_ahead(
    options: &ConvertOptions,
    dump: &Dump,
    view: &View,
    first: usize,
    observer: &mut dyn Observer,
) -> Result<Forecast, ConvertError> {
    let left = dump.inputs.len() - first;
    let photos = (left / PROBED_PART).clamp(PROBED.start, PROBED.end);
    let forecast = probe::forecast(options, dump, view, first, photos, false)?;
    let free = durable::free_bytes(&options.out).ok();
    observer.forecast(&forecast, free);
    let Interval { low, high, .. } = forecast.dataset_bytes;
    match free {
        Some(free) if options.check_space && (free as f64) < low => Err(ConvertError::NoRoom {
            path: options.out.clone(),
            needed: low as u64,
            most: high as u64,
            free,
        }),
        _ => Ok(forecast),
    }
}
