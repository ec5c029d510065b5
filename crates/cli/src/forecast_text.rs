//! How a forecast reads: its intervals, and what it warns of.

use tcolz_convert::{Forecast, Interval};

use super::output::{bytes, duration, plural};

/// What to say where not one of the probed photos is there.
pub(super) fn nothing_there(forecast: &Forecast) -> Option<String> {
    let Forecast { probed, probed_missing, .. } = *forecast;
    (probed > 0 && probed == probed_missing).then(|| {
        format!(
            "none of the {} that were looked for is there; is the dump unpacked, and are the lists' \
             paths relative to it?",
            plural(probed, "photo")
        )
    })
}

/// Whether a forecast fits on a disk, in words.
pub(super) fn room(forecast: &Forecast, free: u64) -> &'static str {
    let free = free as f64;
    match forecast.dataset_bytes {
        Interval { high, .. } if free >= high => "",
        Interval { low, .. } if free >= low => ": this may not be enough",
        _ => ": this is not enough",
    }
}

/// `21 min (18 min to 27 min)`.
pub(super) fn times(interval: Interval) -> String {
    let Interval { low, expected, high } = interval;
    format!("{} ({} to {})", duration(expected), duration(low), duration(high))
}

/// `25.0 GB (24.1 GB to 25.9 GB)`.
pub(super) fn sizes(interval: Interval) -> String {
    let [low, expected, high] =
        [interval.low, interval.expected, interval.high].map(|value| bytes(value as u64));
    format!("{expected} ({low} to {high})")
}
