//! Networks for other programs: a TorchScript archive that Python's torch, or libtorch from C++,
//! loads as it is. Export only: scoring here never reads one.
//!
//! ```text
//! features [rows, features], NaN = missing ─► encoder ─► layers ─► scores [rows, scores]
//! ```
//! The module computes in double precision whatever it is given, so it says what the plain forward
//! says. Weights are constants of the archive; their readable home is `weights.safetensors`.

use foresite_models::ModelError;
use foresite_models::network::{Activation, Layer, Mlp};
use foresite_models::tabular::Encoder;
use tch::{CModule, Device, Kind, TchError, Tensor};

use crate::error::model_error;
use crate::threads::use_one_thread;

/// Name of the file while it is made: the archive's records lie below it.
const NAME: &str = "network.pt";

/// The bytes of a module that maps features to the network's scores; what a residual is added to is
/// not in it. The same network gives the same bytes.
///
/// # Errors
/// [`ModelError::Torch`] when libtorch refuses, [`ModelError::Export`] where no temporary file can be
/// written: libtorch saves to paths only.
pub fn torchscript(encoder: &Encoder, mlp: &Mlp) -> Result<Vec<u8>, ModelError> {
    use_one_thread();
    let folder = tempfile::tempdir().map_err(ModelError::Export)?;
    let path = folder.path().join(NAME);
    let module = tch::no_grad(|| traced(encoder, mlp)).map_err(model_error)?;
    module.save(&path).map_err(model_error)?;
    std::fs::read(&path).map_err(ModelError::Export)
}

/// Runs the forward once on a row and keeps what was done.
fn traced(encoder: &Encoder, mlp: &Mlp) -> Result<CModule, TchError> {
    // Tensors are made before: what is made while tracing would be traced, and come out empty.
    let network = Network::new(encoder, mlp)?;
    // Single precision, so that the conversion to double is part of the trace.
    let features = encoder.features() as i64;
    let example = Tensor::f_zeros([1, features], (Kind::Float, Device::Cpu))?;
    let mut failed = None;
    let mut forward = |inputs: &[Tensor]| {
        let scores = network.forward(&inputs[0]);
        vec![scores.unwrap_or_else(|error| {
            failed = Some(error);
            inputs[0].shallow_clone()
        })]
    };
    let module = CModule::create_by_tracing("Network", "forward", &[example], &mut forward)?;
    failed.map_or(Ok(module), Err)
}

/// Encoder and layers as tensors of double precision.
struct Network {
    mean: Tensor,
    scale: Tensor,
    clip: f64,
    flagged: Tensor,
    /// Weights `[outputs, inputs]`, bias `[outputs]`, and what follows.
    layers: Vec<(Tensor, Tensor, Activation)>,
    /// Scale and offset of the scores.
    label: (f64, f64),
}

impl Network {
    fn new(encoder: &Encoder, mlp: &Mlp) -> Result<Self, TchError> {
        let layer = |layer: &Layer| {
            let size = [layer.weights.rows() as i64, layer.weights.columns() as i64];
            let weights = Tensor::f_from_slice(layer.weights.values())?.f_reshape(size)?;
            Ok((weights, Tensor::f_from_slice(&layer.bias)?, layer.activation))
        };
        let flagged: Vec<i64> = encoder.flagged().iter().map(|&at| at as i64).collect();
        Ok(Self {
            mean: Tensor::f_from_slice(encoder.mean())?,
            scale: Tensor::f_from_slice(encoder.scale())?,
            clip: Encoder::CLIP,
            flagged: Tensor::f_from_slice(&flagged)?,
            layers: mlp.layers().iter().map(layer).collect::<Result<_, TchError>>()?,
            label: mlp.label_scale(),
        })
    }

    /// `[rows, features]` → `[rows, scores]`
    fn forward(&self, features: &Tensor) -> Result<Tensor, TchError> {
        let mut x = self.encode(features)?;
        for (weights, bias, activation) in &self.layers {
            x = x.f_linear(weights, Some(bias))?;
            if *activation == Activation::Relu {
                x = x.f_relu()?;
            }
        }
        x.f_mul_scalar(self.label.0)?.f_add_scalar(self.label.1)
    }

    /// `[rows, features]` → `[rows, inputs]`, as [`Encoder::encode`] does it.
    fn encode(&self, features: &Tensor) -> Result<Tensor, TchError> {
        let x = features.f_to_kind(Kind::Double)?;
        let missing = x.f_isfinite()?.f_logical_not()?;
        let inputs = x.f_sub(&self.mean)?.f_div(&self.scale)?.f_clamp(-self.clip, self.clip)?;
        let inputs = inputs.f_masked_fill(&missing, 0.0)?;
        let flags = missing.f_index_select(1, &self.flagged)?.f_to_kind(Kind::Double)?;
        // [rows, features] and [rows, flags] → [rows, inputs]
        Tensor::f_cat(&[inputs, flags], 1)
    }
}

#[cfg(test)]
mod tests {
    use foresite_models::linear::Matrix;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::stack::stack_for_tests;

    /// Rows between -9 and 9 around an offset; of the first column one in four is missing.
    fn rows(count: usize, columns: usize) -> Matrix {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut values: Vec<f64> =
            (0..count * columns).map(|_| 3.0 + rng.random_range(-9.0..9.0)).collect();
        values.iter_mut().step_by(4 * columns).for_each(|value| *value = f64::NAN);
        Matrix::from_rows(columns, values)
    }

    fn network() -> (Encoder, Mlp) {
        let encoder = Encoder::fit(&rows(40, 7));
        let layers = stack_for_tests(&[encoder.inputs(), 10, 6, 3]).export();
        (encoder, Mlp::new("t".into(), false, (2.5, -0.75), layers.unwrap()))
    }

    #[test]
    fn the_module_says_what_the_plain_forward_says() {
        let (encoder, mlp) = network();
        let bytes = torchscript(&encoder, &mlp).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        let x = rows(50, 7);
        let batch = Tensor::from_slice(x.values()).reshape([50, 7]);
        let said = module.forward_ts(&[&batch]).unwrap();
        assert_eq!((said.size(), said.kind()), (vec![50, 3], Kind::Double));
        let single = module.forward_ts(&[batch.to_kind(Kind::Float)]).unwrap();
        for (row, features) in x.iter().enumerate() {
            for (score, value) in mlp.forward(&encoder.encode(features)).iter().enumerate() {
                let at = [row as i64, score as i64];
                assert!((value - said.double_value(&at)).abs() < 1e-9, "{value} at {at:?}");
                assert!((value - single.double_value(&at)).abs() < 1e-5, "{value} at {at:?}");
            }
        }
    }

    #[test]
    fn the_same_network_gives_the_same_bytes() {
        let (encoder, mlp) = network();
        let once = torchscript(&encoder, &mlp).unwrap();
        assert_eq!(once, torchscript(&encoder, &mlp).unwrap());
        let other = Mlp::new("t".into(), false, (2.5, -0.5), mlp.layers().to_vec());
        assert_ne!(once, torchscript(&encoder, &other).unwrap());
    }
}
