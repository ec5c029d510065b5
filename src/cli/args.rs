//! The arguments of every command.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};

use tcolz::recipe::{Codec, DecodeMode, Dtype, Filter, Fit, MAX_SIZE};
use tcolz::{Layout, Mean};

/// Turns folders of photos into memory-mapped, compressed tensor shards, and reads them back.
#[derive(Parser)]
#[command(name = "tcolz", version, max_term_width = 100)]
#[command(
    after_help = "First steps:\n  tcolz demo                     make up some photos and convert them\n  tcolz convert photos/ out/     convert your own\n  tcolz inspect out/             see what is in there\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 finished with too many bad inputs, 130 interrupted."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make up a few photos, convert, verify and inspect them: nothing else is needed
    Demo(DemoArgs),
    /// Convert a folder of photos into a dataset
    Convert(ConvertArgs),
    /// Say what a dataset holds, from its ledger
    Inspect(InspectArgs),
    /// Show one sample: its ledger row and its picture as stored
    Show(ShowArgs),
    /// Test every checksum, every count and the content root
    Verify(VerifyArgs),
    /// Make damaged samples again from their source, and prove by hash that they are the same
    Repair(RepairArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tcolz demo demo-out")]
pub(crate) struct DemoArgs {
    /// Folder for the made-up photos and the dataset; an earlier demo in it is replaced
    #[arg(default_value = "demo-out")]
    pub(crate) out: PathBuf,
    /// How many photos to make up
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(9..=100_000))]
    pub(crate) photos: u32,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz convert photos/ out/                          a folder for each class\n  tcolz convert ttd/ ttd.tcolz --size 224 --size 299  two sizes from one decode\n  tcolz convert dump/ out/ --decode scaled            faster: JPEGs decoded at the size needed\n  tcolz convert dump/ out/ --dtype f32 --view torch   tensors for readers that know no views\n\nStopped by Ctrl-C, a kill or a full disk? The same command goes on where it was.\nA dataset depends on the photos, the recipe, --shard-mb and the version of tcolz, never on --threads.\nTimings go to OUT.log.jsonl beside the dataset."
)]
pub(crate) struct ConvertArgs {
    /// The raw dump: a folder
    #[arg(value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// The dataset's folder, new or empty
    pub(crate) out: PathBuf,
    /// How the dump is laid out
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "b-t4sa", "ttd", "folder"]))]
    pub(crate) layout: String,
    /// Threads that decode and compress [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Largest shard, in MB (1,000,000 bytes)
    #[arg(long = "shard-mb", value_name = "MB", default_value = "64", value_parser = parse_megabytes)]
    pub(crate) shard_bytes: u64,
    /// Share of quarantined and missing inputs above which the exit code is 3
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = parse_percent)]
    pub(crate) max_bad: f64,
    /// Discard an unfinished conversion in OUT and begin anew
    #[arg(long)]
    pub(crate) restart: bool,
    /// Print events as JSON lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because its help heading holds for all that follows.
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
}

impl ConvertArgs {
    pub(crate) fn layout(&self) -> Option<Layout> {
        Layout::parse(&self.layout)
    }
}

/// How pixels become a tensor.
#[derive(clap::Args)]
#[command(next_help_heading = "Recipe")]
pub(crate) struct RecipeArgs {
    /// Side of the square tensors in pixels; may be given several times
    #[arg(long = "size", value_name = "N", default_values_t = [224], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SIZE)))]
    pub(crate) sizes: Vec<u32>,
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
    #[arg(long, value_name = "N", default_value_t = tcolz::recipe::DEFAULT_MAX_PIXELS)]
    pub(crate) max_pixels: u64,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz inspect out/\n  tcolz inspect out/ --json | jq .tensors[0].mean"
)]
pub(crate) struct InspectArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz show out/ data/78476/784760943188189184-1.jpg\n  tcolz show out/ 784760943188189184-1.jpg --png photo.png"
)]
pub(crate) struct ShowArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// Sample id, or the end of one after a `/`
    pub(crate) id: String,
    /// Write the picture as stored to this PNG file
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// Which stored size to show [default: the largest]
    #[arg(long, value_name = "N")]
    pub(crate) size: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz verify out/\n  tcolz verify out/ --source photos/   are the photos still the same, too?\n\nExit code 0 when all is well, 1 when anything is wrong."
)]
pub(crate) struct VerifyArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// Also read the raw dump again and compare every file's checksum
    #[arg(long, value_name = "SRC")]
    pub(crate) source: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz repair out/ --source photos/\n  tcolz repair out/ --source photos/ --json | jq .unrepaired\n\nSound shards are not touched. A damaged one is written anew: its sound samples are copied, the others made again from photos that must have the BLAKE3 they had, with pixels that must have the BLAKE3 they had. A shard of which a sample cannot be made again stays as it is and is named. Stopped by Ctrl-C or a kill? The same command goes on where it was.\n\nExit code 0 when all is well now, 1 when anything could not be repaired."
)]
pub(crate) struct RepairArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// The raw dump that it was made from
    #[arg(long, value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// Threads that test shards and make samples again [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tcolz completions bash > ~/.local/share/bash-completion/completions/tcolz"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
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

fn parse_megabytes(text: &str) -> Result<u64, String> {
    let least = tcolz::convert::MIN_SHARD_BYTES as f64 / 1e6;
    match text.trim().parse::<f64>() {
        Ok(megabytes) if (least..=100_000.0).contains(&megabytes) => Ok((megabytes * 1e6) as u64),
        _ => Err(format!("expected megabytes, {least} to 100000")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim();
    match number.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("expected a percentage from 0% to 100%, such as 0.5%".to_owned()),
    }
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
