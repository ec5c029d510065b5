//! What is computed for images of one size, in which order, and where in memory each value lies.
//!
//! A value is an image in blocks of [`BLOCK`] channels, `[block, row, column, channel of the block]`, with a border of
//! zeros as wide as its readers' windows reach. Features are images of one pixel, those of a batch one row. Values whose
//! time is over leave their slot of the workspace to later ones.

use std::collections::HashMap;
use std::sync::Arc;

use super::depthwise::Depthwise;
use super::draft::Draft;
use super::packed::{Packed, Runs};
use super::pool::Kind;
use super::product::{Bounds, Place};
use super::separable::{Separable, SeparableRuns, plane};
use super::simd::{BLOCK, Level};
use crate::spec::{Layer, Sides};

/// A layer's weights, packed.
#[derive(Debug, Clone)]
pub(super) enum Kernel {
    /// Of a convolution or linear layer.
    Dense(Arc<Packed>),
    /// Of a convolution of each channel by itself.
    Depthwise(Arc<Depthwise>),
}

/// An image between steps.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) channels: usize,
    pub(super) size: [usize; 2],
    pub(super) border: Sides,
    /// Part of a joined value, from this block on.
    pub(super) parent: Option<(usize, usize)>,
    /// Channels are planes of their own: only the photo that comes in.
    pub(super) planar: bool,
    pub(super) slot: usize,
    pub(super) place: Place,
}

impl Value {
    /// A value that lies nowhere yet.
    pub(super) fn new(channels: usize, size: [usize; 2]) -> Value {
        Value {
            channels,
            size,
            border: Sides::default(),
            parent: None,
            planar: false,
            slot: 0,
            place: Place::default(),
        }
    }

    pub(super) fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// Where a value's pixels lie in its slot, and how many numbers it takes.
    fn room(&self) -> (Place, usize) {
        let Value { channels, size: [height, width], border, planar, .. } = *self;
        let (rows, columns) =
            (border.top + height + border.bottom, border.left + width + border.right);
        if planar {
            let place = Place {
                origin: border.top * columns + border.left,
                plane: rows * columns,
                row: columns,
            };
            return (place, channels * place.plane);
        }
        let (plane, row) = (plane(rows, columns), columns * BLOCK);
        let origin = border.top * row + border.left * BLOCK;
        (Place { origin, plane, row }, channels.div_ceil(BLOCK) * plane)
    }
}

/// What is computed. Numbers are those of values.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a plan has some hundred steps, made once a size")]
pub(super) enum Step {
    Product {
        packed: Arc<Packed>,
        source: usize,
        target: usize,
        residual: Option<usize>,
        stride: usize,
        sides: Sides,
        bounds: Bounds,
        /// Known when all borders are.
        runs: Option<Runs>,
    },
    Separable {
        source: usize,
        target: usize,
        residual: Option<usize>,
        separable: Separable,
        /// Known when all borders are.
        runs: Option<SeparableRuns>,
    },
    Depthwise {
        weights: Arc<Depthwise>,
        source: usize,
        target: usize,
        stride: usize,
        sides: Sides,
        bounds: Bounds,
    },
    Pool {
        kind: Kind,
        source: usize,
        target: usize,
        window: [usize; 2],
        sides: Sides,
    },
    Adaptive {
        source: usize,
        target: usize,
    },
    Add {
        source: usize,
        body: usize,
        target: usize,
        scale: f32,
        bounds: Bounds,
    },
    Copy {
        source: usize,
        target: usize,
        first: usize,
    },
    Flatten {
        source: usize,
        target: usize,
    },
    /// Planes of channels → blocks.
    Block {
        source: usize,
        target: usize,
    },
}

impl Step {
    pub(super) fn target(&self) -> usize {
        match *self {
            Step::Product { target, .. }
            | Step::Separable { target, .. }
            | Step::Depthwise { target, .. }
            | Step::Pool { target, .. }
            | Step::Adaptive { target, .. }
            | Step::Add { target, .. }
            | Step::Copy { target, .. }
            | Step::Flatten { target, .. }
            | Step::Block { target, .. } => target,
        }
    }

    fn sources(&self) -> [Option<usize>; 2] {
        match *self {
            Step::Product { source, residual, .. } | Step::Separable { source, residual, .. } => {
                [Some(source), residual]
            }
            Step::Add { source, body, .. } => [Some(source), Some(body)],
            Step::Depthwise { source, .. }
            | Step::Pool { source, .. }
            | Step::Adaptive { source, .. }
            | Step::Copy { source, .. }
            | Step::Flatten { source, .. }
            | Step::Block { source, .. } => [Some(source), None],
        }
    }
}

