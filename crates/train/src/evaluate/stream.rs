//! Streams samples through a network, in the order of storage.

use candle_core::{DType, Device, Tensor};

use super::error::EvaluateError;
use super::options::EvaluateOptions;
use super::predictions::Predictions;
use super::protocol::{Protocol, ScoredClasses};
use tcolz_format::dataset::{Dataset, Receipt};
use tcolz_format::sample::NO_LABEL;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Loader, RankState, Selection};
use tcolz_nn::{Folded, Model, ModelError};

/// Predictions of the selected samples, each once, and the loader's receipt of them.
pub(super) fn predictions(
    model: &Model,
    dataset: &Dataset,
    options: &EvaluateOptions,
    classes: ScoredClasses,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Predictions, Receipt), EvaluateError> {
    let loader = loader(model, dataset, options)?;
    let selection = loader.selection();
    let samples = selection.len();
    let agreement = scorable(dataset, selection, options.protocol)?;
    let network = Folded::new(&model.spec(), &model.tensors, &options.device)?;
    let mut found = Predictions { agreement, ..Predictions::default() };
    let mut epoch = loader.tensors(0, &options.device);
    progress(0, samples as u64);
    for batch in epoch.by_ref() {
        let batch = batch?;
        let logits = logits(&network, &batch.images)?;
        let outputs = model.facts.classes.len();
        for (row, sample_id) in logits.chunks_exact(outputs).zip(batch.sample_ids.iter()) {
            if let Some(&value) = row.iter().find(|value| !value.is_finite()) {
                let sample_id = sample_id.to_owned();
                return Err(EvaluateError::NotFinite { sample_id, value });
            }
            found.sample_ids.push(sample_id.to_owned());
            classes.probabilities(row, &mut found.probabilities);
        }
        let labels = batch.labels.to_vec1::<u32>().map_err(ModelError::from)?;
        found.labels.extend(labels.into_iter().map(|label| classes.of_label[label as usize]));
        batch.recycle();
        progress(found.labels.len() as u64, samples as u64);
    }
    let state = RankState::merge(&[epoch.state()])?;
    loader.check_receipts(&state)?;
    assert_eq!((found.len(), found.sample_ids.len()), (samples, samples), "as the receipt says");
    found.classes = classes.names;
    Ok((found, state.delivered))
}

/// Tests that selected samples can be scored: with [`Protocol::Ttd`] how many annotators agreed on each.
pub(super) fn scorable(
    dataset: &Dataset,
    selection: &Selection,
    protocol: Protocol,
) -> Result<Option<Vec<u8>>, EvaluateError> {
    let samples = selection.len();
    let unlabelled = selection.labels().iter().filter(|&&label| label == NO_LABEL).count();
    if unlabelled > 0 {
        return Err(EvaluateError::Unlabelled { unlabelled, samples });
    }
    match protocol {
        Protocol::Plain => Ok(None),
        Protocol::Ttd => agreement(dataset, selection).map(Some),
    }
}

/// Reads what the model was trained on, as it saw it.
fn loader(
    model: &Model,
    dataset: &Dataset,
    options: &EvaluateOptions,
) -> Result<Loader, EvaluateError> {
    let mut builder = dataset
        .loader(&options.select.split)
        .select(options.select.clone())
        .view(&model.facts.view.name)
        .size(model.facts.size)
        .batch_size(options.batch_size)
        .thread_name("tcolz-evaluate");
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    Ok(builder.build()?)
}

/// Logits of images, `[n, outputs]` row by row.
fn logits(network: &Folded, images: &Tensor) -> Result<Vec<f32>, ModelError> {
    let logits = network.logits(images)?;
    Ok(logits.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

/// How many annotators agreed on each selected sample, by the ledger.
fn agreement(dataset: &Dataset, selection: &Selection) -> Result<Vec<u8>, EvaluateError> {
    let all = selection.read_ledger(dataset, &["agreement"], |batch, rows| {
        let agreement = batch.u8("agreement")?;
        Ok(rows.iter().map(|&row| agreement(row)).collect())
    })?;
    let unknown = all.iter().filter(|agreement| agreement.is_none()).count();
    if unknown > 0 {
        let dataset = dataset.root().to_owned();
        return Err(EvaluateError::Agreement { dataset, unknown, samples: all.len() });
    }
    Ok(all.into_iter().flatten().collect())
}
