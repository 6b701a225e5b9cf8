//! Products of vectors and matrices whose sums run in a fixed order.
//!
//! A product has the same bits alone and among many, so that a row of a batch and the answer of a
//! service are equal; and on every processor, as wider ones add the same numbers in the same order.

use multiversion::multiversion;

use super::Matrix;

/// Vectors that a product takes at a time.
const VECTORS: usize = 16;
/// Vectors that lie side by side.
const SIDE: usize = 8;
/// Rows that are multiplied with them at a time.
const ROWS: usize = 4;
/// What adds nothing, to a negative zero either.
const NOTHING: f64 = -0.0;

/// Scalar product with four running sums, added in a fixed order.
///
/// # Panics
/// When the slices differ in length.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (x, y) in a.iter().zip(b) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    total(sums, a_rest, b_rest)
}

/// Scalar products of four rows with one vector: a single sum has to wait for itself, four of them
/// fill the time.
#[inline(always)]
fn dot4(rows: [&[f64]; 4], vector: &[f64]) -> [f64; 4] {
    let ((a, a_rest), (b, b_rest)) = (rows[0].as_chunks::<4>(), rows[1].as_chunks::<4>());
    let ((c, c_rest), (d, d_rest)) = (rows[2].as_chunks::<4>(), rows[3].as_chunks::<4>());
    let (x, x_rest) = vector.as_chunks::<4>();
    let mut sums = [[0.0; 4]; 4];
    for ((((x, a), b), c), d) in x.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..4 {
            sums[0][lane] += a[lane] * x[lane];
            sums[1][lane] += b[lane] * x[lane];
            sums[2][lane] += c[lane] * x[lane];
            sums[3][lane] += d[lane] * x[lane];
        }
    }
    [
        total(sums[0], a_rest, x_rest),
        total(sums[1], b_rest, x_rest),
        total(sums[2], c_rest, x_rest),
        total(sums[3], d_rest, x_rest),
    ]
}

#[inline(always)]
fn total(sums: [f64; 4], a_rest: &[f64], b_rest: &[f64]) -> f64 {
    let rest = a_rest.iter().zip(b_rest).fold(NOTHING, |sum, (x, y)| sum + x * y);
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Adds `factor * x` to `y`.
#[inline]
pub(crate) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

impl Matrix {
    /// Matrix times vector.
    ///
    /// # Panics
    /// When the vector does not have one value per column.
    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        let mut products = vec![0.0; self.rows()];
        times(self, vector, &mut products);
        products
    }

    /// This matrix times every row of another: a row of products per vector.
    ///
    /// # Panics
    /// When the vectors do not have one value per column.
    #[must_use]
    pub fn times_rows(&self, vectors: &Self) -> Self {
        assert_eq!(vectors.columns(), self.columns(), "vectors of one length");
        let (count, outputs) = (vectors.rows(), self.rows());
        if count * outputs == 0 {
            return Self::zeros(count, outputs);
        }
        let mut products = vec![0.0; count * outputs];
        let blocks = vectors.values().chunks(VECTORS * self.columns());
        for (vectors, products) in blocks.zip(products.chunks_mut(VECTORS * outputs)) {
            times(self, vectors, products);
        }
        Self::from_rows(outputs, products)
    }
}

/// Products with vectors that lie one after the other.
fn times(matrix: &Matrix, vectors: &[f64], products: &mut [f64]) {
    let (columns, outputs) = (matrix.columns(), matrix.rows());
    assert_eq!(vectors.len() * outputs, products.len() * columns, "vectors of one length");
    if products.is_empty() {
        return;
    }
    // To lay vectors side by side for fewer rows takes longer than the products themselves.
    let many = if outputs < ROWS { 0 } else { vectors.len() / (SIDE * columns) * SIDE };
    let (many, few) = vectors.split_at(many * columns);
    let (of_many, of_few) = products.split_at_mut(many.len() / columns * outputs);
    times_many(matrix.values(), columns, many, of_many);
    times_few(matrix.values(), columns, few, of_few);
}

/// [`many`] as the processor does it fastest.
#[multiversion(targets("x86_64+avx2"))]
fn times_many(rows: &[f64], columns: usize, vectors: &[f64], products: &mut [f64]) {
    many(rows, columns, vectors, products);
}

