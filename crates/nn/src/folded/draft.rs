//! Layers → steps: what is fused with what, and which values there are.

use std::collections::HashMap;
use std::sync::Arc;

use super::depthwise::Depthwise;
use super::fold;
use super::lines::BLOCK;
use super::packed::{Order, Packed};
use super::pool::Kind;
use super::product::{Bounds, Place};
use super::separable::Separable;
use super::simd::Level;
use super::steps::{INPUT, Kernel, Step, Value, root};
use crate::spec::{Activation, Conv, Layer, Residual, Shape, Sides, output, windows};

/// Where the last of some layers writes, and what it adds.
#[derive(Debug, Clone, Copy, Default)]
struct Ending {
    into: Option<usize>,
    residual: Option<(usize, Activation)>,
}

/// The steps of a plan, before its values have places.
pub(super) struct Draft<'a> {
    kernels: &'a HashMap<String, Kernel>,
    level: Level,
    pub(super) values: Vec<Value>,
    pub(super) steps: Vec<Step>,
    /// The value that comes out.
    pub(super) output: usize,
}

/// The bounds of an activation.
fn bounds(activation: Activation) -> Bounds {
    match activation {
        Activation::None => [f32::NEG_INFINITY, f32::INFINITY],
        Activation::Relu => [0.0, f32::INFINITY],
        Activation::Relu6 => [0.0, 6.0],
    }
}

fn is_pointwise(layer: &Layer) -> Option<&Conv> {
    match layer {
        Layer::Conv(conv) if !conv.depthwise && conv.kernel == [1, 1] && conv.stride == 1 => {
            let unpadded = conv.padding.sides([1, 1], [1, 1], 1) == Sides::default();
            unpadded.then_some(conv)
        }
        _ => None,
    }
}

fn is_depthwise(layer: &Layer) -> Option<&Conv> {
    match layer {
        Layer::Conv(conv) if conv.depthwise => Some(conv),
        _ => None,
    }
}

