//! The arguments of the recipe: how pixels become a tensor.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use tcolz_pixels::recipe::{Codec, DecodeMode, Dtype, Filter, Fit, MAX_SIZE, Orient};
use tcolz_pixels::recipe::{Mean, Recipe};

/// How pixels become a tensor.
#[derive(clap::Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct RecipeArgs {
    /// Side of the square tensors in pixels; may be given several times
    #[arg(long = "size", value_name = "N", default_values_t = [224], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SIZE)))]
    pub(crate) sizes: Vec<u32>,
    /// Photos as their pixels are stored, or turned upright as their EXIF orientation says
    #[arg(long, default_value = "stored", value_parser = words(Orient::ALL, Orient::as_str))]
    pub(crate) orient: Orient,
    /// How any shape becomes a square: both sides scaled, centre cut out, or black bars added
    #[arg(long, default_value = "squash", value_parser = words(Fit::ALL, Fit::as_str))]
    pub(crate) fit: Fit,
    /// Interpolation, as Pillow does it
    #[arg(long, default_value = "bilinear", value_parser = words(Filter::ALL, Filter::as_str))]
    pub(crate) filter: Filter,
    /// JPEGs decoded whole (Pillow's pixels), or DCT-scaled to at least the size (faster)
    #[arg(long, default_value = "exact", value_parser = words(DecodeMode::ALL, DecodeMode::as_str))]
    pub(crate) decode: DecodeMode,
    /// One compressed frame a sample, or plain bytes that any Arrow reader maps
    #[arg(long, default_value = "zstd", value_parser = words(Codec::ALL, Codec::as_str))]
    pub(crate) codec: Codec,
    /// u8 stores pixels as seen; f16 and f32 bake the view in
    #[arg(long, default_value = "u8", value_parser = words(Dtype::ALL, Dtype::as_str))]
    pub(crate) dtype: Dtype,
    /// View that f16/f32 bake in, and that readers get who ask for none: raw, caffe, tf, torch, t4sa, mean
    #[arg(long, default_value = "caffe")]
    pub(crate) view: String,
    /// Values of the view `mean`: `dataset` (exact, over the training split) or R,G,B
    #[arg(long, value_name = "dataset|R,G,B", value_parser = parse_mean)]
    pub(crate) mean: Option<Mean>,
    /// Photos with more pixels than this are quarantined
    #[arg(long, value_name = "N", default_value_t = tcolz_pixels::recipe::DEFAULT_MAX_PIXELS)]
    pub(crate) max_pixels: u64,
    /// Quarantine truncated photos, which are kept as far as they go otherwise
    #[arg(long)]
    pub(crate) refuse_truncated: bool,
}

impl RecipeArgs {
    pub(super) fn recipe(&self) -> Recipe {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.dedup();
        Recipe {
            sizes,
            orient: self.orient,
            fit: self.fit,
            filter: self.filter,
            decode: self.decode,
            codec: self.codec,
            dtype: self.dtype,
            view: self.view.clone(),
            mean: self.mean,
            max_pixels: self.max_pixels,
            refuse_truncated: self.refuse_truncated,
        }
    }
}

/// A parser of the words of a choice, so that help and errors list them.
fn words<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(move |&choice| word(choice))).try_map(move |text| {
        all.iter().copied().find(|&choice| word(choice) == text).ok_or("unknown word")
    })
}

fn parse_mean(text: &str) -> Result<Mean, String> {
    if text == "dataset" {
        return Ok(Mean::Dataset);
    }
    let values: Result<Vec<f32>, _> = text.split(',').map(|value| value.trim().parse()).collect();
    match values.ok().and_then(|values| <[f32; 3]>::try_from(values).ok()) {
        Some(values) if values.iter().all(|value| (0.0..=255.0).contains(value)) => {
            Ok(Mean::Values(values))
        }
        _ => Err("expected `dataset` or three numbers from 0 to 255: R,G,B".to_owned()),
    }
}
