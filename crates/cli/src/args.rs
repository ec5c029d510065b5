//! The arguments of every command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tcolz_base::storage::local_path;
use tcolz_charts::sheet::SheetFormat;
use tcolz_inspect::SheetBy;

use super::dump_args::DumpArgs;
use super::help;
use super::recipe_args::RecipeArgs;
use super::select_args::SelectArgs;
use super::serve_args::ServeArgs;
use super::train::TrainArgs;

/// What this command is called: the one for a GPU is a file of its own.
const NAME: &str = if cfg!(feature = "cuda") { "tcolz-cuda" } else { "tcolz" };

/// Turns folders of photos into memory-mapped, compressed tensor shards, and reads them back.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
#[command(
    after_help = "First steps:\n  tcolz demo                     make up a dump, convert it, say where to look\n  tcolz convert photos/ out/     convert your own\n  tcolz inspect out/             see what is in there\n  tcolz train out/ --model mobilenet-v2 --weights FILE   train on it\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 finished with too many bad inputs, 4 finished with a damaged source, 130 interrupted."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make up a small B-T4SA dump and run every stage on it: nothing else is needed
    Demo(DemoArgs),
    /// Say what a conversion will take: time, size, memory
    Plan(PlanArgs),
    /// Convert a folder of photos, or a tar of them, into a dataset
    Convert(ConvertArgs),
    /// Say what a dataset holds, from its ledger
    Inspect(InspectArgs),
    /// Show one sample: its ledger row and its picture as stored
    Show(ShowArgs),
    /// Test every checksum, every count and the content root
    Verify(VerifyArgs),
    /// Make damaged samples again from their source, and prove by hash that they are the same
    Repair(RepairArgs),
    /// Measure what this machine gets out of a dataset: storage, decompression, whole batches
    Bench(BenchArgs),
    /// Say how good a model is on a dataset: accuracy, F1, confusion, calibration, the worst mistakes
    Evaluate(EvaluateArgs),
    /// Train a network on a dataset, or go on where it was stopped
    Train(Box<TrainArgs>),
    /// Say what photos show: labels with probabilities, by the recipe in the model
    Predict(PredictArgs),
    /// Say what a file of weights is, and whether it fits
    Weights(WeightsArgs),
    /// Train, evaluate and measure several models as a file says, and write a report of them
    Study(StudyArgs),
    /// Label photos over HTTP, with a page to try it on
    Serve(ServeArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz demo demo-out\n  tcolz demo demo-out --json | jq .ok\n\nExit code 0 when everything ended as it must, 1 when anything did not."
)]
pub(crate) struct DemoArgs {
    /// Folder for the made-up dump and the dataset; an earlier demo in it is replaced
    #[arg(default_value = "demo-out")]
    pub(crate) out: PathBuf,
    /// How many ordinary photos to make up; a line of every oddity comes on top
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(9..=10_000))]
    pub(crate) photos: u32,
    /// Leave out the training of a small network at the end
    #[arg(long)]
    pub(crate) no_train: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz plan photos/                       the default recipe, on all cores\n  tcolz plan b-t4sa_imgs.tar /mnt/big/out  is there room on that disk?\n  tcolz plan photos/ --size 299 --json | jq .forecast.seconds\n\nSome photos are read, decoded and compressed as a conversion would; nothing is written.\nThe intervals hold what is likely, not what is certain: a busy machine takes longer."
)]
pub(crate) struct PlanArgs {
    /// The raw dump: a folder, a .tar (read where it lies), or a .csv/.tsv beside its photos
    #[arg(value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// Where the dataset would be written; its disk is asked for free space [default: this folder]
    pub(crate) out: Option<PathBuf>,
    /// Photos to probe: more make the intervals narrower
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) photos: u32,
    /// Threads of the conversion [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because their help headings hold for all that follows.
    #[command(flatten)]
    pub(crate) dump: DumpArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
}

