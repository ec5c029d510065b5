//! What a batch came to: known at once, or still on the device.

use candle_core::Tensor;

use super::error::Result;

/// What a batch came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learnt {
    /// Mean loss.
    pub(super) loss: f64,
    /// What the mean was divided by.
    pub(super) weight: f64,
    /// Right answers.
    pub(super) right: u64,
    /// Samples.
    pub(super) samples: u64,
}

/// The same, perhaps still on its way.
#[derive(Debug)]
pub(super) enum Outcome {
    Known(Learnt),
    /// Loss, weight and right answers on the device, `[3]` of f32.
    Waiting {
        facts: Tensor,
        samples: u64,
    },
}

impl Outcome {
    /// All that is known of batches in their order; waits for the device once.
    pub(super) fn settle(outcomes: &[&Outcome]) -> Result<Vec<Learnt>> {
        let waiting: Vec<&Tensor> = outcomes.iter().filter_map(|outcome| outcome.facts()).collect();
        let fetched: Vec<Vec<f32>> = match waiting.as_slice() {
            [] => Vec::new(),
            waiting => Tensor::stack(waiting, 0)?.to_vec2()?,
        };
        let mut fetched = fetched.iter();
        let known = outcomes.iter().filter_map(|outcome| match **outcome {
            Outcome::Known(learnt) => Some(learnt),
            Outcome::Waiting { samples, .. } => fetched.next().map(|facts| Learnt {
                loss: f64::from(facts[0]),
                weight: f64::from(facts[1]),
                right: facts[2] as u64,
                samples,
            }),
        });
        Ok(known.collect())
    }

    /// Samples of the batch.
    pub(super) fn samples(&self) -> u64 {
        match self {
            Outcome::Known(learnt) => learnt.samples,
            Outcome::Waiting { samples, .. } => *samples,
        }
    }

    fn facts(&self) -> Option<&Tensor> {
        match self {
            Outcome::Known(_) => None,
            Outcome::Waiting { facts, .. } => Some(facts),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn what_waits_and_what_is_known_come_in_their_order() {
        let known = |loss| Outcome::Known(Learnt { loss, weight: 2.0, right: 1, samples: 2 });
        let waiting = |loss: f32| Outcome::Waiting {
            facts: Tensor::new(&[loss, 3.0, 2.0], &Device::Cpu).unwrap(),
            samples: 5,
        };
        let outcomes = [waiting(0.5), known(1.5), waiting(f32::NAN), known(2.5)];
        let settled = Outcome::settle(&outcomes.iter().collect::<Vec<_>>()).unwrap();
        let losses: Vec<f64> = settled.iter().map(|learnt| learnt.loss).collect();
        assert_eq!(losses[..2], [0.5, 1.5]);
        assert!(losses[2].is_nan() && losses[3] == 2.5);
        let of = |learnt: &Learnt| (learnt.weight, learnt.right, learnt.samples);
        assert_eq!((of(&settled[0]), of(&settled[1])), ((3.0, 2, 5), (2.0, 1, 2)));
        assert!(Outcome::settle(&[]).unwrap().is_empty());
    }
}
