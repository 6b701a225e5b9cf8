//! What libtorch says, as an error of a model.

use foresite_models::ModelError;
use tch::TchError;

/// What CUDA says for as long as another process holds the GPU. No kernel for this GPU, or an
/// assertion on it, comes back however long one waits.
const PASSING: [&str; 4] =
    ["out of memory", "ALLOC_FAILED", "NOT_INITIALIZED", "busy or unavailable"];

/// Tells a busy GPU from the rest. Only its first line is kept; a backtrace follows.
pub(crate) fn model_error(error: TchError) -> ModelError {
    let of_gpu = |line: &&str| {
        (line.contains("CUDA") || line.contains("CUBLAS"))
            && PASSING.iter().any(|words| line.contains(words))
    };
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
        assert!(of("CUBLAS_STATUS_ALLOC_FAILED when calling it").starts_with("GPU: "));
        for lasting in ["shape mismatch", "CUDA error: no kernel image is available"] {
            assert!(of(lasting).starts_with("libtorch: "), "{lasting}");
        }
    }
}
