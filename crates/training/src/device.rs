//! Where networks are trained.

use foresite_models::ModelError;
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use crate::error::model_error;

/// Where a training is told to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// On a GPU where libtorch finds one, on the CPU elsewhere.
    #[default]
    Auto,
    /// On the CPU.
    Cpu,
    /// On a GPU; none is an error.
    Cuda,
}

/// Where a training runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// One thread of the CPU.
    #[default]
    Cpu,
    /// The first GPU that the process is given.
    Cuda,
}

impl DeviceChoice {
    /// The device to train on, tried out.
    ///
    /// # Errors
    /// [`ModelError::Gpu`] where a GPU is asked for and none is found, or one is found and refuses to
    /// compute: another process holds it, or its memory.
    pub fn open(self) -> Result<Device, ModelError> {
        let is_there = self != Self::Cpu && tch::Cuda::is_available();
        if is_there {
            try_out().map_err(model_error)?;
            return Ok(Device::Cuda);
        }
        if self == Self::Cuda {
            return Err(ModelError::Gpu(if has_cuda_library() {
                "libtorch finds none; is the driver there, and is a GPU given to this process?"
                    .into()
            } else {
                "this libtorch is for CPUs; the image train-cuda has the one for GPUs".into()
            }));
        }
        Ok(Device::Cpu)
    }
}

impl Device {
    /// Its name in logs: that of libtorch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda:0",
        }
    }

    pub(crate) fn torch(self) -> tch::Device {
        match self {
            Self::Cpu => tch::Device::Cpu,
            Self::Cuda => tch::Device::Cuda(0),
        }
    }
}

/// Whether the libraries that compute on GPUs are loaded, with or without a GPU to compute on.
pub fn has_cuda_library() -> bool {
    tch::utils::has_cudart()
}

/// A product there and back makes what libtorch makes once per process: a context, and cuBLAS's memory.
fn try_out() -> Result<(), TchError> {
    let ones = Tensor::f_ones([2, 2], (tch::Kind::Float, Device::Cuda.torch()))?;
    ones.f_matmul(&ones)?.f_to_device(tch::Device::Cpu).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_asked_for_by_name_or_taken_where_it_is() {
        assert_eq!(DeviceChoice::Cpu.open().unwrap(), Device::Cpu);
        let (auto, cuda) = (DeviceChoice::Auto.open(), DeviceChoice::Cuda.open());
        if tch::Cuda::is_available() {
            assert_eq!((auto.unwrap(), cuda.unwrap()), (Device::Cuda, Device::Cuda));
        } else {
            assert_eq!(auto.unwrap(), Device::Cpu);
            assert!(cuda.unwrap_err().to_string().starts_with("GPU: "));
        }
    }
}
