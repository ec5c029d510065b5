//! Gradients of a chain, from its last stage to its first.

use candle_core::Result;
use rayon::prelude::*;

use super::super::kernels::buffer::Buffer;
use super::super::kernels::patches;
use super::super::kernels::pixels::{self, Affine};
use super::super::kernels::product::{Matrix, product};
use super::super::numbers::Numbers;
use super::forward::{Done, Held, Saved, Source};
use super::stage::{Follow, Plan, Windows};

/// The chain's input, its output and the output's gradient.
pub(super) struct Tensors<'a> {
    pub(super) x: &'a [f32],
    pub(super) output: &'a [f32],
    pub(super) gradient: &'a [f32],
}

/// What was found.
pub(super) struct Found {
    pub(super) x: Option<Vec<f32>>,
    /// In the order of the stages and their [`Plan::parameters`].
    pub(super) parameters: Vec<Vec<f32>>,
}

/// What a stage's output goes through before it is that of the stage, as far as its gradient is concerned.
struct Ending<'a> {
    numbers: &'a [f32],
    affine: Vec<Affine>,
    centre: Option<&'a [f32]>,
}

impl<'a> Ending<'a> {
    fn of(plan: &Plan, done: &'a Done, tensors: &Tensors<'a>) -> Ending<'a> {
        let numbers = match &done.held {
            Held::Input => tensors.x,
            Held::Own(numbers) => numbers,
            Held::Output => tensors.output,
        };
        // Behind an activation its own output tells where it was the identity.
        let plain = Affine { scale: 1.0, shift: 0.0, activation: plan.activation };
        let affine = done.affine.clone().unwrap_or_else(|| vec![plain; plan.outputs]);
        Ending { numbers, affine, centre: done.norm.as_ref().map(|norm| &norm.mean[..]) }
    }

    /// The gradient of an image behind the activation becomes that in front of it; gives each channel's sums.
    fn mask(&self, image: usize, gradient: &mut [f32], sums: &mut [[f64; 2]]) {
        let (size, pixels) = (gradient.len(), gradient.len() / sums.len());
        let numbers = &self.numbers[image * size..][..size];
        let planes = numbers.chunks_exact(pixels).zip(gradient.chunks_exact_mut(pixels));
        for (channel, (numbers, gradient)) in planes.enumerate() {
            let centre = self.centre.map_or(0.0, |centre| centre[channel]);
            sums[channel] = self.affine[channel].mask(numbers, centre, gradient);
        }
    }
}

/// Gradients of a chain of `n` images.
pub(super) fn run(
    plans: &[Plan],
    saved: &Saved,
    n: usize,
    tensors: &Tensors<'_>,
    of_x: bool,
) -> Result<Found> {
    let mut found = Found { x: None, parameters: Vec::new() };
    let (Some(last), Some(done)) = (plans.last(), saved.0.last()) else { return Ok(found) };
    let mut gradient = Buffer::new(tensors.gradient.len());
    let mut sums = vec![[0f64; 2]; n * last.outputs];
    let ending = Ending::of(last, done, tensors);
    let images = gradient.par_chunks_mut(last.output_size().max(1));
    let images = images.zip(tensors.gradient.par_chunks(last.output_size().max(1)));
    images.zip(sums.par_chunks_mut(last.outputs)).enumerate().for_each(
        |(number, ((image, gradient), sums))| {
            image.copy_from_slice(gradient);
            ending.mask(number, image, sums);
        },
    );
    for (number, plan) in plans.iter().enumerate().rev() {
        let ending = Ending::of(plan, &saved.0[number], tensors);
        let (factors, mut of_follow) = follow(plan, &saved.0[number], n, &sums)?;
        let before = number.checked_sub(1).map(|before| (&plans[before], &saved.0[before]));
        let source = Source::of(before.map(|(_, done)| done), tensors.x);
        let stage = StageGradient {
            plan,
            factors: factors.as_deref(),
            ending,
            source,
            before: before.map(|(plan, done)| Ending::of(plan, done, tensors)),
        };
        let size = n * plan.input_size();
        let of_kernel;
        if number == 0 {
            let mut of_input = of_x.then(|| vec![0f32; size]);
            of_kernel = stage.run(&mut gradient, of_input.as_deref_mut(), &mut [])?;
            found.x = of_input;
        } else {
            let mut of_input = Buffer::new(size);
            sums = vec![[0f64; 2]; n * plan.inputs];
            of_kernel = stage.run(&mut gradient, Some(&mut of_input), &mut sums)?;
            gradient = of_input;
        }
        // Backwards, as the stages are.
        of_follow.reverse();
        found.parameters.append(&mut of_follow);
        found.parameters.extend(of_kernel);
    }
    found.parameters.reverse();
    Ok(found)
}

