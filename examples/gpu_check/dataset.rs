//! Made-up photos, once for all sections.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tcolz::{ConvertOptions, Recipe, convert};

/// The dataset's folder, in the folder of this check.
pub(crate) const NAME: &str = "photos.tcolz";

/// Converts made-up photos to both sizes.
pub(crate) fn make(folder: &Path, photos: u32, sizes: [u32; 2]) -> Result<(), Box<dyn Error>> {
    let dump = folder.join("photos");
    tcolz::demo::make_dump(&dump, photos)?;
    let mut options = ConvertOptions::new(&dump, folder.join(NAME));
    options.recipe = Recipe { sizes: sizes.to_vec(), ..Recipe::default() };
    convert(&options, &AtomicBool::new(false), &mut ())?;
    Ok(())
}
