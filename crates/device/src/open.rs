//! Devices by name.

use candle_core::{Device, DeviceLocation};

/// A device that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name that no device has.
    #[error("device `{name}`: expected auto, cpu or cuda:N")]
    Name {
        /// What was asked for.
        name: String,
    },
    /// A GPU is asked of a build that knows none.
    #[error(
        "device `{name}`: this tcolz is built without CUDA: take tcolz-cuda (`make cuda`), build yours with the feature `cuda`, or take cpu"
    )]
    NotBuilt {
        /// What was asked for.
        name: String,
    },
    /// There is no GPU, or no driver that knows it.
    #[error(
        "device `{name}`: {reason}; expected an NVIDIA GPU with its driver and libraries, else take cpu"
    )]
    NoGpu {
        /// What was asked for.
        name: String,
        /// What the driver says.
        reason: String,
    },
    /// There are GPUs, and none of this number.
    #[error("device `{name}`: expected a number below {count}, the GPUs that the driver lists")]
    Number {
        /// What was asked for.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// The GPU is there and cannot be used.
    #[error("device `{name}`: {what} failed: {reason}{hint}")]
    Unusable {
        /// What was asked for.
        name: String,
        /// What was tried.
        what: &'static str,
        /// What the driver or the library says.
        reason: String,
        /// What to do, after a semicolon, where that is known.
        hint: &'static str,
    },
}

/// The device of a name: `cpu`, `cuda:N`, or `auto`: the first GPU where there is one, else the CPU
/// ([`no_gpu`] says why).
///
/// All threads that use a GPU of this function share one stream of it, so that what one thread has asked the device to
/// compute is there for what another one asks later. Its kernels and cuBLAS are tried before it is given.
///
/// # Errors
/// [`DeviceError`] for another name, or a GPU that is not there, cannot be used, or is not known to this build.
pub fn device(name: &str) -> Result<Device, DeviceError> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" if !candle_core::utils::cuda_is_available() || no_gpu().is_some() => Ok(Device::Cpu),
        "auto" => gpu("cuda:0", 0),
        _ => match name.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
            Some(number) => gpu(name, number),
            None => Err(DeviceError::Name { name: name.to_owned() }),
        },
    }
}

/// The name of a device.
pub fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// Why `auto` is the CPU though this build knows GPUs: what the driver says. `None` where there is a GPU, and in builds
/// without CUDA.
pub fn no_gpu() -> Option<String> {
    #[cfg(feature = "cuda")]
    return crate::cuda::count().err();
    #[cfg(not(feature = "cuda"))]
    None
}

#[cfg(not(feature = "cuda"))]
fn gpu(name: &str, _number: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { name: name.to_owned() })
}

#[cfg(feature = "cuda")]
fn gpu(name: &str, number: usize) -> Result<Device, DeviceError> {
    let name = name.to_owned();
    match crate::cuda::count() {
        Err(reason) => return Err(DeviceError::NoGpu { name, reason }),
        Ok(count) if number >= count => return Err(DeviceError::Number { name, count }),
        Ok(_) => {}
    }
    let unusable = |what, hint| {
        let name = name.clone();
        move |error: candle_core::Error| {
            // Candle's errors may carry the lines of a backtrace.
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            DeviceError::Unusable { name, what, reason, hint }
        }
    };
    let device = Device::new_cuda_with_stream(number)
        .map_err(unusable("its driver, cuBLAS or cuRAND", ""))?;
    let hint = "; the driver may be older than the CUDA of this build, or the GPU older than it was built for";
    try_out(&device)
        .map_err(unusable("a first computation by Candle's kernels and cuBLAS", hint))?;
    Ok(device)
}

/// Loads kernels of Candle and those of cuBLAS, which are compiled for the GPU when they are first used: what is wrong
/// with them is said here and not in a first step.
#[cfg(feature = "cuda")]
fn try_out(device: &Device) -> candle_core::Result<()> {
    let ones = candle_core::Tensor::ones((2, 2), candle_core::DType::F32, device)?;
    match ones.matmul(&ones)?.sum_all()?.to_scalar::<f32>()? {
        8.0 => Ok(()),
        found => candle_core::bail!("expected a sum of 8, found {found}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names_and_other_names_are_refused() {
        assert_eq!(device_name(&device("cpu").unwrap()), "cpu");
        device("auto").unwrap();
        for name in ["gpu", "cuda", "cuda:", "cuda:x", "CPU"] {
            let error = device(name).unwrap_err().to_string();
            assert!(error.contains("expected auto, cpu or cuda:N"), "{error}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so_and_takes_the_cpu_by_itself() {
        let error = device("cuda:0").unwrap_err().to_string();
        assert!(error.contains("the feature `cuda`"), "{error}");
        assert!(device("auto").unwrap().is_cpu());
        assert_eq!(no_gpu(), None, "there is nothing to explain");
    }
}
