//! Sets of values by name.

use std::str::FromStr;

use super::options::{Finetune, TrainOptions};
use super::schedule::Schedule;
use super::sgd::Decay;
use tcolz_nn::WordError;

/// A set of values by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// `b-t4sa-2018`: the training of the Keras pipeline that this project replaces.
    BT4sa2018,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 1] = [Preset::BT4sa2018];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Preset::BT4sa2018 => "b-t4sa-2018",
        }
    }

    /// Puts its values into options, of which [`TrainOptions::finetune`] is set.
    pub fn apply(self, options: &mut TrainOptions) {
        match self {
            Preset::BT4sa2018 => {
                options.epochs = 15;
                options.batch_size = match options.finetune {
                    Finetune::Head => 64,
                    Finetune::All => 48,
                };
                options.learning_rate = Some(1e-3);
                options.schedule = Schedule::BT4sa2018;
                options.sgd.momentum = 0.9;
                options.sgd.weight_decay = 1e-5;
                options.sgd.decay = Decay::Kernels;
                options.patience = Some(5);
            }
        }
    }
}

impl FromStr for Preset {
    type Err = WordError;

    fn from_str(name: &str) -> Result<Preset, WordError> {
        let known = Preset::ALL.into_iter().find(|preset| preset.name() == name);
        known.ok_or_else(|| {
            let names = Preset::ALL.map(Preset::name).join(", ");
            WordError::new(format!("one of {names}"), name)
        })
    }
}
