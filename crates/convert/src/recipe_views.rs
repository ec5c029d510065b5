//! The views of a recipe, once it has been found to be consistent.

use super::error::ConvertError;
use super::options::{ConvertOptions, MIN_SHARD_BYTES};
use tcolz_base::door::given;
use tcolz_pixels::View;
use tcolz_pixels::recipe::{Dtype, Mean, Recipe};

/// The recipe's view, once the recipe has been found to be consistent.
pub(super) fn check_recipe(options: &ConvertOptions) -> Result<View, ConvertError> {
    let recipe = &options.recipe;
    if !recipe.is_valid() {
        let reason = format!(
            "sizes {:?}: expected one or more from 1 to {}, ascending, none twice",
            recipe.sizes,
            tcolz_pixels::recipe::MAX_SIZE
        );
        return Err(ConvertError::Recipe(reason));
    }
    if options.shard_bytes < MIN_SHARD_BYTES {
        let found = options.shard_bytes;
        let reason = format!("shards of {found} bytes: expected at least {MIN_SHARD_BYTES}");
        return Err(ConvertError::Recipe(reason));
    }
    let baked = recipe.dtype != Dtype::U8;
    if baked && recipe.view == "mean" && recipe.mean == Some(Mean::Dataset) {
        let reason = format!(
            "the dataset's mean is known only after the conversion and cannot be baked into it: give \
             its values as {}, or store u8 and use the view `mean`",
            given("mean", "R,G,B")
        );
        return Err(ConvertError::Recipe(reason));
    }
    let views = views(recipe, [0.0; 3]);
    views.iter().find(|view| view.name == recipe.view).cloned().ok_or_else(|| {
        let known: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
        let hint = if recipe.view == "mean" {
            format!("; `mean` needs {} or {}", given("mean", "dataset"), given("mean", "R,G,B"))
        } else {
            String::new()
        };
        ConvertError::Recipe(format!(
            "no view `{}`; there are: {}{hint}",
            recipe.view,
            known.join(", ")
        ))
    })
}

/// The views of a dataset: the built-in ones, and `mean` where the recipe asks for it.
pub(super) fn views(recipe: &Recipe, dataset_mean: [f32; 3]) -> Vec<View> {
    let mut views = View::all_built_in();
    match recipe.mean {
        Some(Mean::Values(mean)) => views.push(View::mean(mean)),
        Some(Mean::Dataset) => views.push(View::mean(dataset_mean)),
        None => {}
    }
    views
}