#[derive(clap::Args)]
#[command(after_help = help::convert_examples(), after_long_help = help::CONVERT)]
pub(crate) struct ConvertArgs {
    /// The raw dump: a folder, a .tar (read where it lies), or a .csv/.tsv beside its photos
    #[arg(value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// The dataset's folder, new or empty
    pub(crate) out: PathBuf,
    /// Threads that decode and compress [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Largest shard, in MB (1,000,000 bytes)
    #[arg(long = "shard-mb", value_name = "MB", default_value = "64", value_parser = parse_megabytes)]
    pub(crate) shard_bytes: u64,
    /// Share of quarantined and missing inputs above which the exit code is 3
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = parse_percent)]
    pub(crate) max_bad: f64,
    /// Exit with 0 although the source is damaged, as a tar that was cut off; else the exit code is 4
    #[arg(long)]
    pub(crate) allow_damaged_source: bool,
    /// Begin although the disk seems too small
    #[arg(long)]
    pub(crate) no_space_check: bool,
    /// Discard an unfinished conversion in OUT and begin anew
    #[arg(long)]
    pub(crate) restart: bool,
    /// Print events as JSON lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because their help headings hold for all that follows.
    #[command(flatten)]
    pub(crate) dump: DumpArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz inspect out/\n  tcolz inspect out/ --html report.html    charts, contact sheets, duplicates\n  tcolz inspect out/ --json | jq .tensors[0].mean\n  tcolz inspect out/ --split train --where 'agreement >= 5'\n  tcolz inspect out/ --where 'label = \"very good\" and width > 300'\n  tcolz inspect out/ --list-bad            what is not stored, and why\n  tcolz inspect out/ --list-bad --where 'reason = corrupt' --json\n  tcolz inspect out/ --duplicates          a picture in two splits or classes?\n  tcolz inspect out/ --sheet quarantine.png --sheet-by status\n  tcolz inspect out/ --duplicates --json | jq '.groups[] | select(.across_splits)'"
)]
pub(crate) struct InspectArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// List samples that are the same file, the same pixels or nearly the same picture
    #[arg(long, conflicts_with_all = ["split", "subset", "condition", "percent"])]
    pub(crate) duplicates: bool,
    /// List the inputs that are not stored (quarantined, missing, duplicate), with their reasons; --split and
    /// --where choose among them
    #[arg(long, conflicts_with_all = ["duplicates", "subset", "percent", "html", "sheet"])]
    pub(crate) list_bad: bool,
    /// Write a page of charts and pictures to this HTML file: all in one file, no network
    #[arg(long, value_name = "FILE", value_parser = parse_html)]
    pub(crate) html: Option<PagePath>,
    /// Write a contact sheet to this .png or .jpg file, and its further pages beside it: sheet.png, sheet-2.png, …;
    /// with --duplicates, one of the duplicates
    #[arg(long, value_name = "FILE", value_parser = parse_sheet)]
    pub(crate) sheet: Option<PicturePath>,
    /// What a row of the contact sheet stands for: class, split or status
    #[arg(long, value_name = "WHAT", default_value = "class", value_parser = parse_sheet_by, requires = "sheet", conflicts_with = "duplicates")]
    pub(crate) sheet_by: SheetBy,
    /// Print JSON; with --html every number of the page
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because its help heading holds for all that follows.
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

impl InspectArgs {
    /// Inspects `dataset` and prints the screen.
    pub(crate) fn of(dataset: PathBuf) -> InspectArgs {
        InspectArgs {
            dataset,
            duplicates: false,
            list_bad: false,
            html: None,
            sheet: None,
            sheet_by: SheetBy::Class,
            json: false,
            select: SelectArgs::default(),
        }
    }
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
    #[arg(long, value_name = "FILE", value_parser = parse_png)]
    pub(crate) png: Option<PicturePath>,
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
    after_help = "Examples:\n  tcolz bench out/\n  tcolz bench out/ --view torch --dtype bf16 --batch-size 256\n  tcolz bench out/ --json | jq '.figures[] | {stage, photos_per_second}'\n\nWarm figures come from shards that are in memory, as far as they fit. Cold ones are one epoch after the system was asked to drop them from its cache; what it kept is said."
)]
pub(crate) struct BenchArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// View the batches are seen through [default: the recipe's]
    #[arg(long)]
    pub(crate) view: Option<String>,
    /// What the batches are made of; u8 are pixels without a view
    #[arg(long, default_value_t = BatchDtype::F32)]
    pub(crate) dtype: BatchDtype,
    /// Which stored size to read [default: the first]
    #[arg(long, value_name = "N")]
    pub(crate) size: Option<u32>,
    /// Samples of a batch
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) batch_size: usize,
    /// Time for each warm figure
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = parse_seconds)]
    pub(crate) seconds: f64,
    /// Threads, beside the figures for one [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Leave the page cache alone and measure warm only
    #[arg(long)]
    pub(crate) no_cold: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because its help heading holds for all that follows.
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

/// What batches are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BatchDtype {
    F32,
    F16,
    Bf16,
    U8,
}

