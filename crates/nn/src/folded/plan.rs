//! What is computed for images of one size, in which order, and where in memory each value lies.
//!
//! A value is an image in blocks of [`BLOCK`] channels, `[block, row, column, channel of the block]`, with a border of
//! zeros as wide as its readers' windows reach. Features are images of one pixel, those of a batch one row. Values whose
//! time is over leave their slot of the workspace to later ones.

use std::collections::HashMap;

use super::draft::Draft;
use super::simd::Level;
use super::steps::{INPUT, Kernel, Step, Value, root};
use crate::spec::Layer;

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
