//! Many tests at once: the share of false ones among the findings.

/// q-values by Benjamini and Hochberg (1995): the smallest false-discovery rate at which each test is
/// a finding. Tests that hang together in the usual, positive way keep the rate (Benjamini and
/// Yekutieli 2001).
pub fn q_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*b].total_cmp(&p_values[*a]));
    let count = p_values.len() as f64;
    let mut q = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (behind, at) in order.into_iter().enumerate() {
        let rank = count - behind as f64;
        least = least.min(p_values[at] * count / rank);
        q[at] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_definition() {
        // p · n / rank from the greatest down, never rising: .01·4/1, .02·4/2, .03·4/3, .5.
        let q = q_values(&[0.01, 0.5, 0.03, 0.02]);
        let expected = [0.04, 0.5, 0.04, 0.04];
        assert!(q.iter().zip(expected).all(|(q, e)| (q - e).abs() < 1e-12), "{q:?}");
        assert!(q_values(&[]).is_empty());
    }
}
