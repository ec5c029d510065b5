//! Converts made-up photos: `user-convert OUT`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use tcolz::{ConvertOptions, Recipe, convert};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: user-convert OUT")?);
    let photos = out.with_extension("photos");
    tcolz::demo::make_dump(&photos, 60)?;
    let mut options = ConvertOptions::new(&photos, &out);
    options.recipe = Recipe { sizes: vec![32], ..Recipe::default() };
    let summary = convert(&options, &AtomicBool::new(false), &mut ())?;
    println!("{} samples stored", summary.dataset.meta().counts.stored);
    Ok(())
}
