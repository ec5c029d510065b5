//! What a run is asked for.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::schedule::Schedule;
use super::sgd::SgdOptions;
use tcolz_loader::augment::Augment;
use tcolz_loader::{Percent, Select};
use tcolz_nn::{BatchNormMode, Network, Precision, WordError};

/// Epochs, unless told otherwise: those of the replaced pipeline.
pub const DEFAULT_EPOCHS: u32 = 15;
/// Samples of a batch, unless told otherwise: small enough for the memory of a laptop with all layers tuned.
pub const DEFAULT_BATCH_SIZE: usize = 32;
/// Learning rate from weights that already know something, head or all. For a head the rate and the epochs are
/// what keeps it from learning few samples by heart: on TTD (five agrees, 704 photos, published folds) 0.001 reaches
/// 0.867 after 15 epochs and 0.868 after 60, 0.01 reaches 0.861 and 0.855.
pub const DEFAULT_LEARNING_RATE: f64 = 1e-3;
/// Learning rate when everything is tuned from random weights.
pub const DEFAULT_RANDOM_LEARNING_RATE: f64 = 0.05;
/// The same for VGG19, which has no BatchNorm: nothing bounds what a step does to the activations, and the more pixels
/// an image has, the larger are the first gradients. With 0.05 the loss of the first steps at 224 × 224 is 1.09, 1.48,
/// 2.88 and at 96 × 96 it jumps to 4.4; with 0.01 it stays where it was. torchvision's reference trains VGG with 0.01.
pub const DEFAULT_RANDOM_VGG19_LEARNING_RATE: f64 = 0.01;
/// Share of each parameter that is added to its gradient, unless told otherwise.
pub const DEFAULT_WEIGHT_DECAY: f64 = 1e-5;
/// Time between checkpoints inside an epoch, unless told otherwise; each epoch ends with one in any case.
pub const DEFAULT_CHECKPOINT_EVERY: CheckpointEvery =
    CheckpointEvery::Time(Duration::from_secs(600));

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finetune {
    /// The head; the backbone stays as it is (FT-F).
    Head,
    /// Every parameter (FT-A).
    All,
}

impl Finetune {
    /// The word on the command line and in models.
    pub fn as_str(self) -> &'static str {
        match self {
            Finetune::Head => "head",
            Finetune::All => "all",
        }
    }
}

impl FromStr for Finetune {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Finetune, WordError> {
        match word {
            "head" => Ok(Finetune::Head),
            "all" => Ok(Finetune::All),
            _ => Err(WordError::new("head or all", word)),
        }
    }
}

impl fmt::Display for Finetune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is not trained on and decides which epoch is the best. In messages [`Validation::Holdout`] is called `holdout`,
/// split and subset of [`Validation::Select`] `val_split` and `val_subset`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Validation {
    /// The split `val`, where there is one beside the one that is trained on.
    #[default]
    Auto,
    /// What is selected of a split; conditions and percentage are those of training.
    Select {
        /// The split; `None`: the one that is trained on.
        split: Option<String>,
        /// A file that names its samples.
        subset: Option<PathBuf>,
    },
    /// A share of every class of what would be trained on, decided by the seed.
    Holdout(Percent),
    /// Nothing, on purpose: the last epoch is kept.
    Nothing,
}

/// How much the classes count in the loss.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ClassWeights {
    /// All the same.
    #[default]
    Equal,
    /// samples / (classes · samples of the class), as scikit-learn's `balanced`.
    Balanced,
    /// Given, one for each class.
    List(Vec<f64>),
}

impl FromStr for ClassWeights {
    type Err = WordError;

    fn from_str(text: &str) -> Result<ClassWeights, WordError> {
        if text == "balanced" {
            return Ok(ClassWeights::Balanced);
        }
        let weights = text.split(',').map(|weight| weight.trim().parse::<f64>());
        match weights.collect::<Result<Vec<_>, _>>() {
            Ok(weights) if weights.iter().all(|w| w.is_finite() && *w >= 0.0) => {
                Ok(ClassWeights::List(weights))
            }
            _ => {
                let expected = "`balanced` or a number for each class, such as 1,0.5,2";
                Err(WordError::new(expected, text))
            }
        }
    }
}

impl fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClassWeights::Equal => f.write_str("equal"),
            ClassWeights::Balanced => f.write_str("balanced"),
            ClassWeights::List(weights) => {
                let weights: Vec<String> = weights.iter().map(ToString::to_string).collect();
                f.write_str(&weights.join(","))
            }
        }
    }
}

/// Where the network computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The first GPU, where there is one and this build can use it; else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU by its number.
    Cuda(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = WordError;

    fn from_str(text: &str) -> Result<DeviceChoice, WordError> {
        let wrong = || WordError::new("auto, cpu, cuda or cuda:N", text);
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(wrong)?;
                number.parse().map(DeviceChoice::Cuda).map_err(|_| wrong())
            }
        }
    }
}

/// Where features of a frozen backbone are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CacheChoice {
    /// In the run's folder.
    #[default]
    Run,
    /// In this folder, where other runs find them, too.
    Folder(PathBuf),
    /// Nowhere: they are computed in every epoch.
    Off,
}

