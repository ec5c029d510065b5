//! The folded network on the CPU: packed weights, plans by size, workspaces that come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::depthwise::Depthwise;
use super::fold::Weights;
use super::packed::{Order, Packed};
use super::plan::{Input, Plan};
use super::run::Workspace;
use super::simd::Level;
use super::steps::Kernel;
use crate::spec::{Layer, Spec};

/// Plans that are kept: a service sees one size of photos, but any number of them at once.
const PLANS: usize = 32;

/// One network, for any number of threads.
#[derive(Debug)]
pub(super) struct Engine {
    backbone: Vec<Layer>,
    head: Vec<Layer>,
    kernels: HashMap<String, Kernel>,
    level: Level,
    plans: Mutex<HashMap<(Input, usize), Arc<Plan>>>,
    workspaces: Mutex<Vec<Workspace>>,
}

impl Engine {
    /// Packs folded weights.
    pub(super) fn new(spec: &Spec, weights: &HashMap<String, Weights>, level: Level) -> Engine {
        let first = match spec.backbone.first() {
            Some(Layer::Conv(conv)) if !conv.depthwise => Some(conv.name.as_str()),
            _ => None,
        };
        let mut kernels = HashMap::new();
        for layer in spec.backbone.iter().chain(&spec.head) {
            layer.each(&mut |layer| {
                let (name, kernel) = match layer {
                    Layer::Conv(conv) if conv.depthwise => {
                        let weights = &weights[&conv.name];
                        let kernel = Depthwise::new(weights, conv.outputs, conv.kernel);
                        (&conv.name, Kernel::Depthwise(Arc::new(kernel)))
                    }
                    Layer::Conv(conv) => {
                        let order = if first == Some(conv.name.as_str()) {
                            Order::Planar
                        } else {
                            Order::Blocked
                        };
                        let kernel = Packed::new(&weights[&conv.name], conv.kernel_shape(), order);
                        (&conv.name, Kernel::Dense(Arc::new(kernel)))
                    }
                    Layer::Linear(linear) => {
                        let shape = [linear.outputs, linear.inputs, 1, 1];
                        let kernel = Packed::new(&weights[&linear.name], shape, Order::Blocked);
                        (&linear.name, Kernel::Dense(Arc::new(kernel)))
                    }
                    _ => return,
                };
                kernels.insert(name.clone(), kernel);
            });
        }
        Engine {
            backbone: spec.backbone.clone(),
            head: spec.head.clone(),
            kernels,
            level,
            plans: Mutex::default(),
            workspaces: Mutex::default(),
        }
    }

    /// Photos `[n, 3, height, width]` → features `[n, outputs]`. Whole photos are divided between threads; those
    /// that are left over have all threads one after another.
    pub(super) fn features(
        &self,
        photos: &[f32],
        size: [usize; 2],
        outputs: usize,
    ) -> Result<Vec<f32>, String> {
        let numbers = (3 * size[0] * size[1]).max(1);
        let photos_count = photos.len() / numbers;
        let mut features = vec![0f32; photos_count * outputs];
        if features.is_empty() {
            return Ok(features);
        }
        let threads = rayon::current_num_threads().max(1);
        let whole = photos_count / threads * threads;
        let (whole_photos, rest_photos) = photos.split_at(whole * numbers);
        let (whole_features, rest_features) = features.split_at_mut(whole * outputs);
        if whole > 0 {
            let plan = self.plan(&self.backbone, Input::Photo(size), 1)?;
            whole_photos
                .par_chunks_exact(numbers)
                .zip(whole_features.par_chunks_exact_mut(outputs))
                .with_max_len(1)
                .for_each(|(photo, features)| {
                    self.with_workspace(|workspace| workspace.photo(&plan, photo, features));
                });
        }
        if !rest_photos.is_empty() {
            let plan = self.plan(&self.backbone, Input::Photo(size), threads)?;
            self.with_workspace(|workspace| {
                let rest = rest_photos.chunks_exact(numbers);
                for (photo, features) in rest.zip(rest_features.chunks_exact_mut(outputs)) {
                    within_pool(|| workspace.photo(&plan, photo, features));
                }
            });
        }
        Ok(features)
    }

    /// Features `[n, inputs]` → logits `[n, outputs]`.
    pub(super) fn head(
        &self,
        features: &[f32],
        inputs: usize,
        outputs: usize,
    ) -> Result<Vec<f32>, String> {
        let rows = features.len() / inputs.max(1);
        let mut logits = vec![0f32; rows * outputs];
        if logits.is_empty() {
            return Ok(logits);
        }
        let threads = rayon::current_num_threads().max(1);
        let plan = self.plan(&self.head, Input::Features([rows, inputs]), threads)?;
        self.with_workspace(|workspace| {
            within_pool(|| workspace.rows(&plan, features, &mut logits));
        });
        Ok(logits)
    }

    fn plan(&self, layers: &[Layer], input: Input, parts: usize) -> Result<Arc<Plan>, String> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&(input, parts)) {
            return Ok(plan.clone());
        }
        let plan = Arc::new(Plan::new(layers, &self.kernels, input, self.level, parts)?);
        if plans.len() >= PLANS {
            plans.clear();
        }
        plans.insert((input, parts), plan.clone());
        Ok(plan)
    }

    fn with_workspace<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let workspaces = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = workspaces().pop().unwrap_or_default();
        let result = work(&mut workspace);
        workspaces().push(workspace);
        result
    }
}

/// Calls a function on a thread of the pool: steps are then divided without waiting for one to wake up.
fn within_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::join(work, || ()).0
}
