//! Windows over one channel.
//!
//! A channel is first spread: with its sides, and split by stride into the planes of every `stride`-th row and
//! column. Then each tap of the window meets numbers that lie side by side, for all rows at once, and every loop
//! is over one long line, however small the image. A line of the output is `pitch` numbers long, the width of a
//! plane; what lies behind the output's own width is of no use, and is 0 in a gradient.

use super::pixels::{Affine, dot};
use super::{Geometry, vectorised};

/// Numbers that stay in registers while the taps go by.
const BLOCK: usize = 64;

/// How a channel is spread.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    geometry: Geometry,
    /// Length of a line.
    pitch: usize,
    /// Lines of a plane.
    lines: usize,
    /// Where each tap's numbers begin in the spread channel.
    taps: Vec<usize>,
}

impl Spread {
    pub(crate) fn new(geometry: Geometry) -> Spread {
        let Geometry { image, kernel, stride, output, .. } = geometry;
        // As long as the windows need and as the image needs, whose last rows may meet no window.
        let need = |output: usize, kernel: usize, image: usize, before: usize| {
            (output + (kernel - 1) / stride).max((image + before).div_ceil(stride))
        };
        let pitch = need(output[1], kernel[1], image[1], geometry.sides.left);
        let lines = need(output[0], kernel[0], image[0], geometry.sides.top);
        let mut spread = Spread { geometry, pitch, lines, taps: Vec::new() };
        for tap in 0..geometry.taps() {
            let (row, column) = (tap / kernel[1], tap % kernel[1]);
            let offset = row / stride * pitch + column / stride;
            spread.taps.push(spread.plane(row, column) * spread.plane_length() + offset);
        }
        spread
    }

    /// The plane of a row and a column.
    fn plane(&self, row: usize, column: usize) -> usize {
        let stride = self.geometry.stride;
        row % stride * stride + column % stride
    }

    /// Numbers of a plane; so many more lie behind the last one that a line may run over its end.
    fn plane_length(&self) -> usize {
        self.lines * self.pitch
    }

    fn planes(&self) -> usize {
        self.geometry.stride * self.geometry.stride
    }

    /// Numbers of a spread channel.
    pub(crate) fn length(&self) -> usize {
        self.planes() * self.plane_length() + self.pitch
    }

    /// Numbers of an output in lines.
    pub(crate) fn output_length(&self) -> usize {
        self.geometry.output[0] * self.pitch
    }

    /// The furthest that a tap lies from the beginning of its plane.
    fn furthest(&self) -> usize {
        let Geometry { kernel, stride, .. } = self.geometry;
        (kernel[0] - 1) / stride * self.pitch + (kernel[1] - 1) / stride
    }

    /// Numbers of a gradient in lines, with the zeros that lie in front.
    pub(crate) fn gradient_length(&self) -> usize {
        self.furthest() + self.plane_length().max(self.output_length()) + self.pitch
    }

    /// The part of a line that one row and one column phase of the image fill: places in the plane, first pixel.
    fn part(&self, phase: usize, before: usize, size: usize) -> (std::ops::Range<usize>, usize) {
        let stride = self.geometry.stride;
        // The first place whose pixel place·stride + phase − before is inside.
        let first = before.saturating_sub(phase).div_ceil(stride);
        let end = (before + size).saturating_sub(phase).div_ceil(stride).max(first);
        (first..end, (first * stride + phase).saturating_sub(before))
    }

    /// Spreads a channel after `affine`; zeros lie around it.
    pub(crate) fn spread(&self, image: &[f32], affine: Option<Affine>, spread: &mut [f32]) {
        let Geometry { image: [height, width], stride, sides, .. } = self.geometry;
        let parts: Vec<_> = (0..stride).map(|phase| self.part(phase, sides.left, width)).collect();
        let affine = affine.map(|affine| (affine, affine.bounds()));
        vectorised(
            #[inline(always)]
            || {
                if stride > 1 {
                    spread.fill(0.0);
                }
                // Of one plane: what lies before this has been written.
                let mut written = 0;
                for (y, row) in image.chunks_exact(width).enumerate() {
                    let at = y + sides.top;
                    for (column, (places, from)) in parts.iter().enumerate() {
                        let start =
                            self.plane(at, column) * self.plane_length() + at / stride * self.pitch;
                        let places = start + places.start..start + places.end;
                        if stride == 1 {
                            spread[written..places.start].fill(0.0);
                            written = places.end;
                        }
                        let target = &mut spread[places];
                        if target.is_empty() {
                            continue;
                        }
                        match affine {
                            None if stride == 1 => target.copy_from_slice(row),
                            None => {
                                let row = row[*from..].iter().step_by(stride);
                                target.iter_mut().zip(row).for_each(|(target, &x)| *target = x);
                            }
                            Some((affine, bounds)) if stride == 1 => {
                                for (target, &x) in target.iter_mut().zip(row) {
                                    *target = affine.of(x, bounds);
                                }
                            }
                            Some((affine, bounds)) => {
                                let row = row[*from..].iter().step_by(stride);
                                for (target, &x) in target.iter_mut().zip(row) {
                                    *target = affine.of(x, bounds);
                                }
                            }
                        }
                    }
                }
                debug_assert_eq!(image.len(), height * width);
                if stride == 1 {
                    spread[written..].fill(0.0);
                }
            },
        );
    }

