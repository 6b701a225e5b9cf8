//! The contract between libtorch, where networks are trained, and plain Rust, where they are used.

use foresite_models::linear::Matrix;
use foresite_models::network::Mlp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use crate::stack::stack_for_tests;

fn rows(count: usize, columns: usize) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let values = (0..count * columns).map(|_| rng.random_range(-2.0..2.0)).collect();
    Matrix::from_rows(columns, values)
}

#[test]
fn both_forwards_agree_and_a_batch_is_its_rows() {
    let (x, stack) = (rows(50, 7), stack_for_tests(&[7, 10, 6, 3]));
    let mlp = Mlp::new("t".into(), false, (1.0, 0.0), stack.export().unwrap());
    let flat: Vec<f32> = x.values().iter().map(|value| *value as f32).collect();
    let batch = Tensor::from_slice(&flat).reshape([50, 7]);
    let torch = tch::no_grad(|| stack.forward(&batch, None)).to_kind(Kind::Double);
    assert_eq!(torch.size(), [50, 3]);
    for (index, row) in x.iter().enumerate() {
        for (score, value) in mlp.forward(row).iter().enumerate() {
            let expected = torch.double_value(&[index as i64, score as i64]);
            assert!((value - expected).abs() < 1e-4, "{value} {expected}");
        }
    }
}
