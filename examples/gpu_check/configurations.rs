//! Section `configurations`: the six models of the study on B-T4SA (`examples/study-b-t4sa.toml`).

use std::error::Error;
use std::time::Duration;

use candle_core::Tensor;
use tcolz::nn::{Folded, Network, Precision, init};
use tcolz::train::Finetune;

use super::page::{Section, Table};
use super::settings::Place;
use super::timing::seconds_of;
use super::torch::{self, Step};
use super::training::{self, Trained, Until};

/// The study's networks, and how many photos a step has: the last layers, all layers.
const NETWORKS: [Network; 3] = [Network::Vgg19, Network::MobileNetV1, Network::InceptionResNetV2];
const SMALL_NETWORKS: [Network; 1] = [Network::MobileNetV1];
const FINETUNES: [(Finetune, usize); 2] = [(Finetune::Head, 64), (Finetune::All, 48)];
const SMALL_BATCH: usize = 4;
const CLASSES: usize = 3;
const STEPS: u64 = 200;
const SMALL_STEPS: u64 = 5;
/// Share of a configuration's time for the steps of a precision; the rest is for weights, forward and checkpoints.
const STEPS_SHARE: f64 = 0.25;
/// Share of the section's time for PyTorch.
const TORCH_SHARE: f64 = 0.35;
/// Of inference.
const FORWARD_TIME: Duration = Duration::from_secs(2);
const SMALL_FORWARD_TIME: Duration = Duration::from_millis(100);

/// The networks, what is trained and the photos of a step, in the order of the page.
pub(crate) fn all(small: bool) -> Vec<(Network, Finetune, usize)> {
    let networks = if small { &SMALL_NETWORKS[..] } else { &NETWORKS };
    let of = |&network: &Network| {
        FINETUNES.map(|(tuned, batch)| (network, tuned, if small { SMALL_BATCH } else { batch }))
    };
    networks.iter().flat_map(of).collect()
}

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let size = place.size;
    let forward_time = if place.small { SMALL_FORWARD_TIME } else { FORWARD_TIME };
    let head = [
        "network",
        "trained",
        "photos a step",
        "forward, ms",
        "step, ms",
        "PyTorch's, ms",
        "with TF32, ms",
        "PyTorch's, ms",
        "photos a second",
        "waiting for data",
        "memory, GB",
        "estimate, GB",
    ];
    let mut table = Table::new(head);
    let all = all(place.small);
    let peer = torch::steps(place, &all, CLASSES, place.left().mul_f64(TORCH_SHARE))?;
    let (version, peers) =
        peer.unwrap_or_else(|reason| (format!("not there: {reason}"), Vec::new()));
    let (mut is_sound, count) = (true, all.len() as u32);
    for ((network, finetune, batch), number) in all.into_iter().zip(0..) {
        let share = place.left() / (count - number);
        let name = format!("{network}-{finetune}");
        let out = place.folder.path().join(&name);
        let mut options = training::options(place, network, finetune, &out);
        options.size = Some(size);
        options.batch_size = batch;
        let steps = if place.small { SMALL_STEPS } else { STEPS };
        let until = Until { steps, time: share.mul_f64(STEPS_SHARE) };
        let mut train = |precision| {
            options.precision = precision;
            let found = training::run(&options, until);
            // Weights and momentum lie there.
            let _ = std::fs::remove_dir_all(&out);
            found
        };
        let step =
            |found: &Trained| format!("{:.1}", batch as f64 / found.samples_per_second * 1e3);
        // What does not fit is a row, and no end of the others.
        let cells = forward(place, network, batch, size, forward_time)
            .and_then(|forward| Ok((forward, train(Precision::F32)?)));
        // On the CPU it is float32.
        let tf32 = (!place.device.is_cpu()).then(|| train(Precision::Tf32));
        let tf32 = match tf32 {
            None => String::new(),
            Some(Ok(found)) => step(&found),
            Some(Err(error)) => {
                is_sound = false;
                failure(&*error)
            }
        };
        let cells = match cells {
            Ok((forward, found)) => [
                format!("{:.1}", forward * 1e3),
                step(&found),
                format!("{:.0}", found.samples_per_second),
                format!("{:.1} %", found.waiting * 100.0),
                format!("{:.2}", found.used as f64 / 1e9),
                format!("{:.2}", found.estimate as f64 / 1e9),
            ],
            Err(error) => {
                is_sound = false;
                let mut cells: [String; 6] = Default::default();
                cells[0] = failure(&*error);
                cells
            }
        };
        let [forward, step, photos, waiting, memory, estimate] = cells;
        let [off, on] = [false, true].map(|tf32| peers_cell(&peers, number as usize, tf32));
        let (network, trained) = (network.to_string(), finetune.to_string());
        let batch = batch.to_string();
        table.row([
            network, trained, batch, forward, step, off, tf32, on, photos, waiting, memory,
            estimate,
        ]);
    }
    let text = format!(
        "{size} × {size}; `forward` is inference of a step's photos that lie on the device, `step` all of training: loading, view, \
         forward, backward, update. `head` passes through the frozen backbone in every step, as in the first epoch of a run. Memory \
         is the most that was in use more than before; the estimate is what `tcolz train` says beforehand. All is in float32; `with \
         TF32` rounds the factors of convolutions (`--precision tf32`; PyTorch: of all products) to TensorFloat-32. PyTorch's step is \
         forward, backward and update of photos that lie on the device ({version}).\n\n{}",
        table.text()
    );
    Ok(Section { text, is_sound })
}

fn failure(error: &dyn Error) -> String {
    format!("**FAILED**: {}", error.to_string().lines().next().unwrap_or_default())
}

/// PyTorch's milliseconds of a configuration.
fn peers_cell(peers: &[Step], number: usize, tf32: bool) -> String {
    let step = peers.iter().find(|step| step.number == number && step.tf32 == tf32);
    step.map_or_else(String::new, |step| match (step.milliseconds, &step.error) {
        (Some(milliseconds), _) => format!("{milliseconds:.1}"),
        (None, Some(error)) => format!("failed: {error}"),
        (None, None) => String::new(),
    })
}

/// Seconds of inference.
fn forward(
    place: &Place,
    network: Network,
    batch: usize,
    size: u32,
    time: Duration,
) -> Result<f64, Box<dyn Error>> {
    let spec = network.spec(&network.properties(), CLASSES);
    let folded = Folded::new(&spec, &init::initial_weights(&spec, 1)?, &place.device)?;
    let size = size as usize;
    let images = Tensor::ones((batch, 3, size, size), candle_core::DType::F32, &place.device)?;
    seconds_of(&place.device, time, || {
        folded.logits(&images).map(drop).map_err(candle_core::Error::wrap)
    })
}
