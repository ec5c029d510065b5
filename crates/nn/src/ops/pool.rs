//! The largest, or the mean, of windows.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernels::Geometry;
use super::numbers::{Numbers, slice};
use crate::spec::Sides;

/// Windows, cut to what lies inside of the image.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// First row of each window and one after its last.
    pub(super) rows: Vec<[usize; 2]>,
    pub(super) columns: Vec<[usize; 2]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Largest,
    Mean,
}

struct Pool {
    of: Of,
    cells: Cells,
}

pub(super) fn max_pool(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    windows(x, Of::Largest, kernel, stride, sides)
}

pub(super) fn average_pool(
    x: &Tensor,
    kernel: usize,
    stride: usize,
    sides: Sides,
) -> Result<Tensor> {
    windows(x, Of::Mean, kernel, stride, sides)
}

fn windows(x: &Tensor, of: Of, kernel: usize, stride: usize, sides: Sides) -> Result<Tensor> {
    let cells = cells(x, kernel, stride, sides)?;
    x.contiguous()?.apply_op1(Pool { of, cells })
}

/// The windows of a kernel over images.
///
/// # Errors
/// When none fits, or one lies in the padding alone.
pub(super) fn cells(x: &Tensor, kernel: usize, stride: usize, sides: Sides) -> Result<Cells> {
    let (_, _, height, width) = x.dims4()?;
    let geometry = Geometry::new([height, width], [kernel; 2], stride, sides);
    let Some(geometry) = geometry else {
        candle_core::bail!("a window of {kernel} × {kernel} does not fit into {height} × {width}");
    };
    let cells = |size: usize, before: usize, count: usize| -> Vec<[usize; 2]> {
        let inside = |at: usize| at.saturating_sub(before).min(size);
        (0..count).map(|at| [inside(at * stride), inside(at * stride + kernel)]).collect()
    };
    let rows = cells(height, sides.top, geometry.output[0]);
    let columns = cells(width, sides.left, geometry.output[1]);
    if rows.iter().chain(&columns).any(|[first, end]| first == end) {
        candle_core::bail!("windows of {kernel} × {kernel} lie in the padding, {sides:?}, alone");
    }
    Ok(Cells { rows, columns })
}

pub(super) fn adaptive_average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if (height, width) == (side, side) {
        return Ok(x.clone());
    }
    if side == 0 || height == 0 || width == 0 {
        candle_core::bail!("no means of {height} × {width} pixels over {side} × {side} cells");
    }
    let cells = |size: usize| -> Vec<[usize; 2]> {
        (0..side).map(|at| [at * size / side, ((at + 1) * size).div_ceil(side)]).collect()
    };
    let cells = Cells { rows: cells(height), columns: cells(width) };
    x.contiguous()?.apply_op1(Pool { of: Of::Mean, cells })
}

/// The place of the largest number of a window, the first of equals; of what is not a number the last.
fn largest(plane: &[f32], width: usize, rows: [usize; 2], columns: [usize; 2]) -> usize {
    let mut best = rows[0] * width + columns[0];
    for row in rows[0]..rows[1] {
        for at in row * width + columns[0]..row * width + columns[1] {
            if plane[at] > plane[best] || plane[at].is_nan() {
                best = at;
            }
        }
    }
    best
}

impl Pool {
    fn forward(&self, plane: &[f32], width: usize, output: &mut [f32]) {
        let lines = output.chunks_exact_mut(self.cells.columns.len()).zip(&self.cells.rows);
        for (line, &rows) in lines {
            for (output, &columns) in line.iter_mut().zip(&self.cells.columns) {
                *output = match self.of {
                    Of::Largest => plane[largest(plane, width, rows, columns)],
                    Of::Mean => {
                        let row = |row| &plane[row * width..][columns[0]..columns[1]];
                        let sum: f32 = (rows[0]..rows[1]).flat_map(row).sum();
                        sum / count(rows, columns)
                    }
                };
            }
        }
    }

    fn backward(&self, plane: &[f32], width: usize, gradient: &[f32], of_plane: &mut [f32]) {
        let lines = gradient.chunks_exact(self.cells.columns.len()).zip(&self.cells.rows);
        for (line, &rows) in lines {
            for (&gradient, &columns) in line.iter().zip(&self.cells.columns) {
                match self.of {
                    Of::Largest => of_plane[largest(plane, width, rows, columns)] += gradient,
                    Of::Mean => {
                        let share = gradient / count(rows, columns);
                        for row in rows[0]..rows[1] {
                            for of in &mut of_plane[row * width..][columns[0]..columns[1]] {
                                *of += share;
                            }
                        }
                    }
                }
            }
        }
    }

    fn output_pixels(&self) -> usize {
        self.cells.rows.len() * self.cells.columns.len()
    }
}

fn count(rows: [usize; 2], columns: [usize; 2]) -> f32 {
    ((rows[1] - rows[0]) * (columns[1] - columns[0])) as f32
}

impl CustomOp1 for Pool {
    fn name(&self) -> &'static str {
        "tcolz-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let mut output = vec![0f32; n * channels * self.output_pixels()];
        let planes = output.par_chunks_mut(self.output_pixels());
        planes
            .zip(slice(x, layout)?.par_chunks(height * width))
            .for_each(|(output, plane)| self.forward(plane, width, output));
        let shape = (n, channels, self.cells.rows.len(), self.cells.columns.len());
        Ok((CpuStorage::F32(output), Shape::from(shape)))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let gradient = gradient.contiguous()?;
        let (numbers, gradient) = (Numbers::of(x)?, Numbers::of(&gradient)?);
        let (numbers, gradient) = (&*numbers, &*gradient);
        let mut of_x = vec![0f32; numbers.len()];
        let planes = of_x.par_chunks_mut(height * width).zip(numbers.par_chunks(height * width));
        planes.zip(gradient.par_chunks(self.output_pixels())).for_each(
            |((of_plane, plane), gradient)| self.backward(plane, width, gradient, of_plane),
        );
        Tensor::from_vec(of_x, x.shape(), x.device()).map(Some)
    }
}
