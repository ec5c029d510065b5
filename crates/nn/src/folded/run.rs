//! A plan, carried out in a workspace.

#![allow(unsafe_code, reason = "SIMD")]

use super::depthwise::{self, DepthwiseJob};
use super::lines::BLOCK;
use super::lines::{Lines, Shared};
use super::packed::Order;
use super::plan::Plan;
use super::pool::{self, Image, ImageMut};
use super::product::{self, Job};
use super::separable::{Scratch, each};
use super::steps::{INPUT, Step, Value};

/// Memory that a plan is carried out in; it grows to the largest plan and is used again and again.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    slots: Vec<Lines>,
    scratch: Vec<Scratch>,
}

fn image<'a>(slots: &'a [Lines], value: &Value) -> Image<'a> {
    Image { numbers: slots[value.slot].numbers(), place: value.place, size: value.size }
}

fn image_mut<'a>(numbers: &'a mut Lines, value: &Value) -> ImageMut<'a> {
    ImageMut { numbers: numbers.numbers_mut(), place: value.place, size: value.size }
}

/// Copies a photo, row after row, with zeros around.
fn fill(numbers: &mut [f32], input: &Value, photo: &[f32]) {
    let Value { size: [height, width], border, place, .. } = *input;
    if height * width == 0 {
        return;
    }
    let planes = numbers.chunks_exact_mut(place.plane).zip(photo.chunks_exact(height * width));
    for (plane, photo) in planes {
        let (above, rows) = plane.split_at_mut(border.top * place.row);
        let (rows, below) = rows.split_at_mut(height * place.row);
        above.fill(0.0);
        below.fill(0.0);
        for (row, photo) in rows.chunks_exact_mut(place.row).zip(photo.chunks_exact(width)) {
            let (left, row) = row.split_at_mut(border.left);
            let (row, right) = row.split_at_mut(width);
            left.fill(0.0);
            row.copy_from_slice(photo);
            right.fill(0.0);
        }
    }
}

impl Workspace {
    /// Makes room for a plan.
    pub(super) fn reserve(&mut self, plan: &Plan) {
        if self.slots.len() < plan.slots.len() {
            self.slots.resize_with(plan.slots.len(), Lines::default);
        }
        for (slot, &numbers) in self.slots.iter_mut().zip(&plan.slots) {
            slot.reserve(numbers);
        }
        if self.scratch.len() < plan.parts {
            self.scratch.resize_with(plan.parts, Scratch::default);
        }
    }

    /// Carries out a plan for a photo `[3, height, width]`.
    pub(super) fn photo(&mut self, plan: &Plan, photo: &[f32], features: &mut [f32]) {
        self.reserve(plan);
        let input = &plan.values[INPUT];
        fill(self.slots[input.slot].numbers_mut(), input, photo);
        self.steps(plan);
        // Features are one pixel: their blocks lie one after another.
        let output = &plan.values[plan.output];
        let found = &self.slots[output.slot].numbers()[output.place.origin..];
        features.copy_from_slice(&found[..features.len()]);
    }

    /// Carries out a plan for rows of features; logits are rows, too.
    pub(super) fn rows(&mut self, plan: &Plan, features: &[f32], logits: &mut [f32]) {
        self.reserve(plan);
        let input = &plan.values[INPUT];
        let numbers = self.slots[input.slot].numbers_mut();
        for (row, features) in features.chunks_exact(input.channels.max(1)).enumerate() {
            for (block, features) in features.chunks(BLOCK).enumerate() {
                let at = input.place.origin + block * input.place.plane + row * BLOCK;
                numbers[at..at + features.len()].copy_from_slice(features);
            }
        }
        self.steps(plan);
        let output = &plan.values[plan.output];
        let found = self.slots[output.slot].numbers();
        for (row, logits) in logits.chunks_exact_mut(output.channels.max(1)).enumerate() {
            for (block, logits) in logits.chunks_mut(BLOCK).enumerate() {
                let at = output.place.origin + block * output.place.plane + row * BLOCK;
                logits.copy_from_slice(&found[at..at + logits.len()]);
            }
        }
    }

