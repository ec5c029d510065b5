//! Axes whose ticks are chosen here: round numbers, few enough that their labels never meet.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use tcolz_base::numbers::count;

/// Ticks at most.
const MOST: usize = 6;

/// A linear axis. Where its end lies before its start it runs the other way.
#[derive(Debug, Clone)]
pub struct Axis {
    start: f64,
    end: f64,
    /// Places and labels.
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis with ticks at chosen places.
    pub fn with_ticks(start: f64, end: f64, ticks: Vec<(f64, String)>) -> Axis {
        Axis { start, end, ticks }
    }

    /// Where it ends.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Places and labels of its ticks.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// How far a value lies from the start to the end: 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.start) / (self.end - self.start)
    }

    /// From 0 to a round number that is at least `most`, which is at least `least`.
    pub fn from_zero(most: f64, least: f64, label: impl Fn(f64) -> String) -> Axis {
        let most = if most.is_finite() { most.max(least) } else { least };
        let step = round_step(most / (MOST - 1) as f64).max(if least >= 1.0 { 1.0 } else { 0.0 });
        let steps = (most / step - 1e-9).ceil().max(1.0) as usize;
        let ticks = (0..=steps).map(|tick| (tick as f64 * step, label(tick as f64 * step)));
        Axis { start: 0.0, end: steps as f64 * step, ticks: ticks.collect() }
    }

    /// From `start` to `end` with ticks at round numbers between.
    pub fn between(start: f64, end: f64, label: impl Fn(f64) -> String) -> Axis {
        let step = round_step((end - start) / MOST as f64);
        let (first, last) =
            ((start / step - 1e-9).ceil() as i64, (end / step + 1e-9).floor() as i64);
        let ticks = (first..=last).map(|tick| (tick as f64 * step, label(tick as f64 * step)));
        Axis { start, end, ticks: ticks.collect() }
    }

    /// Of logarithms to base 2, over whole decades or halves of them that hold `low` and `high`, both above 0;
    /// ticks at powers of ten, and between them where there are few.
    pub fn decades(low: f64, high: f64, label: impl Fn(f64) -> String) -> Axis {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let last = last.max(first + 1);
        let every = ((last - first) as usize).div_ceil(MOST) as i32;
        let digits: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = (first..=last).filter(|power| (power - first) % every == 0);
        let places = powers.flat_map(|power| digits.iter().map(move |digit| (digit, power)));
        // As a decimal text: the powers of ten that a multiplication gives are not round.
        let value = |(digit, power): (&f64, i32)| format!("{digit}e{power}").parse().unwrap_or(1.0);
        let ends = [first, last].map(|power| value((&1.0, power)));
        let ticks = places.map(value).filter(|value: &f64| *value <= ends[1]);
        let ticks = ticks.map(|value| (value.log2(), label(value))).collect();
        Axis { start: ends[0].log2(), end: ends[1].log2(), ticks }
    }

    /// Of logarithms to base 2, from that of `start` to that of `end`, both above 0; ticks at 1, 2, 5, 10 …
    pub fn doubling(start: f64, end: f64, label: impl Fn(f64) -> String) -> Axis {
        let within = |value: &f64| (start..=end).contains(value);
        let decades = |digits: &[f64], every: i32| -> Vec<f64> {
            let powers = (-3..16).filter(|power| power % every == 0);
            let digits = powers.flat_map(|power| digits.iter().map(move |d| d * 10f64.powi(power)));
            digits.filter(within).collect()
        };
        let choices = [
            decades(&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], 1),
            decades(&[1.0, 2.0, 5.0], 1),
            decades(&[1.0, 3.0], 1),
            decades(&[1.0], 1),
            decades(&[1.0], 2),
        ];
        let last = choices.len() - 1;
        let chosen = choices.iter().position(|ticks| ticks.len() <= MOST).unwrap_or(last);
        let mut ticks = choices[chosen].clone();
        if ticks.len() < 2 {
            // Less than a doubling: as for a linear axis.
            let step = round_step((end - start) / 4.0);
            let first = (start / step - 1e-9).ceil() as i64;
            let last = (end / step + 1e-9).floor() as i64;
            ticks = (first..=last).map(|tick| tick as f64 * step).collect();
        }
        let ticks = ticks.into_iter().map(|value| (value.log2(), label(value)));
        Axis { start: start.log2(), end: end.log2(), ticks: ticks.collect() }
    }
}