/// Products with a multiple of `SIDE` vectors; a few rows stay in the nearest cache while all pass.
#[inline(always)]
fn many(rows: &[f64], columns: usize, vectors: &[f64], products: &mut [f64]) {
    let outputs = rows.len() / columns;
    let mut sides = vec![[0.0; SIDE]; vectors.len() / SIDE];
    for (side, vectors) in sides.chunks_exact_mut(columns).zip(vectors.chunks_exact(SIDE * columns))
    {
        for (lane, vector) in vectors.chunks_exact(columns).enumerate() {
            side.iter_mut().zip(vector).for_each(|(lanes, value)| lanes[lane] = *value);
        }
    }
    for (at, rows) in rows.chunks(ROWS * columns).enumerate() {
        // Where rows are too few, the last one is taken again, and what comes of it is not kept.
        let last = rows.len() / columns - 1;
        let rows: [&[f64]; ROWS] =
            std::array::from_fn(|row| &rows[row.min(last) * columns..][..columns]);
        let into = products.chunks_exact_mut(SIDE * outputs);
        for (side, products) in sides.chunks_exact(columns).zip(into) {
            let of_rows = dots(rows, side);
            for (lane, products) in products.chunks_exact_mut(outputs).enumerate() {
                let of_lane: [f64; ROWS] = std::array::from_fn(|row| of_rows[row][lane]);
                let into = &mut products[ROWS * at..];
                match into.first_chunk_mut::<ROWS>() {
                    Some(into) => *into = of_lane,
                    None => into.copy_from_slice(&of_lane[..into.len()]),
                }
            }
        }
    }
}

/// Scalar products of rows with vectors that lie side by side, `[columns][SIDE]`. Every lane adds as
/// [`dot`] does, but its four sums run one after the other: those of all rows and lanes fit into the
/// registers so. As lanes are vectors, no sum has to be gathered from them.
#[inline(always)]
fn dots(rows: [&[f64]; ROWS], side: &[[f64; SIDE]]) -> [[f64; SIDE]; ROWS] {
    let low = added(running::<0>(rows, side), running::<1>(rows, side));
    let high = added(running::<2>(rows, side), running::<3>(rows, side));
    let mut rest = [[NOTHING; SIDE]; ROWS];
    let first = side.len() / 4 * 4;
    for (column, side) in side.iter().enumerate().skip(first) {
        for (rest, row) in rest.iter_mut().zip(rows) {
            add_lanes(rest, row[column], side);
        }
    }
    added(added(low, high), rest)
}

/// The running sum of [`dot`] to which every fourth column is added, from this one on.
#[inline(always)]
fn running<const FIRST: usize>(rows: [&[f64]; ROWS], side: &[[f64; SIDE]]) -> [[f64; SIDE]; ROWS] {
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<4>().0);
    let (side, _) = side.as_chunks::<4>();
    let mut sums = [[0.0; SIDE]; ROWS];
    for ((((side, a), b), c), d) in side.iter().zip(a).zip(b).zip(c).zip(d) {
        add_lanes(&mut sums[0], a[FIRST], &side[FIRST]);
        add_lanes(&mut sums[1], b[FIRST], &side[FIRST]);
        add_lanes(&mut sums[2], c[FIRST], &side[FIRST]);
        add_lanes(&mut sums[3], d[FIRST], &side[FIRST]);
    }
    sums
}

#[inline(always)]
fn add_lanes(sums: &mut [f64; SIDE], factor: f64, x: &[f64; SIDE]) {
    for lane in 0..SIDE {
        sums[lane] += factor * x[lane];
    }
}

#[inline(always)]
fn added(mut sums: [[f64; SIDE]; ROWS], others: [[f64; SIDE]; ROWS]) -> [[f64; SIDE]; ROWS] {
    for (sums, others) in sums.iter_mut().zip(&others) {
        for lane in 0..SIDE {
            sums[lane] += others[lane];
        }
    }
    sums
}

/// [`few`] as the processor does it fastest.
#[multiversion(targets("x86_64+avx2"))]
fn times_few(rows: &[f64], columns: usize, vectors: &[f64], products: &mut [f64]) {
    few(rows, columns, vectors, products);
}

/// Products with a few vectors, or of a few rows; of four rows at a time.
#[inline(always)]
fn few(rows: &[f64], columns: usize, vectors: &[f64], products: &mut [f64]) {
    let outputs = rows.len() / columns;
    let mut fours = rows.chunks_exact(4 * columns);
    for (at, four) in (&mut fours).enumerate() {
        let (ab, cd) = four.split_at(2 * columns);
        let ((a, b), (c, d)) = (ab.split_at(columns), cd.split_at(columns));
        let into = products.chunks_exact_mut(outputs);
        for (vector, products) in vectors.chunks_exact(columns).zip(into) {
            products[4 * at..4 * at + 4].copy_from_slice(&dot4([a, b, c, d], vector));
        }
    }
    let first = outputs / 4 * 4;
    for (at, row) in fours.remainder().chunks_exact(columns).enumerate() {
        let into = products.chunks_exact_mut(outputs);
        for (vector, products) in vectors.chunks_exact(columns).zip(into) {
            products[first + at] = dot(row, vector);
        }
    }
}

#[cfg(test)]
mod tests;
