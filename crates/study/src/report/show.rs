//! How numbers of a study read.

use super::piece::{Text, Traced};
pub(super) use tcolz_base::numbers::rate;
use tcolz_base::numbers::{bytes, count};

/// `0.768`: a share of samples.
pub(super) fn share(value: f64) -> String {
    format!("{value:.3}")
}

/// `12.3 %` of a share.
pub(super) fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// `1,234`.
pub(super) fn whole(value: f64) -> String {
    if value < 0.0 { format!("-{}", count(-value as u64)) } else { count(value as u64) }
}

/// `13.9 MB`: 10^6 bytes.
pub(super) fn size(value: f64) -> String {
    bytes(value as u64)
}

/// `+0.012`.
pub(super) fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

/// A time in the unit that suits it: `9.3 ms`, `41.2 s`, `12 min 05 s`, `5 h 20 min`.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        ..1.0 => format!("{:.1} ms", 1000.0 * seconds),
        1.0..120.0 => format!("{seconds:.1} s"),
        _ => {
            let whole = seconds.round() as u64;
            match whole {
                ..7200 => format!("{} min {:02} s", whole / 60, whole % 60),
                _ => {
                    let minutes = (seconds / 60.0).round() as u64;
                    format!("{} h {:02} min", minutes / 60, minutes % 60)
                }
            }
        }
    }
}

/// `93.10 ms`: a short time; slot 0.
pub(super) fn short_time(seconds: Option<Traced>) -> Text {
    Text::number(seconds, |seconds| {
        let (value, unit) = if seconds < 1.0 { (1000.0 * seconds, "ms") } else { (seconds, "s") };
        let digits = if value < 100.0 { 2 } else { 1 };
        format!("{value:.digits$} {unit}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_in_the_unit_that_they_are_in() {
        for (seconds, text) in [
            (0.0093, "9.3 ms"),
            (0.9999, "999.9 ms"),
            (41.23, "41.2 s"),
            (119.9, "119.9 s"),
            (725.0, "12 min 05 s"),
            (7199.4, "119 min 59 s"),
            (7199.6, "2 h 00 min"),
            (19_230.0, "5 h 21 min"),
            (252_000.0, "70 h 00 min"),
        ] {
            assert_eq!(time(seconds), text, "{seconds}");
        }
        let given = |value| Some(Traced::given(value, String::new()));
        assert_eq!(short_time(given(0.0931)).to_string(), "93.10 ms");
        assert_eq!(short_time(given(2.5)).to_string(), "2.50 s");
        assert_eq!(short_time(None).to_string(), "–");
    }

    #[test]
    fn shares_counts_sizes_and_rates_have_the_digits_that_they_deserve() {
        assert_eq!((share(0.7684), percent(0.1234)), ("0.768".to_owned(), "12.3 %".to_owned()));
        assert_eq!([whole(51_000.0), whole(-1234.0)], ["51,000", "-1,234"]);
        assert_eq!([rate(0.834), rate(41.23), rate(1234.5)], ["0.834", "41.2", "1,230"]);
        assert_eq!([signed(0.0123), signed(-0.5)], ["+0.012", "-0.500"]);
        assert_eq!(size(13_900_000.0), "13.9 MB");
    }
}