/// How often a checkpoint is written inside an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckpointEvery {
    /// After so many steps.
    Steps(u64),
    /// With the first step after so long.
    Time(Duration),
}

impl FromStr for CheckpointEvery {
    type Err = WordError;

    fn from_str(text: &str) -> Result<CheckpointEvery, WordError> {
        let wrong = || WordError::new("steps or minutes, such as `500 steps` or `10 min`", text);
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        match unit.trim() {
            "" | "step" | "steps" => match number.parse() {
                Ok(steps) if steps > 0 => Ok(CheckpointEvery::Steps(steps)),
                _ => Err(wrong()),
            },
            "m" | "min" | "minute" | "minutes" => match number.parse::<f64>() {
                Ok(minutes) if minutes > 0.0 && minutes < 1e6 => {
                    Ok(CheckpointEvery::Time(Duration::from_secs_f64(60.0 * minutes)))
                }
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

/// Everything that a run is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainOptions {
    /// The dataset's folder.
    pub dataset: PathBuf,
    /// The run's folder.
    pub out: PathBuf,
    /// The network.
    pub network: Network,
    /// A file of weights to begin with; random ones without.
    pub weights: Option<PathBuf>,
    /// Which weights of a file that holds several, such as averaged ones beside raw ones; else the usual ones.
    pub weights_key: Option<String>,
    /// The view; weights bring theirs, and another one is refused.
    pub view: Option<String>,
    /// What is trained.
    pub finetune: Finetune,
    /// What is trained on.
    pub select: Select,
    /// What is validated on.
    pub validation: Validation,
    /// Side of the tensors; else the network's usual one where it is stored, else the first that is.
    pub size: Option<u32>,
    /// Epochs.
    pub epochs: u32,
    /// Samples that pass through at once.
    pub batch_size: usize,
    /// Batches whose gradients make a step.
    pub accumulate: u32,
    /// The schedule's base rate; else one of the defaults above.
    pub learning_rate: Option<f64>,
    /// Momentum, weight decay.
    pub sgd: SgdOptions,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: f64,
    /// How much the classes count.
    pub class_weights: ClassWeights,
    /// Mean and variance of BatchNorm; else stored for a frozen backbone and for weights whose BatchNorm is
    /// folded, and the batch's otherwise.
    pub batch_norm: Option<BatchNormMode>,
    /// Crop and flip.
    pub augment: Augment,
    /// Epochs without a better validation loss after which the run ends; `None`: it does not.
    pub patience: Option<u32>,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Where the network computes.
    pub device: DeviceChoice,
    /// What convolutions and matrix products multiply. float16 on the CPU is for tests: plain loops; bfloat16 takes a
    /// GPU.
    pub precision: Precision,
    /// Steps between two looks at the loss, for which the device is waited for: rows of steps.csv, reports and the test
    /// whether it is a number come so much later. Else 1 on the CPU and 16 on a GPU; always 1 in float16, whose steps
    /// depend on what they gave, and with class weights where batches are taken together.
    pub fetch_every: Option<u32>,
    /// Threads that compute; else all cores.
    pub threads: Option<usize>,
    /// Threads that fill batches; else all cores.
    pub workers: Option<usize>,
    /// Where features of a frozen backbone are kept.
    pub cache: CacheChoice,
    /// Bytes of memory that may be needed; else what is available.
    pub memory_limit: Option<u64>,
    /// How often a checkpoint is written inside an epoch.
    pub checkpoint_every: CheckpointEvery,
    /// Discard what the run's folder holds.
    pub restart: bool,
}

impl TrainOptions {
    /// Fine-tunes the head of a network on the split `train` of a dataset, with every default.
    pub fn new(dataset: impl Into<PathBuf>, network: Network, out: impl Into<PathBuf>) -> Self {
        TrainOptions {
            dataset: dataset.into(),
            out: out.into(),
            network,
            weights: None,
            weights_key: None,
            view: None,
            finetune: Finetune::Head,
            select: Select::split("train"),
            validation: Validation::Auto,
            size: None,
            epochs: DEFAULT_EPOCHS,
            batch_size: DEFAULT_BATCH_SIZE,
            accumulate: 1,
            learning_rate: None,
            sgd: SgdOptions { weight_decay: DEFAULT_WEIGHT_DECAY, ..SgdOptions::default() },
            schedule: Schedule::Cosine { warm_up: 0 },
            label_smoothing: 0.0,
            class_weights: ClassWeights::Equal,
            batch_norm: None,
            augment: Augment::default(),
            patience: None,
            seed: 0,
            device: DeviceChoice::Auto,
            precision: Precision::F32,
            fetch_every: None,
            threads: None,
            workers: None,
            cache: CacheChoice::Run,
            memory_limit: None,
            checkpoint_every: DEFAULT_CHECKPOINT_EVERY,
            restart: false,
        }
    }

    /// The schedule's base rate.
    pub fn base_rate(&self) -> f64 {
        let default = match (self.finetune, &self.weights, self.network) {
            (Finetune::All, None, Network::Vgg19) => DEFAULT_RANDOM_VGG19_LEARNING_RATE,
            (Finetune::All, None, _) => DEFAULT_RANDOM_LEARNING_RATE,
            _ => DEFAULT_LEARNING_RATE,
        };
        self.learning_rate.unwrap_or(default)
    }

    /// Whether the default rate was another one up to 0.2.0, with which runs may have been begun.
    pub(super) fn had_another_default_rate(&self) -> bool {
        self.learning_rate.is_none() && self.base_rate() == DEFAULT_RANDOM_VGG19_LEARNING_RATE
    }

    /// The first number that makes no sense.
    pub(super) fn fault(&self) -> Option<TrainError> {
        self.faults().next()
    }

    /// Every number that makes no sense.
    pub(super) fn faults(&self) -> impl Iterator<Item = TrainError> {
        let rate = self.base_rate();
        let within = |value: f64| (0.0..=1.0).contains(&value);
        let fault = |option, is_right: bool, reason: String| {
            (!is_right).then(|| TrainError::bad(option, reason))
        };
        let positive = |option, value: f64| {
            let reason = format!("expected a number above 0, found {value}");
            fault(option, value.is_finite() && value > 0.0, reason)
        };
        let share = |option, value: f64| {
            fault(option, within(value), format!("expected 0 to 1, found {value}"))
        };
        let zero =
            |option, value: u64| fault(option, value > 0, "expected 1 or more, found 0".to_owned());
        let decay = self.sgd.weight_decay;
        let decays = decay.is_finite() && decay >= 0.0;
        let found = [
            positive("learning_rate", rate),
            share("momentum", self.sgd.momentum),
            share("label_smoothing", self.label_smoothing),
            share("flip", self.augment.flip),
            zero("epochs", self.epochs.into()),
            zero("batch_size", self.batch_size as u64),
            zero("accumulate", self.accumulate.into()),
            zero("fetch_every", self.fetch_every.map_or(1, u64::from)),
            zero("patience", self.patience.map_or(1, u64::from)),
            fault("weight_decay", decays, format!("expected 0 or more, found {decay}")),
        ];
        found.into_iter().flatten()
    }
}

/// Name of a run that nobody named: trained on P % it is `test-pP-NAME`, so that nobody takes it for a run on all samples.
pub fn default_run_name(name: &str, percent: Option<Percent>) -> String {
    percent.map_or_else(|| name.to_owned(), |percent| format!("test-p{percent}-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line_are_read_and_nonsense_is_told_what_was_expected() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("balanced".parse(), Ok(ClassWeights::Balanced));
        assert_eq!("1, 0.5".parse(), Ok(ClassWeights::List(vec![1.0, 0.5])));
        assert_eq!("500 steps".parse(), Ok(CheckpointEvery::Steps(500)));
        let minutes = CheckpointEvery::Time(Duration::from_secs(30));
        assert_eq!("0.5min".parse(), Ok(minutes));
        for wrong in ["gpu", "cuda:", "cuda:x"] {
            assert!(wrong.parse::<DeviceChoice>().unwrap_err().expected.contains("cuda:N"));
        }
        for wrong in ["", "1,x", "1,-1", "1,NaN"] {
            assert!(
                wrong.parse::<ClassWeights>().unwrap_err().expected.contains("balanced"),
                "{wrong}"
            );
        }
        for wrong in ["", "0", "1.5", "0 min", "3 h", "-1 steps"] {
            assert!(
                wrong.parse::<CheckpointEvery>().unwrap_err().expected.contains("10 min"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn vgg19_from_random_weights_begins_with_a_lower_rate_and_nothing_else_does() {
        let rate = |network, finetune, weights: Option<&str>| {
            let mut options = TrainOptions::new("d", network, "runs/x");
            (options.finetune, options.weights) = (finetune, weights.map(PathBuf::from));
            (options.base_rate(), options.had_another_default_rate())
        };
        assert_eq!(rate(Network::Vgg19, Finetune::All, None), (0.01, true));
        assert_eq!(rate(Network::Vgg19, Finetune::All, Some("w.pth")), (0.001, false));
        assert_eq!(rate(Network::Vgg19, Finetune::Head, None), (0.001, false));
        assert_eq!(rate(Network::MobileNetV2, Finetune::All, None), (0.05, false));
    }

    #[test]
    fn numbers_that_make_no_sense_are_named() {
        let fault = |change: &dyn Fn(&mut TrainOptions)| {
            let mut options = TrainOptions::new("d", Network::Vgg19, "runs/x");
            change(&mut options);
            options.fault().map_or(String::new(), |fault| fault.to_string())
        };
        assert_eq!(fault(&|_| {}), "");
        assert!(
            fault(&|options| options.learning_rate = Some(f64::NAN)).starts_with("`learning_rate`")
        );
        assert!(fault(&|options| options.sgd.momentum = 1.5).starts_with("`momentum`"));
        assert!(fault(&|options| options.epochs = 0).starts_with("`epochs`"));
        assert!(fault(&|options| options.patience = Some(0)).starts_with("`patience`"));
        assert!(fault(&|options| options.sgd.weight_decay = -1.0).starts_with("`weight_decay`"));
    }
}