/// From the sums over each image and channel: what the gradient in front of BatchNorm is made of, and the
/// gradients of what follows the convolution.
#[expect(clippy::type_complexity, reason = "named by the sentence above")]
fn follow(
    plan: &Plan,
    done: &Done,
    n: usize,
    sums: &[[f64; 2]],
) -> Result<(Option<Vec<[f32; 3]>>, Vec<Vec<f32>>)> {
    let total = |channel: usize, which: usize| -> f64 {
        (0..n).map(|image| sums[image * plan.outputs + channel][which]).sum()
    };
    let (of_bias, of_products): (Vec<f64>, Vec<f64>) =
        (0..plan.outputs).map(|channel| (total(channel, 0), total(channel, 1))).unzip();
    let bias = || of_bias.iter().map(|&sum| sum as f32).collect();
    let (weight, norm) = match (&plan.follow, &done.norm) {
        (Follow::Norm { weight, .. }, Some(norm)) => (Numbers::of(weight)?, norm),
        (Follow::Bias(_), _) => return Ok((None, vec![bias()])),
        _ => return Ok((None, Vec::new())),
    };
    let count = (n * plan.geometry.output_pixels()) as f64;
    let factors = (0..plan.outputs).map(|channel| {
        let inverse = f64::from(norm.inverse[channel]);
        let scale = f64::from(weight[channel]) * inverse;
        if norm.variance.is_none() {
            return [scale as f32, 0.0, 0.0];
        }
        // Ioffe and Szegedy 2015, section 3, in terms of x − mean.
        let of_input = -scale * inverse * inverse * of_products[channel] / count;
        [scale as f32, of_input as f32, (-scale * of_bias[channel] / count) as f32]
    });
    let of_weight = of_products.iter().zip(&norm.inverse);
    let of_weight = of_weight.map(|(&sum, &inverse)| (sum * f64::from(inverse)) as f32).collect();
    Ok((Some(factors.collect()), vec![of_weight, bias()]))
}

struct StageGradient<'a> {
    plan: &'a Plan,
    /// Of BatchNorm; see [`pixels::combine`].
    factors: Option<&'a [[f32; 3]]>,
    ending: Ending<'a>,
    source: Source<'a>,
    /// The end of the stage before.
    before: Option<Ending<'a>>,
}

/// A group of images, one thread's work.
struct Group<'a> {
    first: usize,
    gradient: &'a mut [f32],
    of_input: Option<&'a mut [f32]>,
    sums: Option<&'a mut [[f64; 2]]>,
    of_kernel: &'a mut [f32],
}

