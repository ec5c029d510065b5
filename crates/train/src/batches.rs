//! The batches of an epoch: images from the loader, or features from the cache.

use candle_core::{Device, Tensor};

use super::error::{Result, TrainError};
use super::features::FeatureEpoch;
use super::learner::Inputs;
use tcolz_loader::{RankState, State, TensorBatch, TensorEpoch};

/// A batch. When it is dropped the loader has the memory of its images back.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) inputs: Inputs,
    /// A class for each sample, `[n]` of u32, where the inputs lie.
    pub(super) labels: Tensor,
    /// What the images came in.
    loaded: Option<TensorBatch>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(loaded) = self.loaded.take() {
            loaded.recycle();
        }
    }
}

/// The rest of an epoch.
#[derive(Debug)]
pub(super) enum Batches {
    Images(TensorEpoch),
    Features(FeatureEpoch, Device),
}

impl Batches {
    /// The next batch; `None` behind the last one.
    pub(super) fn next(&mut self) -> Option<Result<Batch>> {
        match self {
            Batches::Images(epoch) => {
                Some(epoch.next()?.map_err(TrainError::from).map(|batch| Batch {
                    inputs: Inputs::Images(batch.images.clone()),
                    labels: batch.labels.clone(),
                    loaded: Some(batch),
                }))
            }
            Batches::Features(epoch, device) => Some(epoch.next()?.and_then(|batch| {
                let shape = (batch.labels.len(), batch.values.len() / batch.labels.len().max(1));
                let labels = Tensor::from_vec(batch.labels, shape.0, device)?;
                let features = Tensor::from_vec(batch.values, shape, device)?;
                Ok(Batch { inputs: Inputs::Features(features), labels, loaded: None })
            })),
        }
    }

    /// Where the epoch stands: behind the last batch that [`Batches::next`] gave.
    pub(super) fn state(&self) -> Result<State> {
        match self {
            Batches::Images(epoch) => Ok(RankState::merge(&[epoch.state()])?),
            Batches::Features(epoch, _) => Ok(epoch.state()),
        }
    }
}