impl<'a> Draft<'a> {
    /// The steps of layers that take `input`, value [`INPUT`].
    pub(super) fn new(
        layers: &[Layer],
        kernels: &'a HashMap<String, Kernel>,
        input: Value,
        level: Level,
    ) -> Result<Draft<'a>, String> {
        let mut draft =
            Draft { kernels, level, values: vec![input], steps: Vec::new(), output: INPUT };
        let output = draft.layers(layers, INPUT, Ending::default())?;
        draft.output = draft.blocked(output);
        Ok(draft)
    }

    fn value(&mut self, channels: usize, size: [usize; 2]) -> usize {
        self.values.push(Value::new(channels, size));
        self.values.len() - 1
    }

    fn target(&mut self, into: Option<usize>, channels: usize, size: [usize; 2]) -> usize {
        into.unwrap_or_else(|| self.value(channels, size))
    }

    /// Asks for zeros around a value.
    fn surround(&mut self, value: usize, sides: Sides) {
        let root = root(&self.values, value);
        let border = &mut self.values[root].border;
        border.top = border.top.max(sides.top);
        border.bottom = border.bottom.max(sides.bottom);
        border.left = border.left.max(sides.left);
        border.right = border.right.max(sides.right);
    }

    /// The value in blocks.
    fn blocked(&mut self, source: usize) -> usize {
        if !self.values[source].planar {
            return source;
        }
        let (channels, size) = (self.values[source].channels, self.values[source].size);
        let target = self.value(channels, size);
        self.steps.push(Step::Block { source, target });
        target
    }

    fn layers(&mut self, layers: &[Layer], input: usize, ending: Ending) -> Result<usize, String> {
        let layers: Vec<&Layer> =
            layers.iter().filter(|layer| !matches!(layer, Layer::Dropout { .. })).collect();
        if let ([], Some(target)) = (&layers[..], ending.into) {
            let source = self.blocked(input);
            self.steps.push(Step::Copy { source, target, first: 0 });
            return Ok(target);
        }
        let (mut value, mut rest) = (input, &layers[..]);
        while let Some(layer) = rest.first() {
            let fused = if self.values[value].planar { 0 } else { separable(rest) };
            let taken = fused.max(1);
            let ending = if taken == rest.len() { ending } else { Ending::default() };
            value = if fused > 0 {
                self.separable(&rest[..fused], value, ending)?
            } else {
                self.layer(layer, value, ending)?
            };
            rest = &rest[taken..];
        }
        Ok(value)
    }

    fn layer(&mut self, layer: &Layer, input: usize, ending: Ending) -> Result<usize, String> {
        let input = match layer {
            Layer::Conv(conv) if !conv.depthwise => {
                let planar = self.dense(&conv.name)?.order == Order::Planar;
                if planar { input } else { self.blocked(input) }
            }
            _ => self.blocked(input),
        };
        let Value { channels, size, .. } = self.values[input];
        let into = ending.into;
        match layer {
            Layer::Conv(conv) => self.conv(conv, input, ending),
            Layer::Linear(linear) => {
                let packed = self.dense(&linear.name)?;
                let target = self.target(into, linear.outputs, size);
                self.steps.push(Step::Product {
                    packed,
                    source: input,
                    target,
                    residual: None,
                    stride: 1,
                    sides: Sides::default(),
                    bounds: bounds(linear.activation),
                    runs: None,
                });
                Ok(target)
            }
            Layer::MaxPool(pool) | Layer::AveragePool(pool) => {
                let kind =
                    if matches!(layer, Layer::MaxPool(_)) { Kind::Max } else { Kind::Average };
                let sides = pool.padding.sides(size, [pool.kernel; 2], pool.stride);
                let out = fitting(size, [pool.kernel; 2], pool.stride, sides)?;
                let (target, window) =
                    (self.target(into, channels, out), [pool.kernel, pool.stride]);
                self.steps.push(Step::Pool { kind, source: input, target, window, sides });
                Ok(target)
            }
            Layer::AdaptiveAveragePool { side } => {
                let target = self.target(into, channels, [*side; 2]);
                self.steps.push(Step::Adaptive { source: input, target });
                Ok(target)
            }
            Layer::GlobalAveragePool => {
                let target = self.target(into, channels, [1, 1]);
                self.steps.push(Step::Adaptive { source: input, target });
                Ok(target)
            }
            Layer::Flatten => {
                let target = self.value(channels * size[0] * size[1], [1, 1]);
                self.steps.push(Step::Flatten { source: input, target });
                Ok(target)
            }
            Layer::Dropout { .. } => Ok(input),
            Layer::Residual(residual) => self.residual(residual, input, into),
            Layer::Branches(branches) => self.branches(branches, input, into),
        }
    }

    fn dense(&self, name: &str) -> Result<Arc<Packed>, String> {
        match self.kernels.get(name) {
            Some(Kernel::Dense(packed)) => Ok(packed.clone()),
            _ => Err(format!("{name} has no weights")),
        }
    }

    fn depthwise(&self, name: &str) -> Result<Arc<Depthwise>, String> {
        match self.kernels.get(name) {
            Some(Kernel::Depthwise(weights)) => Ok(weights.clone()),
            _ => Err(format!("{name} has no weights")),
        }
    }

    fn conv(&mut self, conv: &Conv, source: usize, ending: Ending) -> Result<usize, String> {
        let size = self.values[source].size;
        let sides = conv.padding.sides(size, conv.kernel, conv.stride);
        let out = fitting(size, conv.kernel, conv.stride, sides)?;
        if conv.depthwise {
            // What is added is fused into products only.
            let into = if ending.residual.is_some() { None } else { ending.into };
            let weights = self.depthwise(&conv.name)?;
            let target = self.target(into, conv.outputs, out);
            let bounds = bounds(conv.activation);
            let stride = conv.stride;
            self.steps.push(Step::Depthwise { weights, source, target, stride, sides, bounds });
            let Some((source, activation)) = ending.residual else { return Ok(target) };
            return Ok(self.add(source, target, 1.0, activation, ending.into));
        }
        let packed = self.dense(&conv.name)?;
        self.surround(source, sides);
        let target = self.target(ending.into, conv.outputs, out);
        let (residual, activation) = self.ending(ending, conv.activation);
        self.steps.push(Step::Product {
            packed,
            source,
            target,
            residual,
            stride: conv.stride,
            sides,
            bounds: bounds(activation),
            runs: None,
        });
        Ok(target)
    }

    fn ending(&self, ending: Ending, activation: Activation) -> (Option<usize>, Activation) {
        match ending.residual {
            Some((value, activation)) => (Some(value), activation),
            None => (None, activation),
        }
    }

    fn separable(
        &mut self,
        layers: &[&Layer],
        source: usize,
        ending: Ending,
    ) -> Result<usize, String> {
        let convs: Vec<&Conv> =
            layers.iter().filter_map(|l| is_pointwise(l).or(is_depthwise(l))).collect();
        let (expand, depthwise, project) = match convs[..] {
            [expand, depthwise, project] => (Some(expand), depthwise, project),
            [depthwise, project] => (None, depthwise, project),
            _ => return Err("a depthwise step has two or three layers".to_owned()),
        };
        let size = self.values[source].size;
        let sides = depthwise.padding.sides(size, depthwise.kernel, depthwise.stride);
        let out = fitting(size, depthwise.kernel, depthwise.stride, sides)?;
        let expand = match expand {
            Some(conv) => Some((self.dense(&conv.name)?, bounds(conv.activation))),
            None => None,
        };
        let target = self.target(ending.into, project.outputs, out);
        let (residual, activation) = self.ending(ending, project.activation);
        let nowhere = Place::default();
        let separable = Separable {
            level: self.level,
            expand,
            depthwise: (self.depthwise(&depthwise.name)?, bounds(depthwise.activation)),
            project: (self.dense(&project.name)?, bounds(activation)),
            stride: depthwise.stride,
            sides,
            size,
            out,
            source: nowhere,
            target: nowhere,
            residual: residual.map(|_| nowhere),
        };
        self.steps.push(Step::Separable { source, target, residual, separable, runs: None });
        Ok(target)
    }

    fn add(
        &mut self,
        source: usize,
        body: usize,
        scale: f32,
        activation: Activation,
        into: Option<usize>,
    ) -> usize {
        let Value { channels, size, .. } = self.values[source];
        let target = self.target(into, channels, size);
        let bounds = bounds(activation);
        self.steps.push(Step::Add { source, body, target, scale, bounds });
        target
    }

    fn residual(
        &mut self,
        residual: &Residual,
        input: usize,
        into: Option<usize>,
    ) -> Result<usize, String> {
        if fold::scaled(residual).is_some() {
            let ending = Ending { into, residual: Some((input, residual.activation)) };
            return self.layers(&residual.body, input, ending);
        }
        let body = self.layers(&residual.body, input, Ending::default())?;
        Ok(self.add(input, body, residual.scale, residual.activation, into))
    }

    /// Each branch writes its channels where they belong, if those begin a block; else they are copied there.
    fn branches(
        &mut self,
        branches: &[Vec<Layer>],
        input: usize,
        into: Option<usize>,
    ) -> Result<usize, String> {
        let value = &self.values[input];
        let shape = Shape::Image([value.channels, value.size[0], value.size[1]]);
        let mut shapes = Vec::new();
        for branch in branches {
            match output(branch, shape).map_err(|error| error.to_string())? {
                Shape::Image([channels, height, width]) => {
                    shapes.push((channels, [height, width]));
                }
                Shape::Features(_) => {
                    return Err("a branch gives no image".to_owned());
                }
            }
        }
        let channels = shapes.iter().map(|(channels, _)| channels).sum();
        let size = shapes.first().map_or([0, 0], |(_, size)| *size);
        let target = self.target(into, channels, size);
        let mut first = 0;
        for (branch, (channels, size)) in branches.iter().zip(shapes) {
            let last = first + channels == self.values[target].channels;
            if first % BLOCK == 0 && (channels % BLOCK == 0 || last) {
                let part = self.value(channels, size);
                self.values[part].parent = Some((target, first / BLOCK));
                self.layers(branch, input, Ending { into: Some(part), residual: None })?;
            } else {
                let source = self.layers(branch, input, Ending::default())?;
                let source = self.blocked(source);
                self.steps.push(Step::Copy { source, target, first });
            }
            first += channels;
        }
        Ok(target)
    }
}

/// How many of the next layers are one [`Separable`]: 0, 2 or 3.
fn separable(layers: &[&Layer]) -> usize {
    match layers {
        [expand, depthwise, project, ..]
            if is_pointwise(expand).is_some()
                && is_depthwise(depthwise).is_some()
                && is_pointwise(project).is_some() =>
        {
            3
        }
        [depthwise, project, ..]
            if is_depthwise(depthwise).is_some() && is_pointwise(project).is_some() =>
        {
            2
        }
        _ => 0,
    }
}

fn fitting(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    sides: Sides,
) -> Result<[usize; 2], String> {
    windows(size, kernel, stride, sides)
        .ok_or_else(|| format!("a window of {kernel:?} does not fit into {size:?}"))
}
