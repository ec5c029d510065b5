//! For whoever has a GPU: does Candle compute there what it computes on the CPU, and does tcolz bring it
//! the right pictures?
//!
//! ```text
//! cargo run --release --features cuda --example cuda_selftest -- [device number]
//! ```
//!
//! Prints a row for each operation and exits with 1 when one of them is off, with 2 when there is no GPU.

mod compare;
mod loading;
mod network;
mod ops;
mod stream;

use std::error::Error;
use std::process::ExitCode;

use candle_core::Device;
use compare::Check;
use stream::Stress;

/// Batches that are brought to the device and summed there.
const STRESS: Stress = Stress { batches: 4000, batch_size: 16, product: 4096 };

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let number: usize = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let device = match tcolz::nn::device::device(&format!("cuda:{number}")) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("no GPU was tested: {error}");
            return Ok(ExitCode::from(2));
        }
    };
    let folder = tempfile::tempdir()?;
    let dataset = loading::dataset(folder.path(), 60, 224)?;
    let mut checks = loading::checks(&dataset);
    checks.extend(network::checks());
    checks.extend(ops::checks());
    checks.push(stream::check(&dataset, "one stream for all threads", STRESS));
    println!("{}", compare::head());
    let mut off = Vec::new();
    let mut compare = |check: &Check, device: &Device| {
        let outcome = check.compare(&Device::Cpu, device);
        println!("{}", outcome.row());
        if !outcome.is_sound() {
            off.push(outcome.name);
        }
    };
    checks.iter().for_each(|check| compare(check, &device));
    // As somebody else may open it.
    let fewer = Stress { batches: STRESS.batches / 4, ..STRESS };
    let foreign = Device::new_cuda(number)?;
    compare(&stream::check(&dataset, "a stream for each thread", fewer), &foreign);
    let silent = Device::new_cuda_with_stream(number)?;
    // SAFETY: Candle uses one stream of this device, and the loader's copies have events of their own.
    unsafe { silent.as_cuda_device()?.disable_event_tracking() };
    compare(&stream::check(&dataset, "one stream, no events of cudarc's", fewer), &silent);
    let all = checks.len() + 2;
    if off.is_empty() {
        println!("\nall {all} operations agree with the CPU");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{} of {all} operations are off: {}", off.len(), off.join("; "));
    Ok(ExitCode::FAILURE)
}