    /// The way back: the pixels of a spread channel.
    pub(crate) fn collect(&self, spread: &[f32], image: &mut [f32]) {
        let Geometry { image: [height, width], stride, sides, .. } = self.geometry;
        for y in 0..height {
            let row = &mut image[y * width..][..width];
            let at = y + sides.top;
            for column in 0..stride {
                let (places, from) = self.part(column, sides.left, width);
                let start = self.plane(at, column) * self.plane_length() + at / stride * self.pitch;
                let source = &spread[start..][places];
                if stride == 1 {
                    row.copy_from_slice(source);
                } else if !source.is_empty() {
                    for (target, source) in row[from..].iter_mut().step_by(stride).zip(source) {
                        *target = *source;
                    }
                }
            }
        }
    }

    /// The convolution of a spread channel, in lines.
    pub(crate) fn convolve(&self, spread: &[f32], kernel: &[f32], lines: &mut [f32]) {
        let taps: Vec<(usize, f32)> =
            self.taps.iter().copied().zip(kernel.iter().copied()).collect();
        weigh(
            spread,
            &taps,
            &mut lines[..self.output_length() - (self.pitch - self.geometry.output[1])],
        );
    }

    /// Lines without what lies behind the output's width.
    pub(crate) fn narrow(&self, lines: &[f32], output: &mut [f32]) {
        let width = self.geometry.output[1];
        for (line, output) in lines.chunks(self.pitch).zip(output.chunks_exact_mut(width)) {
            output.copy_from_slice(&line[..width]);
        }
    }

    /// An output's gradient in lines, zeros in front of it, behind it and behind each line.
    pub(crate) fn widen(&self, gradient: &[f32], lines: &mut [f32]) {
        let width = self.geometry.output[1];
        lines.fill(0.0);
        let lines = lines[self.furthest()..].chunks_mut(self.pitch);
        for (line, gradient) in lines.zip(gradient.chunks_exact(width)) {
            line[..width].copy_from_slice(gradient);
        }
    }

    /// The gradient of a spread channel, from that of the output as [`Spread::widen`] gives it.
    pub(crate) fn convolve_back(&self, lines: &[f32], kernel: &[f32], spread: &mut [f32]) {
        let Geometry { kernel: [_, columns], stride, .. } = self.geometry;
        let length = self.plane_length();
        for plane in 0..self.planes() {
            let of_plane = self.taps.iter().zip(kernel).enumerate().filter(|&(tap, _)| {
                self.plane(tap / columns % stride, tap % columns % stride) == plane
            });
            // A number of the plane is met by the output at its own place less the tap's.
            let taps: Vec<(usize, f32)> = of_plane
                .map(|(_, (tap, &weight))| (self.furthest() - (tap - plane * length), weight))
                .collect();
            weigh(lines, &taps, &mut spread[plane * length..][..length]);
        }
    }

    /// Adds a channel's share to the gradient of its kernel.
    pub(crate) fn kernel_gradient(&self, spread: &[f32], lines: &[f32], gradient: &mut [f32]) {
        let length = self.output_length() - (self.pitch - self.geometry.output[1]);
        let lines = &lines[self.furthest()..][..length];
        for (gradient, &tap) in gradient.iter_mut().zip(&self.taps) {
            *gradient += dot(lines, &spread[tap..][..length]) as f32;
        }
    }
}

/// `output[i] = Σ weight · source[i + first]` over the taps.
fn weigh(source: &[f32], taps: &[(usize, f32)], output: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            let (blocks, rest) = output.as_chunks_mut::<BLOCK>();
            let mut at = 0;
            for block in blocks {
                let mut sums = [0f32; BLOCK];
                for &(first, weight) in taps {
                    let source = &source[first + at..][..BLOCK];
                    for (sum, source) in sums.iter_mut().zip(source) {
                        *sum += weight * source;
                    }
                }
                *block = sums;
                at += BLOCK;
            }
            rest.fill(0.0);
            for &(first, weight) in taps {
                for (sum, source) in rest.iter_mut().zip(&source[first + at..]) {
                    *sum += weight * source;
                }
            }
        },
    );
}
