//! The arguments of `tcolz train`.

use std::path::PathBuf;

use tcolz_loader::Percent;
use tcolz_loader::augment::Crop;
use tcolz_nn::{BatchNormMode, Network, Precision};
use tcolz_train::schedule::Schedule;
use tcolz_train::sgd::Decay;
use tcolz_train::{CheckpointEvery, ClassWeights, DeviceChoice, Finetune, Preset};

use super::super::select_args::SelectArgs;
use super::help;

#[derive(clap::Args)]
#[command(after_help = help::examples(), after_long_help = help::TRAIN)]
pub(crate) struct TrainArgs {
    /// The dataset
    pub(crate) dataset: PathBuf,
    /// The network: vgg19, mobilenet-v1, mobilenet-v2 or inception-resnet-v2
    #[arg(long, value_name = "NAME", value_parser = parse_network)]
    pub(crate) model: Network,
    /// Weights to begin with: safetensors, .pth or .h5 [default: random ones]
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Which weights of a file that holds several, such as state_dict_ema; `tcolz weights FILE` lists them [default: the usual ones, which are said]
    #[arg(long, value_name = "KEY", requires = "weights")]
    pub(crate) weights_key: Option<String>,
    /// What is trained: the head behind a frozen backbone, or all layers [default: head with --weights, else all]
    #[arg(long, value_name = "WHAT", value_parser = |word: &str| word.parse::<Finetune>())]
    pub(crate) finetune: Option<Finetune>,
    /// The run's folder [default: runs/MODEL-WHAT, with --percent P runs/test-pP-MODEL-WHAT]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Values to begin with: b-t4sa-2018 is the old pipeline's training; other flags win
    #[arg(long, value_name = "NAME", value_parser = |name: &str| name.parse::<Preset>())]
    pub(crate) preset: Option<Preset>,
    /// Discard what the run's folder holds and begin anew
    #[arg(long)]
    pub(crate) restart: bool,
    /// Try rising learning rates, draw the losses, suggest one, and end
    #[arg(long)]
    pub(crate) find_lr: bool,
    /// Print events as JSON lines on standard output
    #[arg(long)]
    pub(crate) json: bool,

    // Last, because help headings hold for all that follows.
    #[command(flatten)]
    pub(crate) learning: LearningArgs,
    #[command(flatten)]
    pub(crate) images: ImageArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) validation: ValidationArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Learning")]
