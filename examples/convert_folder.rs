//! Converts a folder of photos (one folder a class, or any other dump that is recognised) into a dataset.
//!
//! `cargo run --release --example convert_folder -- PHOTOS OUT`

use std::sync::atomic::AtomicBool;

use tcolz::{ConvertOptions, Recipe, convert};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [photos, out] = [1, 2].map(|index| std::env::args().nth(index));
    let (Some(photos), Some(out)) = (photos, out) else {
        return Err("usage: convert_folder PHOTOS OUT".into());
    };
    let mut options = ConvertOptions::new(photos, out);
    options.recipe = Recipe { sizes: vec![96, 224], ..Recipe::default() };
    let summary = convert(&options, &AtomicBool::new(false), &mut ())?;
    let meta = summary.dataset.meta();
    println!("{} of {} photos stored", meta.counts.stored, meta.counts.listed);
    for (code, count) in &summary.reasons {
        println!("  {code}: {count}");
    }
    println!("content root {}", meta.content_root);
    Ok(())
}
