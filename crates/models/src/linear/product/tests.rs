//! Products keep their bits, however they are taken.

use super::*;

/// Numbers whose sum depends on the order.
fn values(count: usize, seed: usize) -> Vec<f64> {
    let value = |at: usize| ((at * 7919 + seed) % 1009) as f64;
    (0..count).map(|at| (value(at) - 500.0) * 10_f64.powi(at as i32 % 9 - 4)).collect()
}

fn bits(products: &[f64]) -> Vec<u64> {
    products.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_product_has_the_same_bits_alone_and_among_many() {
    for (rows, columns, vectors) in [
        (1, 1, 1),
        (4, 8, 1),
        (7, 5, 3),
        (6, 7, 13),
        (7, 64, 17),
        (64, 32, 64),
        (9, 66, 17),
        (64, 3, 40),
        (2, 64, 64),
    ] {
        let matrix = Matrix::from_rows(columns, values(rows * columns, 1));
        let many = Matrix::from_rows(columns, values(vectors * columns, 2));
        let together = matrix.times_rows(&many);
        assert_eq!((together.rows(), together.columns()), (vectors, rows));
        for (vector, products) in many.iter().zip(together.iter()) {
            let alone: Vec<f64> = matrix.iter().map(|row| dot(row, vector)).collect();
            assert_eq!(bits(products), bits(&alone));
            assert_eq!(bits(&matrix.times(vector)), bits(&alone));
        }
    }
}

#[test]
fn a_plain_processor_has_the_bits_of_a_wide_one() {
    type Product = fn(&[f64], usize, &[f64], &mut [f64]);
    let ways: [(Product, Product); 2] = [(many, times_many), (few, times_few)];
    for (plain, fastest) in ways {
        for (outputs, columns, vectors) in [(1, 1, 8), (4, 8, 8), (7, 5, 16), (9, 66, 16)] {
            let (rows, vectors_of) = (values(outputs * columns, 3), values(vectors * columns, 4));
            let product = |of: Product| {
                let mut products = vec![f64::NAN; vectors * outputs];
                of(&rows, columns, &vectors_of, &mut products);
                bits(&products)
            };
            assert_eq!(product(plain), product(fastest), "{outputs} {columns} {vectors}");
        }
    }
}

#[test]
fn nothing_times_something_is_nothing() {
    assert!(Matrix::with_columns(3).times(&[1.0; 3]).is_empty());
    let none = Matrix::zeros(2, 3).times_rows(&Matrix::with_columns(3));
    assert_eq!((none.rows(), none.columns()), (0, 2));
}

#[test]
fn products_of_any_length() {
    let a: Vec<f64> = (0..11).map(f64::from).collect();
    assert!((dot(&a, &a) - 385.0).abs() < 1e-12);
}
