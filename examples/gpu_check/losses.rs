//! Section `losses`: the same steps of each network here and on the CPU.

use std::error::Error;

use tcolz::nn::Network;
use tcolz::train::Finetune;

use super::page::{Section, Table};
use super::settings::Place;
use super::training::{self, Until};

const STEPS: u64 = 50;
const SMALL_STEPS: u64 = 3;
const BATCH: usize = 8;
const SMALL_NETWORKS: [Network; 1] = [Network::MobileNetV2];
/// Share of a network's time that the CPU may take; what it has not done by then is not compared.
const CPU_SHARE: f64 = 0.6;
/// How far the first loss may be off, and the mean of all: rounding grows from step to step.
const FIRST: f64 = 1e-4;
const MEAN: f64 = 1e-2;

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let networks = if place.small { &SMALL_NETWORKS[..] } else { &Network::ALL };
    let head =
        ["network", "steps", "first loss", "last loss", "first off by", "all off by", "verdict"];
    let mut table = Table::new(head);
    let mut is_sound = true;
    for (&network, rest) in networks.iter().zip((1..=networks.len() as u32).rev()) {
        let share = place.left() / rest;
        let out = place.folder.path().join(network.name());
        let mut options = training::options(place, network, Finetune::All, &out);
        options.size = Some(place.small_size);
        options.batch_size = BATCH;
        let on_cpu = training::on_the_cpu(options.clone(), &out.with_extension("cpu"));
        let steps = if place.small { SMALL_STEPS } else { STEPS };
        let expected = training::run(&on_cpu, Until { steps, time: share.mul_f64(CPU_SHARE) })?;
        let steps = expected.losses.len() as u64;
        let found = training::run(&options, Until { steps, time: share })?;
        // Whole weights lie in each.
        std::fs::remove_dir_all(&options.out)?;
        std::fs::remove_dir_all(&on_cpu.out)?;
        let pairs = || found.losses.iter().zip(&expected.losses);
        let off: Vec<f64> = pairs().map(|(a, b)| (a - b).abs() / b.abs().max(1e-9)).collect();
        let first = off.first().copied().unwrap_or(f64::NAN);
        let mean = off.iter().sum::<f64>() / off.len() as f64;
        let agrees = first <= FIRST && mean <= MEAN;
        is_sound &= agrees;
        let loss = |loss: Option<&f64>| loss.map_or(String::new(), |loss| format!("{loss:.4}"));
        table.row([
            network.to_string(),
            format!("{} of {}", off.len(), if place.small { SMALL_STEPS } else { STEPS }),
            loss(expected.losses.first()),
            loss(expected.losses.last()),
            format!("{first:.1e}"),
            format!("{mean:.1e}"),
            (if agrees { "agrees" } else { "**OFF**" }).to_owned(),
        ]);
    }
    let text = format!(
        "All layers from the same random weights, {BATCH} photos of {0} × {0} a step, losses of the CPU and how far those of the device \
         are off, as a share: at most {FIRST:.0e} in the first step and {MEAN:.0e} in the mean. Fewer steps are compared where the CPU \
         had no time for more.\n\n{1}",
        place.small_size,
        table.text()
    );
    Ok(Section { text, is_sound })
}
