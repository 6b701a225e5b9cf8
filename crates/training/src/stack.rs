//! Layers while they are trained.

use foresite_models::linear::Matrix;
use foresite_models::network::{Activation, Layer};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tch::nn;
use tch::{Device, Kind, TchError, Tensor};

/// Weights and biases while they are trained.
pub(crate) struct Stack {
    layers: Vec<(Tensor, Tensor)>,
    dropout: f64,
}

impl Stack {
    /// He-uniform weights; the last layer of a residual starts at zero, so training starts at the
    /// linear path.
    pub(crate) fn new(
        store: &nn::VarStore,
        widths: &[usize],
        dropout: f64,
        zero_head: bool,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, TchError> {
        let root = store.root();
        let layers = widths
            .windows(2)
            .enumerate()
            .map(|(index, pair)| {
                let (inputs, outputs) = (pair[0], pair[1]);
                let last = index + 2 == widths.len();
                let bound =
                    if last && zero_head { 0.0 } else { (6.0 / inputs.max(1) as f64).sqrt() };
                let values: Vec<f32> = (0..inputs * outputs)
                    .map(|_| ((rng.random::<f64>() * 2.0 - 1.0) * bound) as f32)
                    .collect();
                let start =
                    Tensor::f_from_slice(&values)?.f_reshape([outputs as i64, inputs as i64])?;
                let weight = root.f_var_copy(&format!("weight{index}"), &start)?;
                let bias = root.f_zeros(&format!("bias{index}"), &[outputs as i64])?;
                Ok((weight, bias))
            })
            .collect::<Result<_, TchError>>()?;
        Ok(Self { layers, dropout })
    }

    /// `[rows, inputs]` → `[rows, scores]`
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        mut rng: Option<&mut ChaCha8Rng>,
    ) -> Result<Tensor, TchError> {
        let mut x = x.shallow_clone();
        for (index, (weight, bias)) in self.layers.iter().enumerate() {
            // [rows, inputs] x [inputs, outputs] → [rows, outputs]
            x = x.f_matmul(&weight.f_tr()?)?.f_add(bias)?;
            if index + 1 == self.layers.len() {
                break;
            }
            x = x.f_relu()?;
            if let (Some(rng), true) = (rng.as_deref_mut(), self.dropout > 0.0) {
                x = x.f_mul(&dropout_mask(&x, self.dropout, rng)?)?;
            }
        }
        Ok(x)
    }

    pub(crate) fn export(&self) -> Result<Vec<Layer>, TchError> {
        let last = self.layers.len() - 1;
        self.layers
            .iter()
            .enumerate()
            .map(|(index, (weight, bias))| {
                let columns = usize::try_from(weight.size()[1]).unwrap_or(0);
                Ok(Layer {
                    weights: Matrix::from_rows(columns, values(weight)?),
                    bias: values(bias)?,
                    activation: if index == last { Activation::None } else { Activation::Relu },
                })
            })
            .collect()
    }
}

/// Zero with probability `dropout`, otherwise 1 / (1 - dropout).
fn dropout_mask(like: &Tensor, dropout: f64, rng: &mut ChaCha8Rng) -> Result<Tensor, TchError> {
    let size = like.size();
    let count: i64 = size.iter().product();
    let kept = (1.0 / (1.0 - dropout)) as f32;
    let limit = (dropout * f64::from(u32::MAX)) as u32;
    let mask: Vec<f32> =
        (0..count).map(|_| if rng.random::<u32>() < limit { 0.0 } else { kept }).collect();
    Tensor::f_from_slice(&mask)?.f_reshape(&size)?.f_to_device(like.device())
}

fn values(tensor: &Tensor) -> Result<Vec<f64>, TchError> {
    let here = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
    Vec::<f64>::try_from(&here.f_contiguous()?.f_view([-1])?)
}

/// An untrained stack of these widths.
#[cfg(test)]
pub(crate) fn stack_for_tests(widths: &[usize]) -> Stack {
    let mut rng = rand::SeedableRng::seed_from_u64(3);
    Stack::new(&nn::VarStore::new(Device::Cpu), widths, 0.0, false, &mut rng).unwrap()
}