    fn steps(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let value = &plan.values[step.target()];
            // Sources lie in other slots.
            let mut target = std::mem::take(&mut self.slots[value.slot]);
            image_mut(&mut target, value).clear_border(value.blocks(), value.border);
            self.step(plan, step, &mut target);
            self.slots[value.slot] = target;
        }
    }

    fn step(&mut self, plan: &Plan, step: &Step, target_slot: &mut Lines) {
        let Workspace { slots, scratch } = self;
        let scratch = &mut scratch[..plan.parts];
        let value = |number: usize| &plan.values[number];
        let numbers = |number: usize| slots[value(number).slot].numbers();
        let source_of = |number: usize| image(slots, value(number));
        match step {
            Step::Product { packed, source, target, residual, stride, sides, bounds, runs } => {
                let Some(runs) = runs else { return };
                let (from, to) = (value(*source), value(*target));
                let pixel = if packed.order == Order::Planar { 1 } else { BLOCK };
                let mut windows = from.place;
                windows.origin -= sides.top * from.place.row + sides.left * pixel;
                windows.row *= stride;
                let job = Job {
                    level: plan.level,
                    packed,
                    runs,
                    bounds: *bounds,
                    source: windows,
                    step: stride * pixel,
                    target: to.place,
                    first_block: 0,
                    residual: residual.map(|residual| value(residual).place),
                    rows: to.size[0],
                    columns: to.size[1],
                }
                .flattened();
                let (source, residual) = (numbers(*source), residual.map(numbers));
                let target = Shared::new(target_slot.numbers_mut());
                each(scratch, |part, _| {
                    for region in job.part(part, plan.parts) {
                        // SAFETY: regions of different parts do not overlap, and the target is in no other use.
                        unsafe { product::run(&job, &region, source, residual, target) };
                    }
                });
            }
            Step::Separable { source, residual, separable, runs, .. } => {
                let Some(runs) = runs else { return };
                let (source, residual) = (numbers(*source), residual.map(numbers));
                separable.run(runs, scratch, source, residual, target_slot.numbers_mut());
            }
            Step::Depthwise { weights, source, target, stride, sides, bounds } => {
                let (from, to) = (value(*source), value(*target));
                let job = DepthwiseJob {
                    level: plan.level,
                    weights,
                    bounds: *bounds,
                    stride: *stride,
                    sides: *sides,
                    size: from.size,
                    present: 0..from.size[0],
                    source: from.place,
                    rows: 0..to.size[0],
                    width: to.size[1],
                    target: to.place,
                    blocks: 0..to.blocks(),
                };
                let target = Shared::new(target_slot.numbers_mut());
                // SAFETY: the target is in no other use.
                unsafe { depthwise::run(&job, numbers(*source), target) };
            }
            Step::Pool { kind, source, target, window, sides } => {
                let target = value(*target);
                let to = image_mut(target_slot, target);
                pool::pool(*kind, target.blocks(), *window, *sides, source_of(*source), to);
            }
            Step::Adaptive { source, target } => {
                let target = value(*target);
                let to = image_mut(target_slot, target);
                pool::adaptive(target.blocks(), source_of(*source), to);
            }
            Step::Add { source, body, target, scale, bounds } => {
                let target = value(*target);
                let (x, body) = (source_of(*source), source_of(*body));
                let to = image_mut(target_slot, target);
                pool::add(target.blocks(), *scale, *bounds, x, body, to);
            }
            Step::Copy { source, target, first } => {
                let to = image_mut(target_slot, value(*target));
                pool::copy(value(*source).channels, *first, source_of(*source), to);
            }
            Step::Flatten { source, target } => {
                let to = image_mut(target_slot, value(*target));
                let features = &mut to.numbers[to.place.origin..];
                pool::flatten(value(*source).channels, source_of(*source), features);
            }
            Step::Block { source, target } => {
                let mut to = image_mut(target_slot, value(*target));
                let from = value(*source);
                to.fill_from_planes(from.channels, numbers(*source), from.place);
            }
        }
    }
}
