//! Matrix products by the crate gemm, the very one that Candle uses.

#![allow(unsafe_code, reason = "SIMD")]

use gemm::Parallelism;

/// A matrix that lies in a slice: element (row, column) is at `row · steps[0] + column · steps[1]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Row after row.
    pub(crate) fn new(numbers: &'a [f32], rows: usize, columns: usize) -> Matrix<'a> {
        Matrix::with_pitch(numbers, rows, columns, columns)
    }

    /// Row after row, their beginnings `pitch` numbers apart.
    pub(crate) fn with_pitch(
        numbers: &'a [f32],
        rows: usize,
        columns: usize,
        pitch: usize,
    ) -> Matrix<'a> {
        Matrix { numbers, rows, columns, steps: [pitch, 1] }
    }

    /// Rows for columns.
    pub(crate) fn t(self) -> Matrix<'a> {
        let [row, column] = self.steps;
        Matrix { rows: self.columns, columns: self.rows, steps: [column, row], ..self }
    }
}

/// One after the last number that a matrix of these sides and steps reaches.
fn reach(rows: usize, columns: usize, steps: [usize; 2]) -> usize {
    if rows == 0 || columns == 0 {
        return 0;
    }
    (rows - 1) * steps[0] + (columns - 1) * steps[1] + 1
}

/// `output = a · b`, or `output += a · b`, by the calling thread alone. The output's rows begin `pitch` numbers
/// apart.
///
/// # Panics
/// When the sides do not fit, or a slice is too short.
pub(crate) fn product(output: &mut [f32], pitch: usize, add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(k, b.rows, "columns of the left matrix and rows of the right one");
    assert!(n <= pitch || m <= 1, "rows of the output overlap");
    assert!(output.len() >= reach(m, n, [pitch, 1]), "the output is too short");
    for matrix in [a, b] {
        let end = reach(matrix.rows, matrix.columns, matrix.steps);
        assert!(matrix.numbers.len() >= end, "a matrix is too short");
    }
    let step = |step: usize| isize::try_from(step).expect("no slice is longer than isize::MAX");
    // SAFETY: every element that gemm reads or writes lies inside its slice, as the assertions above say; the
    // output is borrowed alone, and none of its elements is written twice.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.as_mut_ptr(),
            1,
            step(pitch),
            add,
            a.numbers.as_ptr(),
            step(a.steps[1]),
            step(a.steps[0]),
            b.numbers.as_ptr(),
            step(b.steps[1]),
            step(b.steps[0]),
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(a: Matrix<'_>, b: Matrix<'_>, row: usize, column: usize) -> f32 {
        let at = |m: Matrix<'_>, r: usize, c: usize| m.numbers[r * m.steps[0] + c * m.steps[1]];
        (0..a.columns).map(|k| at(a, row, k) * at(b, k, column)).sum()
    }

    #[test]
    fn products_of_plain_transposed_and_pitched_matrices_are_right_and_leave_the_rest_alone() {
        let numbers: Vec<f32> = (0..4096).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 49, 33), (33, 1, 9), (1, 40, 20), (5, 6, 0)] {
            let a =
                [Matrix::new(&numbers, m, k), Matrix::with_pitch(&numbers[3..], k, m, m + 2).t()];
            let b =
                [Matrix::with_pitch(&numbers[7..], k, n, n + 5), Matrix::new(&numbers, n, k).t()];
            for (a, b) in a.into_iter().flat_map(|a| b.map(|b| (a, b))) {
                let pitch = n + 3;
                let mut output = vec![0.5; m * pitch];
                product(&mut output, pitch, false, a, b);
                product(&mut output, pitch, true, a, b);
                for (row, values) in output.chunks(pitch).enumerate() {
                    for (column, &value) in values[..n].iter().enumerate() {
                        let expected = 2.0 * plain(a, b, row, column);
                        assert!((value - expected).abs() < 1e-4, "{m} {n} {k}: {value} {expected}");
                    }
                    assert_eq!(values[n..], [0.5; 3]);
                }
            }
        }
    }
}
