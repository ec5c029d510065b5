//! Loss scaling for float16, as `torch.amp.GradScaler`: what is too small for float16 on the way back is made larger
//! before it and smaller behind it; a step whose gradients overflow is left out, and the factor halved.

use serde::{Deserialize, Serialize};

/// Steps without overflow after which the factor is doubled.
const GROWTH_INTERVAL: u32 = 2000;
/// Largest and smallest factor: powers of two, by which a float is scaled without rounding.
const LARGEST: f64 = 16_777_216.0;

/// The factor, and how long it has held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct LossScale {
    pub(super) factor: f64,
    held: u32,
}

impl Default for LossScale {
    fn default() -> LossScale {
        LossScale { factor: 65_536.0, held: 0 }
    }
}

impl LossScale {
    /// A step is over, whose gradients were finite or not. False: the factor is at its end, and they still overflow.
    pub(super) fn stepped(&mut self, finite: bool) -> bool {
        if !finite {
            (self.factor, self.held) = (self.factor / 2.0, 0);
            return self.factor >= 1.0;
        }
        self.held += 1;
        if self.held >= GROWTH_INTERVAL {
            (self.factor, self.held) = ((self.factor * 2.0).min(LARGEST), 0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_halves_with_each_overflow_and_doubles_when_it_has_held() {
        let mut scale = LossScale::default();
        assert!(scale.stepped(false) && scale.factor == 32_768.0);
        for _ in 1..GROWTH_INTERVAL {
            assert!(scale.stepped(true) && scale.factor == 32_768.0);
        }
        assert!(scale.stepped(true) && scale.factor == 65_536.0);
        for _ in 0..16 {
            assert!(scale.stepped(false));
        }
        assert_eq!(scale.factor, 1.0);
        assert!(!scale.stepped(false), "nothing left to halve");
    }
}
