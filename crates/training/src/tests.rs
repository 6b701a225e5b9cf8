//! The contract between libtorch, where networks are trained, and plain Rust, where they are used.

use foresite_models::ModelError;
use foresite_models::linear::Matrix;
use foresite_models::network::{Lesson, Mlp, Recipe, Trainer as _};
use foresite_models::tabular::{Link, Samples};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, TchError, Tensor};

use crate::stack::stack_for_tests;
use crate::{Device, Torch};

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
    let torch = tch::no_grad(|| stack.forward(&batch, None)).unwrap().to_kind(Kind::Double);
    assert_eq!(torch.size(), [50, 3]);
    for (index, row) in x.iter().enumerate() {
        for (score, value) in mlp.forward(row).iter().enumerate() {
            let expected = torch.double_value(&[index as i64, score as i64]);
            assert!((value - expected).abs() < 1e-4, "{value} {expected}");
        }
    }
}

/// Four rows of one class, among three scores.
fn class(class: f64) -> Samples {
    let mut samples = Samples::empty(2, 1);
    for row in 0..4 {
        samples.push(&[f64::from(row), 1.0], &[class], 1.0, 0);
    }
    samples
}

fn lesson(samples: &Samples) -> Lesson<'_> {
    Lesson {
        recipe: Recipe {
            name: "3",
            hidden: &[3],
            dropout: 0.0,
            epochs: 1,
            batch: 2,
            weight_decay: 0.0,
            patience: Some(1),
        },
        learning_rate: 0.01,
        seed: 1,
        zero_head: false,
        link: Link::Classes,
        beside: None,
        scores: 3,
        scale: 1.0,
        offset: 0.0,
        fit: (&samples.x, samples),
        select: (&samples.x, samples),
    }
}

#[test]
fn what_libtorch_refuses_within_a_lesson_is_an_error_and_no_panic() {
    let cpu = Torch::on(Device::Cpu);
    assert_eq!(cpu.train(&lesson(&class(2.0))).unwrap().len(), 2);
    let error = cpu.train(&lesson(&class(7.0))).unwrap_err();
    let is_refusal = matches!(&error, ModelError::Torch(text) if text.contains("index 7"));
    assert!(is_refusal, "a class without a score: {error}");
}

#[test]
fn a_gpu_without_memory_is_told_with_what_it_was_to_hold() {
    let samples = class(2.0);
    let refused = TchError::Torch("CUDA out of memory. Tried to allocate 2 MiB\nmore".into());
    let said = Torch::on(Device::Cuda).refusal(&lesson(&samples), refused).to_string();
    assert_eq!(
        said,
        "GPU: network 3 on cuda:0, 8 rows of 2 inputs in batches of 2: \
         CUDA out of memory. Tried to allocate 2 MiB"
    );
}
