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

use std::error::Error;
use std::process::ExitCode;

use candle_core::Device;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let number = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let device = match Device::new_cuda(number) {
        Ok(device) => device,
        Err(error) => {
            eprintln!(
                "no GPU was tested: CUDA device {number} cannot be had ({error}); \
                 expected an NVIDIA GPU and its driver, which `nvidia-smi` lists"
            );
            return Ok(ExitCode::from(2));
        }
    };
    let folder = tempfile::tempdir()?;
    let dataset = loading::dataset(folder.path(), 60, 224)?;
    let mut checks = loading::checks(&dataset);
    checks.extend(network::checks());
    checks.extend(ops::checks());
    println!("{}", compare::head());
    let mut off = Vec::new();
    for check in &checks {
        let outcome = check.compare(&Device::Cpu, &device);
        println!("{}", outcome.row());
        if !outcome.is_sound() {
            off.push(outcome.name);
        }
    }
    if off.is_empty() {
        println!("\nall {} operations agree with the CPU", checks.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{} of {} operations are off: {}", off.len(), checks.len(), off.join("; "));
    Ok(ExitCode::FAILURE)
}