/// The smallest of 1, 2, 5, 10 … that is at least `least`.
fn round_step(least: f64) -> f64 {
    if !least.is_finite() || least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powi(least.log10().floor() as i32);
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= least * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

/// `1,500` as it is, `15000` as `15k`, `1500000` as `1.5M`.
pub fn short(number: f64) -> String {
    let scaled = |divisor: f64, unit: &str| {
        let text = format!("{:.2}", number / divisor);
        format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match number.abs() {
        size if size >= 1e9 => scaled(1e9, "G"),
        size if size >= 1e6 => scaled(1e6, "M"),
        size if size >= 1e4 => scaled(1e3, "k"),
        size if size >= 1e3 => count(number as u64),
        _ => scaled(1.0, ""),
    }
}

/// `0.001` as `1e-3`, what is near 1 as it is.
pub(super) fn scientific(value: f64) -> String {
    if (0.01..1e4).contains(&value) { short(value) } else { format!("{value:e}") }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        // What lies far outside of the axis is still a place in the picture's own numbers.
        let share = self.share(*value).clamp(-1.0, 2.0);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|&(place, _)| place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.start..self.end
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(place, _)| place == value);
        tick.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_few_and_reach_the_largest_value() {
        assert_eq!(labels(&Axis::from_zero(1.0, 1.0, short)), ["0", "1"]);
        assert_eq!(
            labels(&Axis::from_zero(97.0, 1.0, short)),
            ["0", "20", "40", "60", "80", "100"]
        );
        let axis = Axis::from_zero(368_586.0, 1.0, short);
        assert_eq!(labels(&axis), ["0", "100k", "200k", "300k", "400k"]);
        assert_eq!(labels(&Axis::from_zero(0.0, 1.0, short)), ["0", "1"], "of nothing");
        for most in [1.0, 3.0, 7.0, 99.0, 101.0, 12_345.0, 9e8] {
            let axis = Axis::from_zero(most, 1.0, short);
            assert!(axis.end >= most && (2..=MOST).contains(&axis.ticks.len()), "{most}: {axis:?}");
        }
    }

    #[test]
    fn a_doubling_axis_has_the_ticks_that_people_know() {
        assert_eq!(labels(&Axis::doubling(181.0, 2048.0, short)), ["200", "500", "1,000", "2,000"]);
        assert_eq!(labels(&Axis::doubling(256.0, 304.4, short)), ["260", "280", "300"]);
        let wide = Axis::doubling(1.0, 1e9, short);
        assert!((2..=MOST).contains(&wide.ticks.len()), "{wide:?}");
        for (start, end) in [(1.0, 1.19), (90.5, 107.6), (1.0, 2.0), (3.0, 5e6), (40_000.0, 7e5)] {
            let axis = Axis::doubling(start, end, short);
            assert!((2..=MOST + 1).contains(&axis.ticks.len()), "{start} {end} {axis:?}");
        }
    }

    #[test]
    fn an_axis_of_decades_holds_its_values_and_has_round_ticks() {
        let texts =
            |low, high| labels(&Axis::decades(low, high, |value| format!("{value:e}"))).join(" ");
        assert_eq!(texts(1e-7, 9.0), "1e-7 1e-5 1e-3 1e-1 1e1");
        assert_eq!(texts(3e-4, 2e-3), "1e-4 2e-4 5e-4 1e-3 2e-3 5e-3 1e-2");
        for (low, high) in [(1e-9, 1e9), (1.0, 1.0), (0.002, 0.9)] {
            let axis = Axis::decades(low, high, short);
            assert!(axis.start <= low.log2() + 1e-9 && axis.end >= high.log2() - 1e-9, "{axis:?}");
        }
    }

    #[test]
    fn an_axis_maps_its_ends_to_the_ends_and_runs_either_way() {
        let axis = Axis::with_ticks(4.0, 0.0, Vec::new());
        assert_eq!([4.0, 1.0, 0.0].map(|value| axis.map(&value, (100, 20))), [100, 40, 20]);
        assert_eq!(
            [999.0, 1500.0, 15_000.0, 1_500_000.0].map(short),
            ["999", "1,500", "15k", "1.5M"]
        );
        assert_eq!([0.25, 0.0, 2e9].map(short), ["0.25", "0", "2G"]);
    }
}
