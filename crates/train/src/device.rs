//! Where a network computes.

use candle_core::Device;

use super::error::{Result, TrainError};
use super::options::DeviceChoice;
use tcolz_device::device;
use tcolz_nn::Precision;
use tcolz_nn::memory::Kernels;

/// The device that is asked for.
///
/// # Errors
/// [`TrainError::Device`] for a GPU that is not there, or that this build cannot use.
pub fn open(choice: DeviceChoice) -> Result<Device> {
    device(&choice.to_string()).map_err(|error| TrainError::Device(error.to_string()))
}

/// Tests that a device computes in a precision; what is worth knowing of how it does.
///
/// # Errors
/// [`TrainError::Options`].
pub(super) fn check_precision(device: &Device, precision: Precision) -> Result<Option<String>> {
    check(Kernels::of(device, precision), device.is_cpu(), precision)
}

fn check(kernels: Kernels, on_cpu: bool, precision: Precision) -> Result<Option<String>> {
    if precision == Precision::Bf16 && on_cpu {
        // Candle has no matrix product of bfloat16 there.
        let reason = "bf16 takes a GPU, and the CPU was asked for or is all there is: take f32";
        return Err(TrainError::bad("precision", reason));
    }
    match kernels {
        Kernels::Cuda { cudnn: false, .. } if precision != Precision::F32 => {
            let reason = format!("convolutions in {precision} take a build with cuDNN: take f32");
            Err(TrainError::bad("precision", reason))
        }
        Kernels::Cuda { cudnn: false, .. } => Ok(Some(
            "this build has no cuDNN: convolutions are Candle's, which are slow and take memory for all \
             windows of a batch at a time"
                .to_owned(),
        )),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_cudnn_float32_alone_is_computed_and_its_cost_is_said() {
        let cuda = |cudnn, half| Kernels::Cuda { cudnn, half };
        let note = check(cuda(false, false), false, Precision::F32).unwrap().unwrap();
        assert!(note.contains("cuDNN") && note.contains("memory"), "{note}");
        for precision in [Precision::Tf32, Precision::F16, Precision::Bf16] {
            let error = check(cuda(false, true), false, precision).unwrap_err().to_string();
            assert!(error.contains("take a build with cuDNN"), "{error}");
            assert_eq!(check(cuda(true, true), false, precision).unwrap(), None);
        }
        assert_eq!(check(Kernels::Cpu, true, Precision::F32).unwrap(), None);
    }
}
