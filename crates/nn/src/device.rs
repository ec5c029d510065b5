//! Where a network runs, by name.

use candle_core::{Device, DeviceLocation};

use super::ModelError;

/// The device of a name: `cpu`, `cuda:N`, or `auto`: the first GPU where there is one, else the CPU ([`no_gpu`] says why).
///
/// # Errors
/// [`ModelError::Device`] for another name, or a GPU that is not there or not known to this build.
pub fn device(name: &str) -> Result<Device, ModelError> {
    let refused = |reason: String| ModelError::Device { name: name.to_owned(), reason };
    match name {
        "auto" if candle_core::utils::cuda_is_available() && no_gpu().is_none() => device("cuda:0"),
        "auto" | "cpu" => Ok(Device::Cpu),
        _ => {
            let number = name.strip_prefix("cuda:").and_then(|number| number.parse().ok());
            let number =
                number.ok_or_else(|| refused("expected auto, cpu or cuda:N".to_owned()))?;
            if !candle_core::utils::cuda_is_available() {
                return Err(refused(
                    "this tcolz is built without CUDA: build it with the feature `cuda`, or take cpu"
                        .to_owned(),
                ));
            }
            if let Some(reason) = no_gpu() {
                return Err(refused(reason));
            }
            Device::new_cuda(number).map_err(|error| refused(error.to_string()))
        }
    }
}

/// Why `auto` is the CPU though this build knows GPUs: what the driver says. `None` where there is a GPU, and in builds
/// without CUDA.
pub fn no_gpu() -> Option<String> {
    #[cfg(feature = "cuda")]
    {
        use candle_core::cuda_backend::cudarc::driver::CudaContext;
        return match CudaContext::device_count() {
            Ok(count) if count > 0 => None,
            Ok(_) => Some("the driver lists no GPU".to_owned()),
            Err(error) => Some(match error.error_string() {
                Ok(sentence) => format!("{} ({:?})", sentence.to_string_lossy(), error.0),
                Err(_) => format!("{:?}", error.0),
            }),
        };
    }
    #[cfg(not(feature = "cuda"))]
    None
}

/// The name of a device.
pub fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
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
        if !candle_core::utils::cuda_is_available() {
            let error = device("cuda:0").unwrap_err().to_string();
            assert!(error.contains("the feature `cuda`"), "{error}");
        }
    }
}