/// The steps for one size of images and one number of threads.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) values: Vec<Value>,
    pub(super) steps: Vec<Step>,
    /// Numbers that each slot of a workspace holds.
    pub(super) slots: Vec<usize>,
    /// Threads that share the work on one input.
    pub(super) parts: usize,
    pub(super) level: Level,
    /// What comes out.
    pub(super) output: usize,
}

/// The value that comes in.
pub(super) const INPUT: usize = 0;

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Input {
    /// A photo of this height and width.
    Photo([usize; 2]),
    /// So many rows of so many features.
    Features([usize; 2]),
}

impl Plan {
    /// A plan for layers that take this input: [`super::Folded`] tested that they do.
    pub(super) fn new(
        layers: &[Layer],
        kernels: &HashMap<String, Kernel>,
        input: Input,
        level: Level,
        parts: usize,
    ) -> Result<Plan, String> {
        let input = match input {
            Input::Photo(size) => Value { planar: true, ..Value::new(3, size) },
            Input::Features([rows, features]) => Value::new(features, [1, rows]),
        };
        let Draft { values, steps, output, .. } = Draft::new(layers, kernels, input, level)?;
        Ok(Plan::placed(values, steps, output, level, parts))
    }

    /// Gives each value its place.
    pub(super) fn placed(
        values: Vec<Value>,
        steps: Vec<Step>,
        output: usize,
        level: Level,
        parts: usize,
    ) -> Plan {
        let mut plan = Plan { values, steps, slots: Vec::new(), parts, level, output };
        plan.slots = plan.share_slots();
        plan.place_values();
        plan
    }

    fn place_values(&mut self) {
        for value in 0..self.values.len() {
            let root = root(&self.values, value);
            let (mut block, mut above) = (0, value);
            while let Some((parent, first)) = self.values[above].parent {
                block += first;
                above = parent;
            }
            let (slot, place, border) =
                (self.values[root].slot, self.values[root].room().0, self.values[root].border);
            let value = &mut self.values[value];
            (value.slot, value.place, value.border) = (slot, place.moved(0, block), border);
        }
        for step in &mut self.steps {
            match step {
                Step::Product { packed, source, runs, .. } => {
                    let place = self.values[*source].place;
                    *runs = Some(packed.runs(place.plane, place.row));
                }
                Step::Separable { source, target, residual, separable, runs } => {
                    separable.source = self.values[*source].place;
                    separable.target = self.values[*target].place;
                    separable.residual = residual.map(|residual| self.values[residual].place);
                    *runs = Some(separable.runs(self.parts));
                }
                _ => {}
            }
        }
    }

    /// Gives values slots, those whose time is over to later ones; returns the slots' sizes.
    fn share_slots(&mut self) -> Vec<usize> {
        let mut last_use = vec![0; self.values.len()];
        for (number, step) in self.steps.iter().enumerate() {
            for source in step.sources().into_iter().flatten() {
                last_use[root(&self.values, source)] = number;
            }
        }
        last_use[root(&self.values, self.output)] = usize::MAX;
        let mut sizes = vec![self.values[INPUT].room().1];
        let mut taken = vec![Some(INPUT)];
        let mut placed = vec![false; self.values.len()];
        placed[INPUT] = true;
        for number in 0..self.steps.len() {
            let root = root(&self.values, self.steps[number].target());
            if !placed[root] {
                placed[root] = true;
                let size = self.values[root].room().1;
                // The free slot that must grow least, or wastes least.
                let free = (0..sizes.len()).filter(|&slot| taken[slot].is_none());
                let slot = free.min_by_key(|&slot| sizes[slot].abs_diff(size));
                let slot = slot.unwrap_or_else(|| {
                    sizes.push(0);
                    taken.push(None);
                    sizes.len() - 1
                });
                sizes[slot] = sizes[slot].max(size);
                taken[slot] = Some(root);
                self.values[root].slot = slot;
            }
            for taken in &mut taken {
                *taken = taken.filter(|&root| last_use[root] > number || !placed[root]);
            }
        }
        sizes
    }
}

/// The value that a part of a joined one lies in at last.
pub(super) fn root(values: &[Value], mut value: usize) -> usize {
    while let Some((parent, _)) = values[value].parent {
        value = parent;
    }
    value
}
