//! An epoch as tensors on a device.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use candle_core::{Device, WithDType};

use super::{DeviceView, TensorBatch};
use crate::element::Element;
use crate::epoch::Epoch;
use crate::order::Stripes;
use crate::plan::Plan;
use crate::state::{RankState, State};
use crate::work::panic_text;
use crate::{Loader, LoaderError};
use tcolz_device::{Upload, tensor};

/// Batches that wait on the device beside the one that is being made: two are ahead of the consumer.
const WAITING: usize = 1;

/// What is brought to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// The numbers of the view, which the workers applied.
    Elements,
    /// Pixels, a quarter of the bytes of float32. A thread ahead of the consumer copies them beside what the device
    /// computes, and lets the device apply the view by Candle's own operations: the same bits.
    Pixels,
}

impl Transfer {
    /// What is best for a device: elements for the CPU, whose workers apply a view while they decode, pixels
    /// for others.
    pub fn of(device: &Device) -> Transfer {
        if device.is_cpu() { Transfer::Elements } else { Transfer::Pixels }
    }
}

/// The batches of the rest of an epoch as tensors; an iterator, made by [`Loader::tensors`].
///
/// The values are those of [`Epoch`], in its order. After an error there are no more. Dropping it at any
/// time ends and joins its threads.
#[derive(Debug)]
pub struct TensorEpoch {
    source: Source,
    /// Where this rank stands: what the consumer has had.
    state: RankState,
    stripes: Stripes,
    /// Batches that the consumer has had.
    step: u64,
}

/// A batch, and where the epoch stands behind it.
type Made = Result<(TensorBatch, RankState), LoaderError>;
/// Makes the next one.
type Maker = Box<dyn FnMut() -> Option<Made> + Send>;

enum Source {
    /// Made when they are asked for: the workers alone are ahead.
    Here(Maker),
    /// Made ahead by a thread.
    Ahead {
        made: Receiver<Made>,
        thread: JoinHandle<()>,
    },
    /// It could not begin.
    Failed(LoaderError),
    Over,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Here(_) => "Here",
            Source::Ahead { .. } => "Ahead",
            Source::Failed(_) => "Failed",
            Source::Over => "Over",
        })
    }
}

impl<T: Element + WithDType> Loader<T> {
    /// The epoch from a state of this order.
    pub(super) fn tensor_epoch(
        &self,
        plan: &Plan,
        state: State,
        device: &Device,
        transfer: Transfer,
    ) -> TensorEpoch {
        let pixels = transfer == Transfer::Pixels && T::NAME != u8::NAME;
        if pixels {
            let epoch = Epoch::begin(&self.pixels(), plan, state);
            let (rank, stripes) = (epoch.state(), epoch.stripes());
            let maker = self.viewed_there(epoch, device.clone());
            TensorEpoch::new(self.ahead(maker), rank, stripes)
        } else {
            let epoch = Epoch::begin(self, plan, state);
            let (rank, stripes) = (epoch.state(), epoch.stripes());
            let maker = as_they_are(epoch, device.clone());
            let here = device.is_cpu() && transfer == Transfer::Elements;
            let source = if here { Source::Here(maker) } else { self.ahead(maker) };
            TensorEpoch::new(source, rank, stripes)
        }
    }

    /// Batches whose view the device applies.
    fn viewed_there(&self, mut epoch: Epoch<u8>, device: Device) -> Maker {
        let view = std::sync::Arc::clone(&self.view);
        let mut on_device: Option<DeviceView> = None;
        let mut upload = Upload::new(&device);
        Box::new(move || {
            Some(epoch.next()?.and_then(|batch| {
                let view = match &mut on_device {
                    Some(view) => view,
                    empty => empty.insert(
                        DeviceView::new(&view, T::DTYPE, &device).map_err(LoaderError::device)?,
                    ),
                };
                let batch = batch.upload(&mut upload, |pixels| {
                    // A GPU computes nothing of nothing.
                    let none = pixels.elem_count() == 0;
                    if none {
                        tensor::<T>(&[], pixels.shape(), &device)
                    } else {
                        view.apply(&pixels)
                    }
                })?;
                Ok((batch, epoch.state()))
            }))
        })
    }

    /// Lets a thread run ahead.
    fn ahead(&self, maker: Maker) -> Source {
        let (sender, made) = sync_channel(WAITING);
        let builder = Builder::new().name(format!("{}-device", self.thread_name));
        match builder.spawn(move || run_ahead(maker, &sender)) {
            Ok(thread) => Source::Ahead { made, thread },
            Err(error) => {
                let reason = format!("it could not be started: {error}");
                Source::Failed(LoaderError::Worker { step: 0, reason })
            }
        }
    }
}

/// Batches of elements.
fn as_they_are<T: Element + WithDType>(mut epoch: Epoch<T>, device: Device) -> Maker {
    let mut upload = Upload::new(&device);
    Box::new(move || {
        let made = epoch.next()?.and_then(|batch| match device.is_cpu() {
            // Its own memory becomes the tensor's.
            true => batch.into_tensors(&device),
            false => batch.upload(&mut upload, Ok),
        });
        Some(made.map(|batch| (batch, epoch.state())))
    })
}