impl StageGradient<'_> {
    /// The gradient in front of the activation becomes that behind the convolution; gives that of the kernel, and
    /// that of the input with its sums behind the activation of the stage before.
    fn run(
        &self,
        gradient: &mut [f32],
        of_input: Option<&mut [f32]>,
        sums: &mut [[f64; 2]],
    ) -> Result<Option<Vec<f32>>> {
        let plan = self.plan;
        let n = gradient.len() / plan.output_size().max(1);
        let group = plan.group(n);
        let kernel = plan.kernel.as_ref().map(Numbers::of).transpose()?;
        let kernel = kernel.as_deref().unwrap_or_default();
        let mut partial = Buffer::zeros(n.div_ceil(group) * kernel.len());
        let mut partials = partial.chunks_exact_mut(kernel.len().max(1));
        let mut inputs = of_input.map(|of_input| of_input.chunks_mut(group * plan.input_size()));
        let mut all_sums = sums.chunks_mut(group * plan.inputs);
        let groups = gradient.chunks_mut((group * plan.output_size()).max(1)).enumerate();
        let groups: Vec<Group<'_>> = groups
            .map(|(number, gradient)| Group {
                first: number * group,
                gradient,
                of_input: inputs.as_mut().and_then(Iterator::next),
                sums: all_sums.next(),
                of_kernel: partials.next().unwrap_or_default(),
            })
            .collect();
        groups.into_par_iter().for_each(|group| self.group(kernel, group));
        if plan.kernel.is_none() {
            return Ok(None);
        }
        let mut total = vec![0f32; kernel.len()];
        const PART: usize = 1 << 14;
        total.par_chunks_mut(PART).enumerate().for_each(|(part, total)| {
            for partial in partial.chunks_exact(kernel.len().max(1)) {
                pixels::add(total, &partial[part * PART..][..total.len()]);
            }
        });
        Ok(Some(total))
    }

    fn group(&self, kernel: &[f32], group: Group<'_>) {
        let Group { first, gradient, mut of_input, mut sums, of_kernel } = group;
        let plan = self.plan;
        let (input_size, size) = (plan.input_size(), plan.output_size());
        let mut scratch = Scratch::new(plan, self.source);
        for (number, gradient) in gradient.chunks_exact_mut(size).enumerate() {
            let image = first + number;
            if let Some(factors) = self.factors {
                self.combine(image, factors, gradient);
            }
            let input = &self.source.numbers[image * input_size..][..input_size];
            let mut of_input =
                of_input.as_deref_mut().map(|of| &mut of[number * input_size..][..input_size]);
            let of_image = of_input.as_deref_mut();
            self.image(kernel, &mut scratch, input, gradient, of_image, of_kernel);
            if let (Some(before), Some(of_input), Some(sums)) =
                (&self.before, of_input, sums.as_deref_mut())
            {
                before.mask(image, of_input, &mut sums[number * plan.inputs..][..plan.inputs]);
            }
        }
    }

    fn combine(&self, image: usize, factors: &[[f32; 3]], gradient: &mut [f32]) {
        let (size, pixels) = (gradient.len(), self.plan.geometry.output_pixels());
        let numbers = &self.ending.numbers[image * size..][..size];
        let planes = numbers.chunks_exact(pixels).zip(gradient.chunks_exact_mut(pixels));
        for (channel, (numbers, gradient)) in planes.enumerate() {
            let centre = self.ending.centre.map_or(0.0, |centre| centre[channel]);
            pixels::combine(numbers, centre, factors[channel], gradient);
        }
    }

    /// One image.
    fn image(
        &self,
        kernel: &[f32],
        scratch: &mut Scratch,
        input: &[f32],
        gradient: &[f32],
        mut of_input: Option<&mut [f32]>,
        of_kernel: &mut [f32],
    ) {
        let plan = self.plan;
        let geometry = &plan.geometry;
        let (pixels, output_pixels) = (geometry.pixels(), geometry.output_pixels());
        match &plan.windows {
            Windows::None => {
                if let Some(of_input) = of_input {
                    of_input.copy_from_slice(gradient);
                }
            }
            Windows::Pointwise => {
                let piece = plan.piece_pixels();
                let kernel = Matrix::new(kernel, plan.outputs, plan.inputs);
                for first in (0..pixels).step_by(piece) {
                    let range = first..(first + piece).min(pixels);
                    let length = range.len();
                    let space = self.source.scratch(plan.inputs * length);
                    let matrix =
                        self.source.pixels(input, pixels, range, &mut scratch.input[..space]);
                    let gradient =
                        Matrix::with_pitch(&gradient[first..], plan.outputs, length, pixels);
                    product(of_kernel, plan.inputs, true, gradient, matrix.t());
                    if let Some(of_input) = &mut of_input {
                        product(&mut of_input[first..], pixels, false, kernel.t(), gradient);
                    }
                }
            }
            Windows::Depthwise(spread) => {
                let planes = input.chunks_exact(pixels).zip(gradient.chunks_exact(output_pixels));
                for (channel, (input, gradient)) in planes.enumerate() {
                    let affine = self.source.affine.map(|affine| affine[channel]);
                    spread.spread(input, affine, &mut scratch.columns);
                    spread.widen(gradient, &mut scratch.lines);
                    let of_kernel = &mut of_kernel[channel * geometry.taps()..][..geometry.taps()];
                    spread.kernel_gradient(&scratch.columns, &scratch.lines, of_kernel);
                    if let Some(of_input) = &mut of_input {
                        let kernel = &kernel[channel * geometry.taps()..][..geometry.taps()];
                        spread.convolve_back(&scratch.lines, kernel, &mut scratch.columns);
                        spread
                            .collect(&scratch.columns, &mut of_input[channel * pixels..][..pixels]);
                    }
                }
            }
            Windows::Full => {
                let input = self.source.image(input, pixels, &mut scratch.input);
                let (piece, width, depth) = (plan.piece_rows(), geometry.output[1], plan.depth());
                let kernel = Matrix::new(kernel, plan.outputs, depth);
                if let Some(of_input) = &mut of_input {
                    of_input.fill(0.0);
                }
                for first in (0..geometry.output[0]).step_by(piece) {
                    let rows = first..(first + piece).min(geometry.output[0]);
                    let length = rows.len() * width;
                    let columns = &mut scratch.columns[..depth * length];
                    patches::gather(input, geometry, rows.clone(), columns);
                    let gradient = Matrix::with_pitch(
                        &gradient[first * width..],
                        plan.outputs,
                        length,
                        output_pixels,
                    );
                    let matrix = Matrix::new(columns, depth, length);
                    product(of_kernel, depth, true, gradient, matrix.t());
                    if let Some(of_input) = &mut of_input {
                        product(columns, length, false, kernel.t(), gradient);
                        patches::scatter(columns, geometry, rows, of_input);
                    }
                }
            }
        }
    }
}

/// Memory of one thread.
struct Scratch {
    input: Buffer,
    columns: Buffer,
    lines: Buffer,
}

impl Scratch {
    fn new(plan: &Plan, source: Source<'_>) -> Scratch {
        let (input, columns, lines) = match &plan.windows {
            Windows::None => (0, 0, 0),
            Windows::Pointwise => (source.scratch(plan.inputs * plan.piece_pixels()), 0, 0),
            Windows::Depthwise(spread) => (0, spread.length(), spread.gradient_length()),
            Windows::Full => {
                let columns = plan.depth() * plan.piece_rows() * plan.geometry.output[1];
                (source.scratch(plan.input_size()), columns, 0)
            }
        };
        Scratch {
            input: Buffer::new(input),
            columns: Buffer::new(columns),
            lines: Buffer::new(lines),
        }
    }
}
