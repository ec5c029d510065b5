//! Section `operations`: the self-test's rows, those that are off one by one, the others counted.

use std::error::Error;

use candle_core::Device;

use super::compare::Verdict;
use super::page::{Section, Table};
use super::settings::Place;
use super::{loading, network, ops};

/// Photos of the loader's rows, and their side.
const PHOTOS: (u32, u32) = (60, 224);
const SMALL_PHOTOS: (u32, u32) = (24, 32);

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let (photos, size) = if place.small { SMALL_PHOTOS } else { PHOTOS };
    let dataset = loading::dataset(place.folder.path(), photos, size)?;
    let checks = loading::checks(&dataset).into_iter().chain(network::checks());
    let (mut same, mut near, mut off, mut left_out) = (0, 0, 0, 0);
    let mut table = Table::new(["operation", "largest difference", "allowed", "verdict"]);
    for check in checks.chain(ops::checks()) {
        if place.left().is_zero() {
            left_out += 1;
            continue;
        }
        let outcome = check.compare(&Device::Cpu, &place.device);
        let verdict = match &outcome.verdict {
            Verdict::Same => {
                same += 1;
                continue;
            }
            Verdict::Near => {
                near += 1;
                "within what is allowed".to_owned()
            }
            Verdict::Off => {
                off += 1;
                "**OFF**".to_owned()
            }
            Verdict::Failed(error) => {
                off += 1;
                format!("**FAILED**: {error}")
            }
        };
        table.row([
            outcome.name,
            format!("{:.1e}", outcome.difference),
            format!("{:.1e}", outcome.tolerance),
            verdict,
        ]);
    }
    let all = same + near + off + left_out;
    let text = format!(
        "{all} operations, views and ways of loading, with their gradients where they have some: {same} give the same bits, {near} \
         are within what is allowed (a share of the largest number), {off} are off, for {left_out} there was no time.\n"
    );
    let text = match same == all {
        true => text,
        false => format!("{text}\nThose that do not give the same bits:\n\n{}", table.text()),
    };
    Ok(Section { text, is_sound: off == 0 && left_out == 0 })
}
