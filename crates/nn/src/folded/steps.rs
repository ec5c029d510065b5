//! What is computed one after the other, and the images between.

use std::sync::Arc;

use super::depthwise::Depthwise;
use super::lines::BLOCK;
use super::packed::{Packed, Runs};
use super::pool::Kind;
use super::product::{Bounds, Place};
use super::separable::{Separable, SeparableRuns, plane};
use crate::spec::Sides;

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
    pub(super) fn room(&self) -> (Place, usize) {
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

    pub(super) fn sources(&self) -> [Option<usize>; 2] {
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

/// The value that comes in.
pub(super) const INPUT: usize = 0;

/// The value that a part of a joined one lies in at last.
pub(super) fn root(values: &[Value], mut value: usize) -> usize {
    while let Some((parent, _)) = values[value].parent {
        value = parent;
    }
    value
}
