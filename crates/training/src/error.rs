//! What libtorch says, as an error of a model.

use foresite_models::ModelError;
use tch::TchError;

/// Tells a busy GPU from the rest: what CUDA refuses passes by when another process lets it go. Only
/// its first line is kept; a backtrace follows.
pub(crate) fn model_error(error: TchError) -> ModelError {
    let of_gpu = |line: &&str| line.contains("CUDA") || line.contains("CUBLAS");
    let refused = match &error {
        TchError::Torch(text) => text.lines().next().filter(of_gpu),
        _ => None,
    };
    match refused {
        Some(line) => ModelError::Gpu(line.to_owned()),
        None => ModelError::Torch(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cuda_says_is_told_from_the_rest() {
        let of = |text: &str| model_error(TchError::Torch(text.into())).to_string();
        assert_eq!(
            of("CUDA out of memory. Tried\nException raised"),
            "GPU: CUDA out of memory. Tried"
        );
        assert!(of("shape mismatch").starts_with("libtorch: "));
    }
}
