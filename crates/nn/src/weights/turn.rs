//! How a tensor lies in a file, and how it becomes ours.
//!
//! | here | PyTorch | Keras |
//! | --- | --- | --- |
//! | kernel `[outputs, inputs, rows, columns]` | the same | `[rows, columns, inputs, outputs]` |
//! | depthwise kernel `[channels, 1, rows, columns]` | the same | `[rows, columns, channels, 1]` |
//! | matrix `[outputs, inputs]` | the same; timm's VGG19: a kernel | `[inputs, outputs]` |
//! | matrix after a flattened image | inputs in the order channel, row, column | inputs in the order row, column, channel |

use candle_core::Tensor;

/// What has to be done to a tensor of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Keep,
    /// A matrix that is stored as a kernel over windows of so many rows and columns.
    Window([usize; 2]),
    /// A kernel of Keras.
    Kernel,
    /// A depthwise kernel of Keras.
    Depthwise,
    /// A matrix of Keras.
    Matrix,
    /// A matrix of Keras behind a flattened image of so many rows and columns.
    Flattened([usize; 2]),
}

impl Turn {
    /// The shape in the file of a tensor that has the shape `ours` here.
    pub(super) fn shape_in_file(self, ours: &[usize]) -> Vec<usize> {
        match (self, ours) {
            (Turn::Window([rows, columns]), &[outputs, inputs]) => {
                vec![outputs, inputs / (rows * columns), rows, columns]
            }
            (Turn::Kernel, &[outputs, inputs, rows, columns]) => {
                vec![rows, columns, inputs, outputs]
            }
            (Turn::Depthwise, &[channels, one, rows, columns]) => {
                vec![rows, columns, channels, one]
            }
            (Turn::Matrix | Turn::Flattened(_), &[outputs, inputs]) => vec![inputs, outputs],
            _ => ours.to_vec(),
        }
    }

    /// Which side of the shape in the file is that of the outputs.
    pub(super) fn outputs_side(self) -> usize {
        match self {
            Turn::Matrix | Turn::Flattened(_) => 1,
            Turn::Kernel => 3,
            Turn::Depthwise => 2,
            Turn::Keep | Turn::Window(_) => 0,
        }
    }

