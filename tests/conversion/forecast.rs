//! Promise: a forecast's intervals hold what comes. Sizes, counts and memory here; time is for
//! `benches/results`, because nothing is timed in a test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::result_large_err, reason = "errors of the library, as they are")]

use crate::common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use tcolz_convert::dump::Dump;
use tcolz_convert::{ConvertOptions, convert};
use tcolz_convert::{Forecast, plan};
use tcolz_pixels::recipe::{Codec, Dtype, Recipe};

/// The forecast of the command `plan`, that of the conversion itself, and what came.
fn assert_holds(source: &Path, out: &Path, recipe: &Recipe) {
    let mut options = ConvertOptions::new(source, out);
    options.recipe = recipe.clone();
    options.threads = 2;
    let dump = Dump::open(source, None).unwrap();
    let planned = plan(&options, &dump, 100).unwrap();
    let summary = convert(&options, &AtomicBool::new(false), &mut ()).unwrap();
    let counts = summary.dataset.meta().counts;
    let on_disk: usize = common::tree(out).values().map(Vec::len).sum();
    assert_eq!(summary.written_bytes, on_disk as u64);
    let holds = |forecast: &Forecast, by: &str| {
        let said = format!("{by}, {}: {counts:?}, {on_disk} bytes, {forecast:?}", source.display());
        assert!(forecast.stored.contains(counts.stored as f64), "{said}");
        assert!(forecast.source_bytes.contains(summary.source_bytes as f64), "{said}");
        assert!(forecast.dataset_bytes.contains(on_disk as f64), "{said}");
        if let Some((interval, peak)) = forecast.peak_memory_bytes.zip(summary.peak_memory_bytes) {
            assert!(interval.contains(peak as f64), "{said}: {peak} bytes of memory");
        }
    };
    holds(&planned, "plan");
    holds(summary.forecast.as_ref().unwrap(), "convert");
    let own = planned.codecs.iter().find(|forecast| forecast.codec == recipe.codec).unwrap();
    assert_eq!(own.dataset_bytes, planned.dataset_bytes);
    let [zstd, raw] = [Codec::Zstd, Codec::Raw].map(|codec| {
        let forecast = planned.codecs.iter().find(|forecast| forecast.codec == codec).unwrap();
        forecast.dataset_bytes.expected
    });
    assert!(zstd < raw);
}

#[test]
fn what_is_planned_for_the_demo_and_for_ttd_comes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tcolz_demo::make_dump(&at("demo"), 120).unwrap();
    let small = |codec, dtype| Recipe { sizes: vec![32, 64], codec, dtype, ..Recipe::default() };
    for (number, recipe) in [
        Recipe { sizes: vec![96], ..Recipe::default() },
        small(Codec::Zstd, Dtype::U8),
        small(Codec::Raw, Dtype::U8),
        small(Codec::Raw, Dtype::F32),
        small(Codec::Zstd, Dtype::F16),
    ]
    .iter()
    .enumerate()
    {
        assert_holds(&at("demo"), &at(&format!("out-{number}")), recipe);
    }
    if let Some(ttd) = common::shared("ttd") {
        let recipe = Recipe { sizes: vec![128], ..Recipe::default() };
        assert_holds(&ttd, &at("ttd"), &recipe);
    }
}

#[test]
fn a_forecast_says_that_photos_are_missing_and_how_many_lines_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let list: String = (0..50).map(|number| format!("data/{number}.jpg 0\n")).collect();
    common::write(&folder.path().join("b-t4sa_train.txt"), (list + "data/1.jpg 0\n").as_bytes());
    let dump = Dump::open(folder.path(), None).unwrap();
    let options = ConvertOptions::new(folder.path(), folder.path().join("out"));
    let forecast = plan(&options, &dump, 20).unwrap();
    assert_eq!(forecast.inputs, 51);
    assert!(forecast.probed >= 16 && forecast.probed_missing == forecast.probed, "{forecast:?}");
    assert_eq!((forecast.stored.low, forecast.stored.expected), (0.0, 0.0));
    assert!(!folder.path().join("out").exists());
}