impl std::fmt::Display for BatchDtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BatchDtype::F32 => "f32",
            BatchDtype::F16 => "f16",
            BatchDtype::Bf16 => "bf16",
            BatchDtype::U8 => "u8",
        })
    }
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz evaluate runs/mobilenet b-t4sa/                the test split\n  tcolz evaluate runs/mobilenet ttd/ --protocol ttd    scored by agreement\n  tcolz evaluate runs/mobilenet out/ --split all --unseen\n  tcolz evaluate runs/mobilenet b-t4sa/ --out report/  with pictures\n  tcolz evaluate runs/mobilenet b-t4sa/ --json | jq .scores.accuracy\n\nThe dataset must hold photos as the model saw them in training: the same recipe, its size, its classes by name. The view is the model's. What the model was trained or validated on is counted and said first: seen.parquet beside it names what it has seen."
)]
pub(crate) struct EvaluateArgs {
    /// The model: its .safetensors file, or the folder of the run that trained it
    pub(crate) model: PathBuf,
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// plain: every class; ttd: drop neutral, and score by how many annotators agreed (>= 5, 4, 3)
    #[arg(long, value_name = "NAME", default_value = "plain", value_parser = parse_protocol)]
    pub(crate) protocol: tcolz_train::evaluate::Protocol,
    /// Only photos that the model was neither trained nor validated on
    #[arg(long)]
    pub(crate) unseen: bool,
    /// Write evaluation.json, predictions.parquet, confusion, reliability and mistakes into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the network runs: auto, cpu or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
    /// Samples that go through the network at once
    #[arg(long, value_name = "N", default_value_t = tcolz_train::evaluate::DEFAULT_BATCH_SIZE)]
    pub(crate) batch_size: usize,
    /// Threads that read batches [default: all cores]
    #[arg(long, short = 'j', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    // Last, because its help heading holds for all that follows.
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz weights vgg19-dcbb9e9d.pth      which network, whose names, does it fit?\n  tcolz weights mobilenet_1_0_224_tf.h5 --model mobilenet-v1\n  tcolz weights runs/first/best.safetensors     a model that was trained here\n  tcolz weights checkpoint.pth --weights-key state_dict_ema   averaged weights\n  tcolz weights model.safetensors --json | jq .properties\n\nRead are safetensors with torchvision's, timm's and our own key names, torchvision's and timm's .pth, and Keras's .h5; the first bytes say what a file is. Every tensor is read.\nWhatever stands before all names of a network (module., _orig_mod., model., …) is taken off, at any depth; what else the file holds is listed. Padding, eps of BatchNorm and view come from the file where it says them, else from where such files come: both are printed.\nExit code 1, and the key with its shapes, when the file does not fit."
)]
pub(crate) struct WeightsArgs {
    /// The file
    pub(crate) file: PathBuf,
    /// The network that it must be of: vgg19, mobilenet-v1, mobilenet-v2, inception-resnet-v2 [default: as recognised]
    #[arg(long, value_name = "NAME", value_parser = parse_network)]
    pub(crate) model: Option<tcolz_nn::Network>,
    /// Which weights of a file that holds several: the key of a dictionary, or a prefix of keys [default: the usual ones, which are said]
    #[arg(long, value_name = "KEY")]
    pub(crate) weights_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz predict runs/first/best.safetensors photo.jpg\n  tcolz predict runs/first/best.safetensors photos/*.jpg --top 1\n  tcolz predict model.safetensors a.jpg --json | jq '.images[0].predictions'\n\nA photo is decoded, resized and seen through the view just as those of the training were: the recipe is in the model. A truncated JPEG gets its label from the rows that are there, with a note. An image that cannot be read is named with the reason, and the others are done. Exit code 0 when every image has a prediction, 1 otherwise."
)]
pub(crate) struct PredictArgs {
    /// The model: the file that training writes, or the folder of its run
    pub(crate) model: PathBuf,
    /// Image files: JPEG, PNG, GIF, WebP, BMP
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Show the N likeliest classes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
    /// Give no label to truncated photos; else they get one with a note, unless the model's recipe refuses them
    #[arg(long)]
    pub(crate) refuse_truncated: bool,
    /// Where the network computes: auto (a GPU where there is one), cpu, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = |text: &str| text.parse::<tcolz_train::DeviceChoice>())]
    pub(crate) device: tcolz_train::DeviceChoice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_network(name: &str) -> Result<tcolz_nn::Network, String> {
    use tcolz_nn::Network;
    let known = Network::ALL.map(Network::name).join(", ");
    Network::parse(name).ok_or_else(|| format!("expected one of {known}"))
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tcolz completions bash > ~/.local/share/bash-completion/completions/tcolz"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

fn parse_megabytes(text: &str) -> Result<u64, String> {
    let least = tcolz_convert::MIN_SHARD_BYTES as f64 / 1e6;
    match text.trim().parse::<f64>() {
        Ok(megabytes) if (least..=100_000.0).contains(&megabytes) => Ok((megabytes * 1e6) as u64),
        _ => Err(format!("expected megabytes, {least} to 100000")),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches('s').parse::<f64>() {
        Ok(seconds) if (0.01..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds, 0.01 to 86400".to_owned()),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim();
    match number.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("expected a percentage from 0% to 100%, such as 0.5%".to_owned()),
    }
}

fn parse_protocol(word: &str) -> Result<tcolz_train::evaluate::Protocol, String> {
    match word {
        "plain" => Ok(tcolz_train::evaluate::Protocol::Plain),
        "ttd" => Ok(tcolz_train::evaluate::Protocol::Ttd),
        _ => Err("expected plain or ttd".to_owned()),
    }
}

/// The path of a page.
#[derive(Debug, Clone)]
pub(crate) struct PagePath(pub(crate) PathBuf);

/// A page has the ending of one, so that no slip of the hand replaces a photo or a model.
fn parse_html(path: &str) -> Result<PagePath, String> {
    let path = local_path(path.into()).map_err(|error| error.to_string())?;
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    match ending.is_some_and(|ending| ending == "html" || ending == "htm") {
        true => Ok(PagePath(path)),
        false => Err("expected a name that ends in .html".to_owned()),
    }
}

/// The path of a picture: its ending says its format.
#[derive(Debug, Clone)]
pub(crate) struct PicturePath(pub(crate) PathBuf);

fn parse_sheet(path: &str) -> Result<PicturePath, String> {
    let path = local_path(path.into()).map_err(|error| error.to_string())?;
    match SheetFormat::of(&path) {
        Some(_) => Ok(PicturePath(path)),
        None => Err("expected a name that ends in .png or .jpg".to_owned()),
    }
}

fn parse_png(path: &str) -> Result<PicturePath, String> {
    let path = local_path(path.into()).map_err(|error| error.to_string())?;
    match SheetFormat::of(&path) {
        Some(SheetFormat::Png) => Ok(PicturePath(path)),
        _ => Err("expected a name that ends in .png: every pixel is kept".to_owned()),
    }
}

fn parse_sheet_by(word: &str) -> Result<SheetBy, String> {
    match word {
        "class" => Ok(SheetBy::Class),
        "split" => Ok(SheetBy::Split),
        "status" => Ok(SheetBy::Status),
        _ => Err("expected class, split or status".to_owned()),
    }
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz study examples/study-small.toml --out report\n  tcolz study study.toml --list           is it right? what is done?\n  tcolz study study.toml --device cuda:0\n  tcolz study study.toml --measure-again  costs only, once the machine is quiet\n  tcolz study study.toml --job train-vgg19-all-s0-1a2b3c4d\n\nEverything that can be known of the file, its datasets and weights is tested before the first job. Each job runs in a process of its own and is done whole or not at all: after Ctrl-C or a kill the same command goes on. A changed file keeps what stays the same. OUT/index.html is the report; report.md, tables/*.csv and pictures/ hold the same. Every number names the document below OUT that it comes from. The file's keys: schemas/study.md."
)]
pub(crate) struct StudyArgs {
    /// What to compare: models, benchmarks, the rule of the choice
    #[arg(value_name = "STUDY.toml")]
    pub(crate) file: PathBuf,
    /// Folder of the runs, documents and the report
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub(crate) out: PathBuf,
    /// List the jobs and which are done, and do nothing
    #[arg(long, conflicts_with = "job")]
    pub(crate) list: bool,
    /// Do this job only, and write no report
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<String>,
    /// Measure the cost of inference again, train nothing, and write the report anew
    #[arg(long, conflicts_with_all = ["list", "job"])]
    pub(crate) measure_again: bool,
    /// Where networks are trained and evaluated: auto (a GPU where there is one), cpu, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = |text: &str| text.parse::<tcolz_train::DeviceChoice>())]
    pub(crate) device: tcolz_train::DeviceChoice,
    /// Threads that compute [default: all cores]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Memory that a training may need, in GB [default: what is available]
    #[arg(long, value_name = "GB", value_parser = super::train::parse_gigabytes)]
    pub(crate) memory: Option<u64>,
    /// A job of a study in another process: how it ended is said on standard output
    #[arg(long, hide = true, requires = "job")]
    pub(crate) child: bool,
    /// Print events as JSON lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