    /// A tensor of [`Turn::shape_in_file`] as ours, contiguous.
    pub(super) fn apply(self, tensor: &Tensor, ours: &[usize]) -> candle_core::Result<Tensor> {
        match (self, ours) {
            (Turn::Kernel, _) => tensor.permute((3, 2, 0, 1))?.contiguous(),
            (Turn::Depthwise, _) => tensor.permute((2, 3, 0, 1))?.contiguous(),
            (Turn::Matrix, _) => tensor.t()?.contiguous(),
            (Turn::Flattened([rows, columns]), &[outputs, inputs]) => {
                let channels = inputs / (rows * columns);
                let image = tensor.reshape((rows, columns, channels, outputs))?;
                image.permute((3, 2, 0, 1))?.contiguous()?.reshape((outputs, inputs))
            }
            _ => tensor.reshape(ours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Every element says where it lay in the file: `1000a + 100b + 10c + d`.
    fn numbered(shape: &[usize]) -> Tensor {
        let mut values = vec![0u32];
        for &side in shape {
            let longer = values.iter().flat_map(|v| (0..side as u32).map(move |i| v * 10 + i));
            values = longer.collect();
        }
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn at(tensor: &Tensor, index: &[usize]) -> f32 {
        let found = index.iter().try_fold(tensor.clone(), |tensor, &i| tensor.get(i)).unwrap();
        found.to_scalar().unwrap()
    }

    #[test]
    fn every_element_of_a_kernel_lands_where_it_belongs() {
        let ours = [4, 3, 2, 5]; // outputs, inputs, rows, columns
        let file = Turn::Kernel.shape_in_file(&ours);
        assert_eq!(file, [2, 5, 3, 4]);
        let turned = Turn::Kernel.apply(&numbered(&file), &ours).unwrap();
        assert_eq!(turned.dims(), ours);
        for (o, i) in (0..4).flat_map(|o| (0..3).map(move |i| (o, i))) {
            for (r, c) in (0..2).flat_map(|r| (0..5).map(move |c| (r, c))) {
                let expected = r * 1000 + c * 100 + i * 10 + o;
                assert_eq!(at(&turned, &[o, i, r, c]), expected as f32);
            }
        }
        let ours = [6, 1, 3, 2];
        let file = Turn::Depthwise.shape_in_file(&ours);
        assert_eq!(file, [3, 2, 6, 1]);
        let turned = Turn::Depthwise.apply(&numbered(&file), &ours).unwrap();
        for (k, (r, c)) in (0..6).flat_map(|k| (0..6).map(move |i| (k, (i / 2, i % 2)))) {
            assert_eq!(at(&turned, &[k, 0, r, c]), (r * 1000 + c * 100 + k * 10) as f32);
        }
    }

    #[test]
    fn every_element_of_a_matrix_lands_where_it_belongs() {
        let turned = Turn::Matrix.apply(&numbered(&[3, 7]), &[7, 3]).unwrap();
        for (o, i) in (0..7).flat_map(|o| (0..3).map(move |i| (o, i))) {
            assert_eq!(at(&turned, &[o, i]), (i * 10 + o) as f32);
        }
        let window = Turn::Window([2, 3]);
        assert_eq!(window.shape_in_file(&[4, 30]), [4, 5, 2, 3]);
        let turned = window.apply(&numbered(&[4, 5, 2, 3]), &[4, 30]).unwrap();
        for (o, i) in (0..4).flat_map(|o| (0..30).map(move |i| (o, i))) {
            let expected = o * 1000 + (i / 6) * 100 + (i / 3 % 2) * 10 + i % 3;
            assert_eq!(at(&turned, &[o, i]), expected as f32);
        }
    }

    /// Keras flattens row, column, channel; we flatten channel, row, column: both must give the same sums.
    #[test]
    fn a_dense_layer_behind_a_flattened_image_gives_the_same_sums() {
        let (channels, rows, columns, outputs) = (5, 2, 3, 4);
        let inputs = channels * rows * columns;
        let seen = |c: usize, r: usize, w: usize| (c * 7 + r * 3 + w) as f32 - 9.0;
        let weight = |i: usize, o: usize| ((i * 13 + o * 5) % 17) as f32 - 8.0;
        let mut sums = vec![0.0f32; outputs];
        for (r, w) in (0..rows).flat_map(|r| (0..columns).map(move |w| (r, w))) {
            for c in 0..channels {
                let flat = (r * columns + w) * channels + c;
                for (o, sum) in sums.iter_mut().enumerate() {
                    *sum += seen(c, r, w) * weight(flat, o);
                }
            }
        }
        let values: Vec<f32> =
            (0..inputs).flat_map(|i| (0..outputs).map(move |o| weight(i, o))).collect();
        let file = Tensor::from_vec(values, (inputs, outputs), &Device::Cpu).unwrap();
        let turn = Turn::Flattened([rows, columns]);
        assert_eq!(turn.shape_in_file(&[outputs, inputs]), [inputs, outputs]);
        let ours = turn.apply(&file, &[outputs, inputs]).unwrap();
        let image: Vec<f32> = (0..inputs)
            .map(|flat| seen(flat / (rows * columns), flat / columns % rows, flat % columns))
            .collect();
        let image = Tensor::from_vec(image, (inputs, 1), &Device::Cpu).unwrap();
        let found: Vec<f32> =
            ours.matmul(&image).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(found, sums);
        // Without the permutation they would differ.
        let wrong = Turn::Matrix.apply(&file, &[outputs, inputs]).unwrap();
        let wrong: Vec<f32> =
            wrong.matmul(&image).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_ne!(wrong, sums);
    }
}