pub(crate) struct LearningArgs {
    /// Epochs [default: 15]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) epochs: Option<u32>,
    /// Samples that pass through the network at once [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) batch_size: Option<u32>,
    /// Batches whose gradients make one step: larger steps in the same memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) accumulate: u32,
    /// The schedule's base learning rate [default: 0.001; for all layers from random weights 0.05, and 0.01 for vgg19]
    #[arg(long, allow_negative_numbers = true, value_name = "RATE")]
    pub(crate) lr: Option<f64>,
    /// Share of the last step that goes on [default: 0.9]
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE")]
    pub(crate) momentum: Option<f64>,
    /// Share of each parameter that is added to its gradient [default: 0.00001]
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE")]
    pub(crate) weight_decay: Option<f64>,
    /// The parameters that decay: all, weights (no biases, no BatchNorm) or kernels (of convolutions) [default: all]
    #[arg(long, value_name = "WHICH", value_parser = parse_decay)]
    pub(crate) decay: Option<Decay>,
    /// Look ahead by one more momentum (Nesterov)
    #[arg(long)]
    pub(crate) nesterov: bool,
    /// How the rate changes: constant, step:EPOCHS:FACTOR, cosine[:WARM-UP-STEPS], one-cycle[:RISE], cyclical[:EPOCHS], b-t4sa-2018 [default: cosine]
    #[arg(long, value_name = "SCHEDULE", value_parser = |text: &str| text.parse::<Schedule>())]
    pub(crate) schedule: Option<Schedule>,
    /// Share of each label that is spread over all classes
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) label_smoothing: f64,
    /// How much the classes count: `balanced`, or a number for each: 1,0.5,2 [default: all the same]
    #[arg(long, value_name = "WEIGHTS", value_parser = |text: &str| text.parse::<ClassWeights>())]
    pub(crate) class_weights: Option<ClassWeights>,
    /// Mean and variance of BatchNorm: those of the batch, or the stored ones [default: stored for a frozen backbone and where BatchNorm is folded into the weights, else batch]
    #[arg(long, value_name = "WHICH", value_parser = |word: &str| word.parse::<BatchNormMode>())]
    pub(crate) batch_norm: Option<BatchNormMode>,
    /// End when the validation loss has not become better in so many epochs [default: go on]
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) patience: Option<u32>,
    /// Decides everything that is drawn: weights, orders, masks, crops, holdout
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Images")]
pub(crate) struct ImageArgs {
    /// Side of the tensors, of those that the dataset holds [default: the network's usual one, else the first]
    #[arg(long, value_name = "N")]
    pub(crate) size: Option<u32>,
    /// View the images are seen through; weights bring theirs, and another one is refused [default: the network's usual one]
    #[arg(long, value_name = "NAME")]
    pub(crate) view: Option<String>,
    /// Let left and right change places with this probability; 0.5 without a number
    #[arg(long, allow_negative_numbers = true, value_name = "SHARE", num_args = 0..=1, default_missing_value = "0.5")]
    pub(crate) flip: Option<f64>,
    /// What is cut out of each image: random-resized, random:PADDING, none
    #[arg(long, value_name = "CROP", default_value = "none", value_parser = |text: &str| text.parse::<Crop>())]
    pub(crate) crop: Crop,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Validation")]
pub(crate) struct ValidationArgs {
    /// Validate on this split [default: val, where there is one]
    #[arg(long, value_name = "NAME", conflicts_with = "holdout")]
    pub(crate) val_split: Option<String>,
    /// Validate on what the lines of FILE name, of --val-split or else of the split that is trained on
    #[arg(long, value_name = "FILE", conflicts_with = "holdout")]
    pub(crate) val_subset: Option<PathBuf>,
    /// Hold a share of every class out of what is trained on, and validate on it: 10%
    #[arg(long, value_name = "P", value_parser = Percent::parse)]
    pub(crate) holdout: Option<Percent>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArgs {
    /// Where the network computes: auto (a GPU where there is one), cpu, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = |text: &str| text.parse::<DeviceChoice>())]
    pub(crate) device: DeviceChoice,
    /// What convolutions and matrix products multiply: f32, tf32, bf16 (both for GPUs) or f16; all else is f32
    #[arg(long, value_name = "TYPE", default_value = "f32", value_parser = |word: &str| word.parse::<Precision>())]
    pub(crate) precision: Precision,
    /// Threads that compute [default: all cores]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Threads that fill batches [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Keep the features of a frozen backbone in DIR, for other runs too [default: the run's folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub(crate) cache: Option<PathBuf>,
    /// Compute the features of a frozen backbone in every epoch
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Memory that may be needed, in GB; more is refused before the first step [default: what is available]
    #[arg(long, value_name = "GB", value_parser = parse_gigabytes)]
    pub(crate) memory: Option<u64>,
    /// Write a checkpoint inside an epoch, too: `10 min`, `500 steps`
    #[arg(long, value_name = "WHEN", default_value = "10 min", value_parser = |text: &str| text.parse::<CheckpointEvery>())]
    pub(crate) checkpoint_every: CheckpointEvery,
}

fn parse_network(name: &str) -> Result<Network, String> {
    Network::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Network::ALL.iter().map(|network| network.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn parse_decay(word: &str) -> Result<Decay, String> {
    match word {
        "all" => Ok(Decay::All),
        "weights" => Ok(Decay::Weights),
        "kernels" => Ok(Decay::Kernels),
        _ => Err("expected all, weights or kernels".to_owned()),
    }
}

pub(crate) fn parse_gigabytes(text: &str) -> Result<u64, String> {
    match text.trim().trim_end_matches("GB").trim_end().parse::<f64>() {
        Ok(gigabytes) if gigabytes > 0.0 && gigabytes < 1e6 => Ok((gigabytes * 1e9) as u64),
        _ => Err("expected gigabytes, such as 8 or 0.5".to_owned()),
    }
}
