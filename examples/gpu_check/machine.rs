//! Section `machine`: what everything ran on; and memory of the device, for the others. No host name, no paths.

use std::error::Error;
use std::fs;
#[cfg(feature = "cuda")]
use std::process::Command;

use candle_core::Device;

use super::page::Section;
use super::settings::Place;

pub(crate) fn section(place: &Place) -> Result<Section, Box<dyn Error>> {
    let mut facts = device_facts(&place.device)?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split(':').nth(1)).unwrap_or("unknown").trim();
    facts.push(format!("CPU: {model}, {} cores", tcolz_base::usage::cores()));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // The number alone: what follows it is the distributor's.
    facts.push(format!("Linux {}", kernel.split('-').next().unwrap_or_default().trim()));
    facts.push(format!("tcolz {}, {}", env!("CARGO_PKG_VERSION"), built_with()));
    let text = facts.iter().map(|fact| format!("- {fact}\n")).collect();
    Ok(Section { text, is_sound: true })
}

fn built_with() -> &'static str {
    if cfg!(feature = "cudnn") {
        "built with CUDA and cuDNN"
    } else if cfg!(feature = "cuda") {
        "built with CUDA, without cuDNN"
    } else {
        "built without CUDA"
    }
}

#[cfg(feature = "cuda")]
fn device_facts(device: &Device) -> Result<Vec<String>, Box<dyn Error>> {
    let Ok(cuda) = device.as_cuda_device() else { return Ok(vec!["device: the CPU".to_owned()]) };
    let stream = cuda.cuda_stream();
    let context = stream.context();
    let (major, minor) = context.compute_capability()?;
    let memory = context.total_mem()? as f64 / 1e9;
    let name = context.name()?;
    let mut facts =
        vec![format!("device: {name}, compute capability {major}.{minor}, {memory:.1} GB")];
    let asked = ["--query-gpu=driver_version,power.limit,clocks.max.sm", "--format=csv,noheader"];
    if let Some(line) = output("nvidia-smi", &asked) {
        let line = line.lines().next().unwrap_or_default();
        facts.push(format!("driver, power limit, highest clock: {line}"));
    }
    Ok(facts)
}

#[cfg(not(feature = "cuda"))]
fn device_facts(_device: &Device) -> Result<Vec<String>, Box<dyn Error>> {
    Ok(vec!["device: the CPU".to_owned()])
}

/// What a program prints; `None` where it is not there or fails.
#[cfg(feature = "cuda")]
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Memory of the device that is in use, in bytes; of the CPU what this process has.
#[cfg(feature = "cuda")]
pub(crate) fn used_bytes(device: &Device) -> Option<u64> {
    let Ok(cuda) = device.as_cuda_device() else { return tcolz_base::usage::anonymous_bytes() };
    let (free, all) = cuda.cuda_stream().context().mem_get_info().ok()?;
    Some(all.saturating_sub(free) as u64)
}

#[cfg(not(feature = "cuda"))]
pub(crate) fn used_bytes(_device: &Device) -> Option<u64> {
    tcolz_base::usage::anonymous_bytes()
}