/// Until the epoch or the consumer's interest ends; an error is the last thing that is sent.
fn run_ahead(mut maker: Maker, sender: &SyncSender<Made>) {
    while let Some(made) = maker() {
        let last = made.is_err();
        if sender.send(made).is_err() || last {
            return;
        }
    }
}

impl TensorEpoch {
    fn new(source: Source, state: RankState, stripes: Stripes) -> TensorEpoch {
        TensorEpoch { source, state, stripes, step: 0 }
    }

    /// Where this rank stands: behind the last batch that [`Iterator::next`] gave, however far the threads
    /// are ahead. As [`Epoch::state`].
    pub fn state(&self) -> RankState {
        self.state.clone()
    }

    /// How the rest of the epoch is divided.
    pub fn stripes(&self) -> Stripes {
        self.stripes
    }

    /// The next batch of the source; what is left of the epoch is ended when there is none.
    fn take(&mut self) -> Option<Made> {
        match &mut self.source {
            Source::Here(maker) => maker(),
            Source::Ahead { made, .. } => match made.recv() {
                Ok(made) => Some(made),
                Err(_) => self.end().map(Err),
            },
            Source::Failed(_) => self.end().map(Err),
            Source::Over => None,
        }
    }

    /// Ends and joins the threads. Gives what kept the epoch from beginning or ended its thread.
    fn end(&mut self) -> Option<LoaderError> {
        match std::mem::replace(&mut self.source, Source::Over) {
            Source::Ahead { made, thread } => {
                // A thread that waits for room is told that nobody is there any more.
                drop(made);
                let panic = thread.join().err()?;
                let reason = format!("it panicked: {}", panic_text(&*panic));
                Some(LoaderError::Worker { step: self.step, reason })
            }
            Source::Failed(error) => Some(error),
            Source::Here(_) | Source::Over => None,
        }
    }
}

impl Iterator for TensorEpoch {
    type Item = Result<TensorBatch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.take() {
            Some(Ok((batch, state))) => {
                self.state = state;
                self.step += 1;
                Some(Ok(batch))
            }
            Some(Err(error)) => {
                self.end();
                Some(Err(error))
            }
            None => {
                self.end();
                None
            }
        }
    }
}

impl Drop for TensorEpoch {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use candle_core::{DType, Tensor};

    use super::*;
    use crate::{Identity, LastBatch};

    fn at(position: u64) -> RankState {
        let state = State { position, ..Identity::new("root", "sequential-v1", 0, &[]).begin(0) };
        RankState { rank: 0, world: 1, state }
    }

    fn batch() -> TensorBatch {
        let none = Tensor::zeros(0, DType::U32, &Device::Cpu).unwrap();
        let (sample_ids, skipped) = Default::default();
        TensorBatch { images: none.clone(), labels: none, sample_ids, skipped, lender: None }
    }

    fn epoch_of(maker: Maker) -> TensorEpoch {
        let last = LastBatch::Keep;
        let stripes = Stripes { start: 0, total: 9, world: 1, batch_size: 3, last };
        let (sender, made) = sync_channel(WAITING);
        let thread = std::thread::spawn(move || run_ahead(maker, &sender));
        TensorEpoch::new(Source::Ahead { made, thread }, at(0), stripes)
    }

    #[test]
    fn a_thread_ahead_that_panics_reaches_the_consumer_as_the_error_of_its_step() {
        let mut batches = [batch(), batch()].into_iter();
        let mut epoch = epoch_of(Box::new(move || match batches.next() {
            Some(batch) => Some(Ok((batch, at(1)))),
            None => panic!("the device is cursed"),
        }));
        assert!(epoch.next().unwrap().is_ok() && epoch.next().unwrap().is_ok());
        let error = epoch.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("at step 2: it panicked: the device is cursed"), "{error}");
        assert!(epoch.next().is_none());
    }

    #[test]
    fn the_thread_ahead_is_two_batches_ahead_and_no_more() {
        let (told, asked) = sync_channel(100);
        let mut number = 0;
        let mut epoch = epoch_of(Box::new(move || {
            told.send(()).unwrap();
            number += 1;
            Some(Ok((batch(), at(number))))
        }));
        let begun = || asked.recv_timeout(Duration::from_secs(60)).unwrap();
        let quiet = || asked.recv_timeout(Duration::from_millis(200)).is_err();
        begun(); // it waits in the channel
        begun(); // it is made and waits for room
        assert!(quiet());
        assert_eq!(epoch.state().state.position, 0, "the consumer has had nothing");
        epoch.next().unwrap().unwrap();
        begun();
        assert!(quiet());
        assert_eq!(epoch.state().state.position, 1);
        drop(epoch);
        assert!(quiet());
    }
}
